//! Credentials, limits, what operators see, and how the gateway ends streams: as in JSON-RPC.

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, EventStream, Upstream,
    events::Item,
    http::post,
    http2::post_together,
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    upstream::{Request, STREAM_HEAD, Then, card, event, hang, json_answer, write},
    wait_until,
};

use super::send;
use crate::common::{ECHO, V1, new_api_key};

fn task() -> Value {
    json!({"id": "t-1", "contextId": "c-1", "status": {"state": "TASK_STATE_WORKING"}})
}

fn message() -> Vec<u8> {
    json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}], "contextId": "c-1"}})
        .to_string()
        .into_bytes()
}

/// An agent with an HTTP+JSON interface that answers with a task, alone or as the first event of a stream.
fn agent(
    stream_end: impl Fn(&Request, &mut std::net::TcpStream) -> Then + Send + Sync + 'static,
) -> Upstream {
    Upstream::start(move |request, stream| {
        if request.is_card() {
            let own = format!("http://{}", request.header("host").unwrap_or_default());
            let mut card = card(&own);
            let rest = json!({"url": format!("{own}/rest"), "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"});
            card["supportedInterfaces"].as_array_mut().expect("interfaces").push(rest);
            write(stream, &json_answer(&card));
            return Then::Keep;
        }
        if request.target.contains(":stream") || request.target.contains(":subscribe") {
            write(stream, STREAM_HEAD);
            write(stream, &event(&json!({"task": task()})));
            return stream_end(request, stream);
        }
        let answer = if request.target.starts_with("/rest") {
            task()
        } else {
            json!({"jsonrpc": "2.0", "id": request.json()["id"], "result": task()})
        };
        write(stream, &json_answer(&answer));
        Then::Keep
    })
}

fn done(_: &Request, stream: &mut std::net::TcpStream) -> Then {
    let update = json!({"statusUpdate": {"taskId": "t-1", "contextId": "c-1", "status": {"state": "TASK_STATE_COMPLETED"}}});
    write(stream, &event(&update));
    Then::Close
}

fn waits(_: &Request, stream: &mut std::net::TcpStream) -> Then {
    hang(stream)
}

fn line(gateway: &mut DataPlane) -> Value {
    gateway.process.json_line().expect("the data plane runs")
}

#[test]
fn both_bindings_are_seen_alike() {
    let agent = agent(done);
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let mut gateway = DataPlane::standalone(&manifest);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "t-1"}}).to_string();
    assert_eq!(post(gateway.address, ECHO, &V1, call.as_bytes()).status(), 200);
    let by_json_rpc = line(&mut gateway);
    assert_eq!(send(gateway.address, "GET", "/a2a/echo/tasks/t%2D1", &V1, b"").status(), 200);
    let by_http_json = line(&mut gateway);
    for name in [
        "a2a.operation",
        "a2a.version",
        "a2a.task.id",
        "a2a.context.id",
        "a2a.task.state",
        "agent",
        "plan",
        "outcome",
    ] {
        assert!(!by_json_rpc[name].is_null(), "{name} in {by_json_rpc}");
        assert_eq!(by_json_rpc[name], by_http_json[name], "{name} in {by_http_json}");
    }
    assert_eq!(by_http_json["a2a.binding"], "HTTP+JSON", "{by_http_json}");
    assert_eq!(by_http_json["a2a.method"], "GET /tasks/{id}", "{by_http_json}");
    assert_eq!(by_http_json["http.method"], "GET", "{by_http_json}");

    let mut stream = EventStream::ask("POST", gateway.address, "/a2a/echo/message:stream", &V1, &message());
    assert_eq!(stream.rest().0.len(), 2);
    let streamed = line(&mut gateway);
    for (name, value) in [
        ("a2a.operation", json!("SendStreamingMessage")),
        ("a2a.events", json!(2)),
        ("a2a.task.id", json!("t-1")),
        ("a2a.task.state", json!("completed")),
    ] {
        assert_eq!(streamed[name], value, "{name} in {streamed}");
    }
    let metrics = gateway.metrics();
    let counted =
        |operation| metrics.sum("signalbox_requests_total", &[("agent", "echo"), ("operation", operation)]);
    assert!(counted("GetTask") > 1.5 && counted("SendStreamingMessage") > 0.5);
}

#[test]
fn an_error_of_the_agent_is_known_by_its_a2a_code() {
    let agent = Upstream::start(|request, stream| {
        if request.is_card() {
            write(stream, b"HTTP/1.1 404 None\r\ncontent-length: 0\r\n\r\n");
            return Then::Keep;
        }
        let body = if request.target.starts_with("/v1") {
            json!({"code": -32001, "message": "none"})
        } else {
            let info =
                json!({"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": "TASK_NOT_FOUND"});
            json!({"error": {"code": 404, "status": "NOT_FOUND", "message": "none", "details": [info]}})
        };
        write(
            stream,
            &system_tests::harness::upstream::answer(
                "404 Not Found",
                "application/json",
                body.to_string().as_bytes(),
            ),
        );
        Then::Keep
    });
    let mut gateway =
        DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN));
    for path in ["/a2a/echo/tasks/t", "/a2a/echo/v1/tasks/t"] {
        assert_eq!(send(gateway.address, "GET", path, &[], b"").status(), 404);
        let line = line(&mut gateway);
        assert_eq!(line["a2a.response.error_code"], -32001, "{line}");
        assert_eq!(line["outcome"], "agent_error", "{line}");
    }
}

#[test]
fn every_path_needs_the_credential_that_the_plan_asks_for() {
    let agent = agent(done);
    let (key, sha256) = new_api_key();
    let manifest = Manifest::new().api_key().agent("echo", &agent.url(), KEY_PLAN);
    let gateway = DataPlane::standalone(&manifest.consumer_with_key("shop", KEY_PLAN, &sha256));
    let body = message();
    for (method, path) in [
        ("POST", "/message:send"),
        ("POST", "/message:stream"),
        ("GET", "/tasks"),
        ("GET", "/acme/tasks/t"),
        ("POST", "/tasks/t:cancel"),
        ("GET", "/tasks/t:subscribe"),
        ("GET", "/extendedAgentCard"),
        ("GET", "/v1/card"),
        ("GET", "/agent/authenticatedExtendedCard"),
        ("GET", "/v1/tasks/t/pushNotificationConfigs"),
        ("DELETE", "/tasks/t/pushNotificationConfigs/c"),
    ] {
        let target = format!("/a2a/echo{path}");
        let body: &[u8] = if method == "POST" { &body } else { b"" };
        for headers in [&[][..], &[("x-api-key", "sbx_wrong")]] {
            let refused = send(gateway.address, method, &target, headers, body);
            assert_eq!(refused.status(), 401, "{method} {path}: {}", refused.text());
            assert!(refused.head.get("www-authenticate").is_some());
            let answer = refused.json();
            let (code, expected) = if path.starts_with("/v1") || path.starts_with("/agent") {
                (&answer["code"], -32000)
            } else {
                (&answer["error"]["code"], 401)
            };
            assert_eq!(code, expected, "{answer}");
        }
    }
    assert!(agent.requests().iter().all(Request::is_card), "a call without credential reached the agent");
    let answer = send(gateway.address, "GET", "/a2a/echo/tasks/t", &[V1[0], ("x-api-key", &key)], b"");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let arrived = agent.requests().pop().expect("a call");
    assert_eq!((arrived.target.as_str(), arrived.header("x-api-key")), ("/rest/tasks/t", None));
}

#[test]
fn rate_limits_and_open_streams_count_every_binding() {
    let agent = agent(waits);
    let fields = "  keyless: {}\n  rateLimits:\n  - name: few\n    requests: 4\n    period: 3600s\n  maxOpenStreams: 1\n";
    let plan = "organizations/default/plans/few";
    let gateway =
        DataPlane::standalone(&Manifest::new().plan(plan, fields).agent("echo", &agent.url(), plan));
    let mut stream = EventStream::ask("GET", gateway.address, "/a2a/echo/tasks/t:subscribe", &V1, b"");
    stream.event();
    let second = send(gateway.address, "POST", "/a2a/echo/message:stream", &V1, &message());
    assert_eq!(second.status(), 429, "{}", second.text());
    assert_eq!(second.json()["error"]["details"][0]["reason"], "TOO_MANY_STREAMS", "{}", second.text());
    assert_eq!(send(gateway.address, "GET", "/a2a/echo/tasks/t", &V1, b"").status(), 200);
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": "t-1"}}).to_string();
    assert_eq!(post(gateway.address, ECHO, &V1, call.as_bytes()).status(), 200);
    let refused = send(gateway.address, "GET", "/a2a/echo/v1/tasks/t", &[], b"");
    assert_eq!(refused.status(), 429, "{}", refused.text());
    assert!(refused.head.get("retry-after").is_some() && refused.head.get("ratelimit").is_some());
    assert_eq!(refused.json()["code"], -32000, "{}", refused.text());
    let new = send(gateway.address, "GET", "/a2a/echo/tasks/t", &V1, b"").json();
    assert_eq!(new["error"]["status"], "RESOURCE_EXHAUSTED", "{new}");
}

#[test]
fn a_stream_whose_agent_is_stopped_ends_with_the_error_of_its_generation() {
    let agent = agent(waits);
    let manifest =
        Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, "  heartbeatInterval: 1s\n");
    let gateway = DataPlane::standalone(&manifest);
    let mut new = EventStream::ask("POST", gateway.address, "/a2a/echo/tasks/t:subscribe", &V1, b"");
    let mut old = EventStream::ask("GET", gateway.address, "/a2a/echo/v1/tasks/t:subscribe", &[], b"");
    for stream in [&mut new, &mut old] {
        assert_eq!(stream.event(), json!({"task": task()}));
        assert_eq!(stream.item(), Item::Comment(String::new()), "a heartbeat");
    }
    gateway.replace_manifest(&Manifest::new().keyless().yaml());
    let ((new, new_end), (old, old_end)) = (new.rest(), old.rest());
    assert_eq!((new_end, old_end), (Item::End, Item::End));
    assert_eq!(new[0]["error"]["code"], 503, "{new:?}");
    assert_eq!(new[0]["error"]["details"][0]["reason"], "AGENT_STOPPED", "{new:?}");
    assert_eq!(
        (&old[0]["code"], &old[0]["data"]["reason"]),
        (&json!(-32603), &json!("AGENT_STOPPED")),
        "{old:?}"
    );
    wait_until("the agent's side is closed", || (agent.connections() <= 1).then_some(()));
}

#[test]
fn a_stream_that_a_drain_ends_says_so() {
    let agent = agent(waits);
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let mut gateway =
        DataPlane::standalone_with(&manifest, &["--drain-delay", "0s", "--drain-timeout", "1s"]);
    let mut stream = EventStream::ask("POST", gateway.address, "/a2a/echo/message:stream", &V1, &message());
    stream.event();
    gateway.process.terminate();
    let (events, end) = stream.rest();
    assert_eq!(end, Item::End);
    assert_eq!(events[0]["error"]["details"][0]["reason"], "STREAM_DRAINING", "{events:?}");
    assert!(gateway.process.wait(system_tests::harness::PATIENCE).success());
}

#[test]
fn callers_may_use_http_2() {
    let agent = agent(done);
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN));
    let bodies = [message(), b"{}{}".to_vec(), message()];
    let answers = post_together(gateway.address, "/a2a/echo/message:send?A2A-Version=1.0", &[], &bodies);
    assert_eq!(answers.iter().map(|answer| answer.status()).collect::<Vec<_>>(), [200, 400, 200]);
    assert_eq!((answers[0].json(), answers[2].json()), (task(), task()));
    assert_eq!(answers[1].json()["error"]["details"][0]["reason"], "PARSE_ERROR");
    let arrived = agent.requests().pop().expect("a call");
    assert_eq!((arrived.target.as_str(), arrived.header("a2a-version")), ("/rest/message:send", Some("1.0")));
    let cancelled = post_together(gateway.address, "/a2a/echo/tasks/t:cancel", &V1, &[Vec::new()]);
    assert_eq!(cancelled[0].status(), 200, "{}", cancelled[0].text());
}
