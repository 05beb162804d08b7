//! HTTP+JSON: which paths lead where, and how answers, streams and refusals look.

mod permits;

use super::*;
use crate::stream::open::EndReason;

const TASK: &str = r#"{"id":"t","contextId":"c","status":{"state":"TASK_STATE_WORKING"}}"#;

/// An agent of both versions whose HTTP+JSON interface is at `/rest`.
async fn agent(answer: impl Fn(&str) -> (String, Then) + Send + Sync + 'static) -> Agent {
    Agent::start(move |request| {
        if !request.starts_with("GET /.well-known/") {
            return answer(request);
        }
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let interface = |binding: &str, path: &str, version: &str| {
            format!(r#"{{"url":"http://{host}{path}","protocolBinding":"{binding}","protocolVersion":"{version}"}}"#)
        };
        json(&format!(
            r#"{{"name":"a","version":"1","supportedInterfaces":[{},{},{}]}}"#,
            interface("JSONRPC", "/rpc", "1.0"),
            interface("HTTP+JSON", "/rest?k=v", "1.0"),
            interface("HTTP+JSON", "/old", "0.3"),
        ))
    })
    .await
}

fn task() -> (String, Then) {
    json(TASK)
}

/// The calls that reached the agent.
fn calls(agent: &Agent) -> Vec<String> {
    let is_call = |request: &String| !request.starts_with("GET /.well-known/");
    agent.requests().into_iter().filter(is_call).collect()
}

async fn ask(gateway: &Fixture, method: &str, path: &str, lines: &str, body: &str) -> String {
    let length = if body.is_empty() && method != "POST" {
        String::new()
    } else {
        format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
    };
    let head =
        format!("{method} /a2a/echo{path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{length}{lines}\r\n");
    rest(&mut gateway.send(&head, body).await).await
}

const SEND: &str = r#"{"message":{"messageId":"m"}}"#;

#[tokio::test]
async fn a_path_goes_on_raw_below_the_interface_of_its_version() {
    let agent = agent(|_| task()).await;
    let gateway = Fixture::new(&agent).await;
    for (method, path, lines, body, arrived) in [
        ("POST", "/message:send", "", SEND, "POST /rest/message:send?k=v "),
        (
            "GET",
            "/tasks/a%20b:c?historyLength=1&x=%zz",
            "",
            "",
            "GET /rest/tasks/a%20b:c?k=v&historyLength=1&x=%zz ",
        ),
        ("GET", "/acme/tasks/t?A2A-Version=1.0.1&y", "", "", "GET /rest/acme/tasks/t?k=v&y "),
        ("POST", "/v1/tasks/t:cancel", "", "", "POST /old/v1/tasks/t:cancel "),
        ("POST", "/v1/tasks/t:cancel", "a2a-version: 1.0\r\n", "null", "POST /rest/v1/tasks/t:cancel?k=v "),
        (
            "DELETE",
            "/tasks/t/pushNotificationConfigs/x",
            "",
            "",
            "DELETE /rest/tasks/t/pushNotificationConfigs/x?k=v ",
        ),
    ] {
        let answer = ask(&gateway, method, path, lines, body).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.ends_with(TASK), "{path}: {answer}");
        let request = calls(&agent).pop().unwrap();
        assert!(request.starts_with(arrived), "{path}: {request}");
        assert!(request.ends_with(&format!("\r\n\r\n{body}")), "{request}");
        let version = path.contains("1.0.1").then_some("a2a-version: 1.0\r\n");
        assert!(version.is_none_or(|line| request.contains(line)), "{request}");
    }
    let old = ask(&gateway, "GET", "/v1/tasks/t", "", "").await;
    assert!(old.starts_with("HTTP/1.1 200 "), "{old}");
    assert!(!calls(&agent).pop().unwrap().contains("a2a-version"), "absent stays absent");
}

#[tokio::test]
async fn what_is_no_path_of_a2a_reaches_nobody() {
    let agent = agent(|_| task()).await;
    let gateway = Fixture::new(&agent).await;
    for path in [
        "/unknown",
        "/tasks/",
        "/tasks/t/",
        "/tasks//t",
        "/tasks/../tasks/t",
        "/tasks/%2e%2e/t",
        "/tasks/a%2Fb",
        "/tasks/t;x=1",
        "/tasks/t%3Asubscribe",
        "/a/b/tasks",
        "/.well-known/tasks",
    ] {
        let answer = ask(&gateway, "GET", path, "", "").await;
        assert!(answer.starts_with("HTTP/1.1 404 ") && answer.contains("\"NOT_FOUND\""), "{path}: {answer}");
    }
    let wrong = ask(&gateway, "PUT", "/tasks/t:subscribe", "", "").await;
    assert!(wrong.starts_with("HTTP/1.1 405 ") && wrong.contains("allow: GET, POST\r\n"), "{wrong}");
    assert_eq!(calls(&agent), [""; 0]);
}

#[tokio::test]
async fn refusals_come_in_the_form_of_the_callers_generation() {
    let agent = agent(|_| task()).await;
    let gateway = Fixture::new(&agent).await;
    for (path, lines, is_new) in [
        ("/message:send", "", true),
        ("/v1/message:send", "", false),
        ("/message:send", "a2a-version: 0.3\r\n", false),
        ("/v1/message:send?A2A-Version=1.0", "", true),
    ] {
        let wrong_method = ask(&gateway, "GET", path, lines, "").await;
        let bad_body = ask(&gateway, "POST", path, lines, "{}{}").await;
        for (answer, code, status) in [(wrong_method, -32600, 405), (bad_body, -32700, 400)] {
            let (head, body) = answer.split_once("\r\n\r\n").unwrap();
            let body: serde_json::Value = serde_json::from_str(body).unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
            if is_new {
                assert!(head.contains("content-type: application/a2a+json"), "{answer}");
                assert_eq!(body["error"]["code"], status, "{answer}");
                assert!(body["error"]["details"][0]["reason"].is_string(), "{answer}");
            } else {
                assert!(head.contains("content-type: application/json"), "{answer}");
                assert_eq!(body["code"], code, "{answer}");
                assert!(body["message"].is_string() && body.get("error").is_none(), "{answer}");
            }
        }
    }
    let conflict = ask(&gateway, "GET", "/tasks?A2A-Version=0.3", "a2a-version: 1.0\r\n", "").await;
    assert!(conflict.contains("VERSION_CONFLICT"), "{conflict}");
    assert_eq!(calls(&agent), [""; 0]);
}

#[tokio::test]
async fn a_version_that_no_server_speaks_is_refused_with_those_on_offer() {
    let agent = agent(|_| task()).await;
    let gateway = Fixture::with(&agent, "    versions: [\"0.3\"]\n", "").await;
    let answer = ask(&gateway, "GET", "/tasks/t", "", "").await;
    assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("\"VERSION_NOT_SUPPORTED\""), "{answer}");
    assert!(answer.contains("\"supportedVersions\":\"0.3\"") && answer.contains("{\"error\":"), "{answer}");
    let old = ask(&gateway, "GET", "/v1/tasks/t", "a2a-version: 7.0\r\n", "").await;
    assert!(old.contains("\"VERSION_NOT_SUPPORTED\""), "{old}");
    assert!(ask(&gateway, "GET", "/v1/tasks/t", "", "").await.starts_with("HTTP/1.1 200 "));
    assert_eq!(calls(&agent).len(), 1);
}

#[tokio::test]
async fn an_agent_without_this_binding_is_not_asked() {
    let agent = Agent::with_card(|_| task()).await;
    let gateway = Fixture::new(&agent).await;
    let answer = ask(&gateway, "POST", "/v1/message:send", "", SEND).await;
    assert!(
        answer.starts_with("HTTP/1.1 404 ") && answer.contains("does not offer this binding"),
        "{answer}"
    );
    assert!(agent.requests().iter().all(|request| request.starts_with("GET /.well-known/")));
}

#[tokio::test]
async fn an_upstream_that_is_said_to_take_this_binding_alone_takes_it_alone() {
    let agent = Agent::start(|request| {
        if request.starts_with("GET /.well-known/") {
            return ("HTTP/1.1 404 None\r\ncontent-length: 0\r\n\r\n".into(), Then::Keep);
        }
        task()
    })
    .await;
    let gateway = Fixture::with(&agent, "    bindings: [BINDING_HTTP_JSON]\n", "").await;
    assert!(ask(&gateway, "GET", "/tasks/t", "", "").await.starts_with("HTTP/1.1 200 "));
    assert!(calls(&agent).pop().unwrap().starts_with("GET /tasks/t "));
    let other = gateway.post("", &call("message/send")).await;
    assert!(other.starts_with("HTTP/1.1 404 "), "{other}");
    let gateway = Fixture::with(&agent, "    bindings: [BINDING_JSONRPC]\n", "").await;
    assert!(ask(&gateway, "GET", "/tasks/t", "", "").await.starts_with("HTTP/1.1 404 "));
    let card = ask(&gateway, "GET", "/agent/authenticatedExtendedCard", "", "").await;
    assert!(card.starts_with("HTTP/1.1 500 "), "it belongs to JSON-RPC, and a task is no card: {card}");
    assert_eq!(calls(&agent).len(), 2);
}

#[tokio::test]
async fn bodies_are_read_before_anything_goes_on() {
    let agent = agent(|_| task()).await;
    let gateway = Fixture::with(&agent, "", "  limits:\n    maxBodyBytes: 1000\n").await;
    let chunked = "transfer-encoding: chunked\r\n";
    let long = format!(r#"{{"message":{{"messageId":"{}"}}}}"#, "x".repeat(1000));
    let cases = [
        ("POST", "/message:send", "content-type: text/plain\r\ncontent-length: 2\r\n", "{}", "415"),
        (
            "POST",
            "/message:send",
            "content-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n",
            "{}",
            "415",
        ),
        ("POST", "/message:send", "content-length: 0\r\n", "", "415"),
        ("POST", "/tasks/t:cancel", "content-length: 2\r\n", "{}", "415"),
        ("POST", "/tasks/t:cancel", "content-type: application/json\r\ncontent-length: 2\r\n", "[]", "400"),
        ("GET", "/tasks/t", "content-type: application/json\r\ncontent-length: 2\r\n", "{}", "400"),
        ("DELETE", "/tasks/t/pushNotificationConfigs/c", chunked, "2\r\n{}\r\n0\r\n\r\n", "400"),
        ("POST", "/message:send", "content-type: application/json\r\ncontent-length: 1032\r\n", &long, "413"),
    ];
    for (method, path, lines, body, status) in cases {
        let head =
            format!("{method} /a2a/echo{path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{lines}\r\n");
        let answer = rest(&mut gateway.send(&head, body).await).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path} {lines}: {answer}");
        assert!(answer.contains("{\"error\":{\"code\":"), "{answer}");
    }
    assert_eq!(calls(&agent), [""; 0]);
    let head = format!("GET /a2a/echo/tasks/t HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{chunked}\r\n");
    let empty = rest(&mut gateway.send(&head, "0\r\n\r\n").await).await;
    assert!(empty.starts_with("HTTP/1.1 200 "), "a chunked body of nothing: {empty}");
    assert!(!calls(&agent).pop().unwrap().contains("transfer-encoding"));
    let a2a = "content-type: application/a2a+json; charset=utf-8\r\n";
    let head = format!(
        "POST /a2a/echo/message:send HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{a2a}expect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        SEND.len()
    );
    let mut stream = gateway.send(&head, "").await;
    until(&mut stream, "100 Continue\r\n\r\n").await;
    stream.write_all(SEND.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert!(calls(&agent).pop().unwrap().contains(a2a), "the media type as it came");
}

#[tokio::test]
async fn headers_that_make_another_request_of_it_do_not_go_on() {
    let agent = agent(|_| task()).await;
    let gateway = Fixture::new(&agent).await;
    let lines = "x-http-method-override: DELETE\r\nx-http-method: PUT\r\nx-method-override: PUT\r\n\
                 x-original-url: /tasks\r\nx-rewrite-url: /tasks\r\nif-none-match: \"e\"\r\n";
    assert!(ask(&gateway, "GET", "/tasks/t", lines, "").await.starts_with("HTTP/1.1 200 "));
    let arrived = calls(&agent).pop().unwrap();
    assert!(
        !arrived.contains("override") && !arrived.contains("x-http") && !arrived.contains("-url"),
        "{arrived}"
    );
    assert!(arrived.contains("if-none-match"), "{arrived}");
}

#[tokio::test]
async fn answers_pass_as_they_are() {
    for (head, body) in [
        ("201 Created\r\ncontent-type: application/json", TASK),
        ("200 OK\r\ncontent-type: application/a2a+json", "[]"),
        ("204 No Content", ""),
        ("304 Not Modified\r\netag: \"e\"", ""),
        ("409 Conflict\r\ncontent-type: application/json", r#"{"message":"no"}"#),
        ("503 Busy\r\nretry-after: 7\r\ncontent-type: text/html", "<html>"),
    ] {
        let length =
            if body.is_empty() { String::new() } else { format!("content-length: {}\r\n", body.len()) };
        let whole = format!("HTTP/1.1 {head}\r\n{length}\r\n{body}");
        let agent = agent(move |_| (whole.clone(), Then::Keep)).await;
        let gateway = Fixture::new(&agent).await;
        let method = if head.starts_with("204") { "DELETE" } else { "GET" };
        let answer = ask(&gateway, method, "/tasks/t/pushNotificationConfigs/c", "", "").await;
        let (status, fields) = head.split_once("\r\n").unwrap_or((head, ""));
        assert!(answer.starts_with(&format!("HTTP/1.1 {}", &status[..3])), "{answer}");
        assert!(answer.contains(fields) && answer.ends_with(&format!("\r\n\r\n{body}")), "{answer}");
    }
}

#[tokio::test]
async fn answers_that_are_none_are_not_passed_on() {
    for (head, body) in [
        ("307 Moved\r\nlocation: http://10.0.0.7/", ""),
        ("200 OK\r\ncontent-type: text/html", "<html>"),
        ("200 OK\r\ncontent-type: application/json", "{\"half\":"),
        ("200 OK", ""),
        ("200 OK\r\ncontent-type: application/json", ""),
    ] {
        let whole = format!("HTTP/1.1 {head}\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let agent = agent(move |_| (whole.clone(), Then::Keep)).await;
        let gateway = Fixture::new(&agent).await;
        let answer = ask(&gateway, "GET", "/tasks/t", "", "").await;
        assert!(answer.starts_with("HTTP/1.1 500 ") && answer.contains("INVALID_AGENT_RESPONSE"), "{answer}");
        assert!(!answer.contains("10.0.0.7"), "{answer}");
    }
}

#[tokio::test]
async fn an_extended_card_is_rewritten_and_private() {
    let agent = agent(|request| {
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        json(&format!(
            r#"{{"name":"a","url":"http://{host}/rpc","supportedInterfaces":[{{"url":"http://{host}/rest","protocolBinding":"HTTP+JSON","protocolVersion":"1.0"}}]}}"#
        ))
    })
    .await;
    let gateway = Fixture::new(&agent).await;
    for (path, arrived) in [
        ("/extendedAgentCard", "GET /rest/extendedAgentCard?k=v "),
        ("/v1/card", "GET /old/v1/card "),
        ("/agent/authenticatedExtendedCard", "GET /agent/authenticatedExtendedCard "),
    ] {
        let answer = ask(&gateway, "GET", path, "if-none-match: \"e\"\r\naccept-encoding: br\r\n", "").await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        assert!(answer.contains("cache-control: private, no-store\r\n"), "{answer}");
        assert!(!answer.contains(&agent.address.to_string()), "{answer}");
        assert!(answer.contains(&format!("http://{}/a2a/echo", gateway.address)), "{answer}");
        let request = calls(&agent).pop().unwrap();
        assert!(request.starts_with(arrived) && !request.contains("if-none-match"), "{request}");
        assert!(request.contains("accept-encoding: gzip, identity\r\n"), "{request}");
    }
}

#[tokio::test]
async fn an_extended_card_that_is_none_is_an_invalid_answer_and_an_error_passes() {
    let agent = agent(|request| {
        if request.starts_with("GET /rest/acme") {
            let body = r#"{"error":{"code":400,"status":"FAILED_PRECONDITION"}}"#;
            return (format!("HTTP/1.1 400 No\r\ncontent-length: {}\r\n\r\n{body}", body.len()), Then::Keep);
        }
        json("[1]")
    })
    .await;
    let gateway = Fixture::new(&agent).await;
    let bad = ask(&gateway, "GET", "/extendedAgentCard", "", "").await;
    assert!(bad.starts_with("HTTP/1.1 500 ") && bad.contains("INVALID_AGENT_RESPONSE"), "{bad}");
    let refused = ask(&gateway, "GET", "/acme/extendedAgentCard", "", "").await;
    assert!(refused.starts_with("HTTP/1.1 400 ") && refused.contains("FAILED_PRECONDITION"), "{refused}");
}

#[tokio::test]
async fn a_stream_that_the_gateway_ends_says_so_in_the_form_of_its_generation() {
    let event = format!("data: {{\"task\":{TASK}}}\n\n");
    let head = format!("{STREAM_HEAD}{event}");
    let agent = agent(move |_| (head.clone(), Then::Hang)).await;
    for (path, start) in [
        ("/message:stream", "event: error\ndata: {\"error\":{\"code\":503,"),
        ("/v1/message:stream", "event: error\ndata: {\"code\":-32603,"),
    ] {
        let gateway = Fixture::new(&agent).await;
        let head = format!(
            "POST /a2a/echo{path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n",
            SEND.len()
        );
        let mut stream = gateway.send(&head, SEND).await;
        until(&mut stream, "TASK_STATE_WORKING").await;
        gateway.gateway.end_streams(EndReason::Draining);
        let end = rest(&mut stream).await;
        assert!(end.contains(start) && end.contains("STREAM_DRAINING"), "{end}");
        gateway.workers.idle().await;
        let late = ask(&gateway, "GET", "/tasks/t:subscribe", "", "").await;
        assert!(late.starts_with("HTTP/1.1 503 ") && late.contains("\"DRAINING\""), "{late}");
    }
}

#[tokio::test]
async fn a_stream_gives_everything_back_when_its_caller_leaves() {
    let head = format!("{STREAM_HEAD}data: {{\"task\":{TASK}}}\n\n");
    let agent = agent(move |_| (head.clone(), Then::Hang)).await;
    let gateway = Fixture::with(&agent, "", "  heartbeatInterval: 1s\n").await;
    let head = "GET /a2a/echo/tasks/t:subscribe HTTP/1.1\r\nhost: h\r\n\r\n";
    let mut stream = gateway.send(head, "").await;
    until(&mut stream, "\n:\n\n").await;
    drop(stream);
    gateway.workers.idle().await;
    let metrics = gateway.metrics();
    let counted = |line: &&str| {
        line.contains("client_gone") && line.contains("SubscribeToTask") && line.ends_with(" 1")
    };
    assert!(metrics.lines().any(|line| counted(&line)), "{metrics}");
}

#[tokio::test]
async fn a_send_that_waits_has_the_time_of_sends_and_another_that_of_calls() {
    let agent = agent(|_| (String::new(), Then::Hang)).await;
    let limits = "  limits:\n    unaryTimeout: 1s\n    sendTimeout: 2s\n";
    let gateway = Fixture::with(&agent, "", limits).await;
    for (body, least) in [
        (SEND.to_owned(), 2),
        (SEND.replace("}}", "},\"configuration\":{\"returnImmediately\":true}}"), 1),
        (SEND.replace("}}", "},\"configuration\":{\"blocking\":false}}"), 1),
    ] {
        let started = std::time::Instant::now();
        let answer = ask(&gateway, "POST", "/message:send", "", &body).await;
        assert!(answer.starts_with("HTTP/1.1 504 ") && answer.contains("UPSTREAM_TIMEOUT"), "{answer}");
        let took = started.elapsed();
        assert!(
            took >= Duration::from_secs(least) && took < Duration::from_secs(least + 1),
            "{body}: {took:?}"
        );
    }
}
