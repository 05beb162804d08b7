//! Operation and skill permits, push policies and leniency, as callers of each JSON binding see them.

use super::*;

const HOOK: &str = "https://hooks.example/a";
const LOOPBACK: &str = "https://127.0.0.1/a";

fn rpc(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"x","method":"{method}","params":{params}}}"#)
}

/// The JSON-RPC error code of an answer.
fn code(answer: &str) -> Option<i64> {
    let (_, rest) = answer.split_once("\"code\":")?;
    rest.split([',', '}']).next()?.parse().ok()
}

async fn gateway(agent: &Agent, of_plan: &str, fields: &str) -> Fixture {
    Fixture::with_plan(agent, of_plan, "", fields).await
}

/// Requests of callers that reached the agent.
fn calls(agent: &Agent) -> Vec<String> {
    agent.requests().into_iter().filter(|request| request.starts_with("POST ")).collect()
}

#[tokio::test]
async fn an_operation_list_opens_its_operations_alone() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = gateway(&agent, "  operations: [SendMessage, GetTask]\n", "").await;
    for open in ["message/send", "SendMessage", "tasks/send", "tasks/get"] {
        assert_eq!(code(&gateway.post("", &call(open)).await), None, "{open}");
    }
    let reached = calls(&agent).len();
    for closed in ["message/stream", "tasks/cancel", "CancelTask", "GetExtendedAgentCard", "my/extension"] {
        let answer = gateway.post("", &call(closed)).await;
        assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("\"id\":1"), "{answer}");
        assert_eq!(code(&answer), Some(-32004), "{closed}");
    }
    let alias = format!(
        "POST /a2a/echo/message/stream HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        call("message/send").len()
    );
    let answer = rest(&mut gateway.send(&alias, &call("message/send")).await).await;
    assert_eq!(code(&answer), Some(-32004), "the alias streams: {answer}");
    assert_eq!(calls(&agent).len(), reached, "nothing that is refused goes on");
    let metrics = gateway.metrics();
    assert!(metrics.contains(r#"operation="unknown",outcome="denied"} 1"#), "{metrics}");
    assert!(metrics.contains(r#"operation="CancelTask",outcome="denied"} 2"#), "{metrics}");
}

#[tokio::test]
async fn skills_are_held_to_the_plan_where_the_agent_says_how_they_are_named() {
    let agent = Agent::with_card(|_| result()).await;
    let selector = "  skillSelector: {messageMetadata: [/skill], dataParts: [/skill]}\n";
    let gateway = gateway(&agent, "  skills: [search]\n", selector).await;
    let send = |message: &str| rpc("message/send", &format!(r#"{{"message":{message}}}"#));
    for good in [
        r#"{"messageId":"m","parts":[],"metadata":{"skill":"search"}}"#,
        r#"{"messageId":"m","parts":[{"kind":"data","data":{"skill":["search"]}}]}"#,
    ] {
        assert_eq!(code(&gateway.post("", &send(good)).await), None, "{good}");
    }
    for bad in [
        r#"{"messageId":"m","parts":[{"kind":"text","text":"search"}]}"#,
        r#"{"messageId":"m","parts":[],"metadata":{"skill":"delete"}}"#,
        r#"{"messageId":"m","parts":[{"data":{"skill":"delete"}}],"metadata":{"skill":"search"}}"#,
        r#"{"messageId":"m","parts":[],"metadata":{"skill":7}}"#,
    ] {
        let answer = gateway.post("", &send(bad)).await;
        assert_eq!(code(&answer), Some(-32004), "{bad}: {answer}");
    }
    // What carries no message asks for no skill.
    assert_eq!(code(&gateway.post("", &call("tasks/get")).await), None);
    assert_eq!(calls(&agent).len(), 3);
}

#[tokio::test]
async fn without_a_selector_skills_only_filter_cards() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = gateway(&agent, "  skills: [search]\n", "").await;
    assert_eq!(code(&gateway.post("", &call("message/send")).await), None);
}

/// Every way to hand over a webhook, as method and params.
fn registrations(url: &str) -> Vec<(&'static str, String)> {
    let config = format!(r#"{{"url":"{url}","token":"t"}}"#);
    let send =
        |name: &str| format!(r#"{{"message":{{"messageId":"m"}},"configuration":{{"{name}":{config}}}}}"#);
    let alone = |name: &str| format!(r#"{{"taskId":"t","{name}":{config}}}"#);
    vec![
        ("SendMessage", send("taskPushNotificationConfig")),
        ("SendMessage", send("task_push_notification_config")),
        ("SendStreamingMessage", send("taskPushNotificationConfig")),
        ("message/send", send("pushNotificationConfig")),
        ("message/send", send("push_notification_config")),
        ("message/stream", send("pushNotification")),
        ("tasks/send", format!(r#"{{"id":"t","message":{{}},"pushNotification":{config}}}"#)),
        ("tasks/sendSubscribe", format!(r#"{{"id":"t","message":{{}},"push_notification":{config}}}"#)),
        ("CreateTaskPushNotificationConfig", format!(r#"{{"taskId":"t","url":"{url}"}}"#)),
        ("CreateTaskPushNotificationConfig", format!(r#"{{"task_id":"t","\u0075rl":"{url}"}}"#)),
        ("tasks/pushNotificationConfig/set", alone("pushNotificationConfig")),
        ("tasks/pushNotificationConfig/set", alone("push_notification_config")),
        ("tasks/pushNotification/set", format!(r#"{{"id":"t","pushNotificationConfig":{config}}}"#)),
    ]
}

#[tokio::test]
async fn webhooks_are_validated_in_every_place_and_spelling() {
    let agent = Agent::with_card(|_| result()).await;
    for (of_plan, fields) in
        [("  push: {mode: PUSH_MODE_VALIDATE}\n", ""), ("", "  push: {mode: PUSH_MODE_VALIDATE}\n")]
    {
        let gateway = gateway(&agent, of_plan, fields).await;
        for (method, params) in registrations(LOOPBACK) {
            let answer = gateway.post("", &rpc(method, &params)).await;
            assert_eq!(code(&answer), Some(-32602), "{method} {params}: {answer}");
            assert!(answer.contains("\"id\":\"x\""), "{answer}");
        }
        // Where the gateway finds none, the agent may find one.
        let hidden = format!(r#"{{"taskId":"t","webhook":{{"url":"{LOOPBACK}"}}}}"#);
        let answer = gateway.post("", &rpc("CreateTaskPushNotificationConfig", &hidden)).await;
        assert_eq!(code(&answer), Some(-32602), "{answer}");
        assert_eq!(calls(&agent).len(), 0);
    }
    let gateway = gateway(&agent, "  push: {mode: PUSH_MODE_VALIDATE}\n", "").await;
    for (method, params) in registrations(HOOK) {
        let answer = gateway.post("", &rpc(method, &params)).await;
        assert_ne!(code(&answer), Some(-32602), "{method} {params}: {answer}");
    }
    assert_eq!(calls(&agent).len(), registrations(HOOK).len());
}

#[tokio::test]
async fn where_push_is_off_nothing_of_it_passes() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = gateway(&agent, "", "  push: {mode: PUSH_MODE_OFF}\n").await;
    for (method, params) in registrations(HOOK) {
        let answer = gateway.post("", &rpc(method, &params)).await;
        assert_eq!(code(&answer), Some(-32003), "{method} {params}: {answer}");
    }
    for method in [
        "tasks/pushNotificationConfig/get",
        "tasks/pushNotificationConfig/list",
        "tasks/pushNotificationConfig/delete",
        "tasks/pushNotification/get",
        "GetTaskPushNotificationConfig",
        "ListTaskPushNotificationConfigs",
        "DeleteTaskPushNotificationConfig",
    ] {
        assert_eq!(code(&gateway.post("", &call(method)).await), Some(-32003), "{method}");
    }
    assert_eq!(code(&gateway.post("", &call("message/send")).await), None);
    assert_eq!(calls(&agent).len(), 1);
}

#[tokio::test]
async fn a_lenient_agent_has_messages_put_right() {
    let agent = Agent::with_card(|_| result()).await;
    let wrong = rpc("message/send", r#"{"message":{"role":"user","content":"hi"}}"#);
    let strict = gateway(&agent, "", "").await;
    strict.post("", &wrong).await;
    assert!(calls(&agent)[0].ends_with(&wrong), "{:?}", calls(&agent));
    let lenient = gateway(&agent, "", "  lenient: true\n").await;
    lenient.post("", &wrong).await;
    let sent = calls(&agent).pop().unwrap();
    assert!(sent.contains(r#""parts":[{"kind":"text","text":"hi"}],"messageId":""#), "{sent}");
    let right = rpc("message/send", r#"{"message":{"role":"user","messageId":"m", "parts":[]}}"#);
    lenient.post("", &right).await;
    assert!(calls(&agent).pop().unwrap().ends_with(&right));
    let metrics = lenient.metrics();
    let counted = r#"signalbox_lenient_messages_total{organization="default",agent="echo"} 1"#;
    assert!(metrics.contains(counted), "{metrics}");
    assert!(!strict.metrics().contains("signalbox_lenient_messages_total{"));
}

/// A call over HTTP+JSON.
async fn rest_call(gateway: &Fixture, method: &str, path: &str, body: &str) -> String {
    let head = format!(
        "{method} /a2a/echo{path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n",
        body.len()
    );
    rest(&mut gateway.send(&head, body).await).await
}

/// An agent that takes HTTP+JSON at its root in both versions.
async fn rest_agent() -> Agent {
    Agent::start(|request| {
        if !request.starts_with("GET /.well-known/") {
            return json("{}");
        }
        let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
        let interface = |version: &str| {
            format!(
                r#"{{"url":"http://{host}","protocolBinding":"HTTP+JSON","protocolVersion":"{version}"}}"#
            )
        };
        json(&format!(
            r#"{{"name":"a","version":"1","supportedInterfaces":[{},{}]}}"#,
            interface("1.0"),
            interface("0.3")
        ))
    })
    .await
}

/// Every way to hand over a webhook, as path and body.
fn rest_registrations(url: &str) -> Vec<(&'static str, String)> {
    let config = format!(r#"{{"url":"{url}"}}"#);
    let nested = format!(r#"{{"pushNotificationConfig":{config}}}"#);
    let send = |message: &str, name: &str| {
        format!(r#"{{"{message}":{{"messageId":"m"}},"configuration":{{"{name}":{config}}}}}"#)
    };
    vec![
        ("/message:send", send("message", "taskPushNotificationConfig")),
        ("/message:stream", send("message", "task_push_notification_config")),
        ("/acme/message:send", send("message", "taskPushNotificationConfig")),
        ("/tasks/t/pushNotificationConfigs", config.clone()),
        ("/v1/message:send", send("request", "pushNotification")),
        ("/v1/message:send", send("message", "push_notification")),
        ("/v1/message:stream", send("request", "pushNotificationConfig")),
        ("/v1/tasks/t/pushNotificationConfigs", nested.clone()),
        (
            "/v1/tasks/t/pushNotificationConfigs",
            nested.replace("pushNotificationConfig", "push_notification_config"),
        ),
        ("/v1/tasks/t/pushNotificationConfigs", format!(r#"{{"parent":"tasks/t","config":{nested}}}"#)),
        ("/v1/tasks/t/pushNotificationConfigs", config.clone()),
    ]
}

#[tokio::test]
async fn http_json_is_held_to_the_same() {
    let agent = rest_agent().await;
    let validating = gateway(&agent, "", "  push: {mode: PUSH_MODE_VALIDATE}\n").await;
    for (path, body) in rest_registrations(LOOPBACK) {
        let answer = rest_call(&validating, "POST", path, &body).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path} {body}: {answer}");
        assert!(answer.contains("WEBHOOK_NOT_ALLOWED") || answer.contains("-32602"), "{path}: {answer}");
    }
    assert_eq!(calls(&agent).len(), 0);
    for (path, body) in rest_registrations(HOOK) {
        let answer = rest_call(&validating, "POST", path, &body).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path} {body}: {answer}");
    }

    let off = gateway(&agent, "  push: {mode: PUSH_MODE_OFF}\n", "").await;
    let reached = agent.requests().len();
    for (path, body) in rest_registrations(HOOK) {
        let answer = rest_call(&off, "POST", path, &body).await;
        assert!(
            answer.contains("PUSH_NOTIFICATION_NOT_SUPPORTED") || answer.contains("-32003"),
            "{path}: {answer}"
        );
    }
    for (method, path) in [
        ("GET", "/tasks/t/pushNotificationConfigs"),
        ("GET", "/tasks/t/pushNotificationConfigs/c"),
        ("DELETE", "/tasks/t/pushNotificationConfigs/c"),
    ] {
        let answer = rest_call(&off, method, path, "").await;
        assert!(
            answer.starts_with("HTTP/1.1 400 ") && answer.contains("PUSH_NOTIFICATION_NOT_SUPPORTED"),
            "{answer}"
        );
    }
    assert_eq!(agent.requests().len(), reached);
}

#[tokio::test]
async fn http_json_has_permits_and_leniency() {
    let agent = rest_agent().await;
    let selector = "  skillSelector: {dataParts: [/skill]}\n  lenient: true\n";
    let gateway = gateway(&agent, "  operations: [SendMessage]\n  skills: [search]\n", selector).await;
    for (method, path) in [
        ("GET", "/tasks/t"),
        ("GET", "/v1/tasks/t"),
        ("GET", "/extendedAgentCard"),
        ("POST", "/tasks/t:cancel"),
    ] {
        let answer = rest_call(&gateway, method, path, "").await;
        assert!(answer.starts_with("HTTP/1.1 400 ") && answer.contains("does not open"), "{path}: {answer}");
    }
    let part = |skill: &str| format!(r#"{{"type":"data","data":{{"skill":"{skill}"}}}}"#);
    let new = |skill: &str| format!(r#"{{"message":{{"messageId":"m","parts":[{}]}}}}"#, part(skill));
    let old = |skill: &str| format!(r#"{{"request":{{"messageId":"m","content":[{}]}}}}"#, part(skill));
    for (path, body) in [("/message:send", new("delete")), ("/v1/message:send", old("delete"))] {
        let answer = rest_call(&gateway, "POST", path, &body).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    assert_eq!(calls(&agent).len(), 0);
    for (path, body, sent) in [
        ("/message:send", new("search"), r#""parts":[{"data":{"skill":"search"}}]"#),
        ("/v1/message:send", old("search"), r#""content":[{"data":{"data":{"skill":"search"}}}]"#),
    ] {
        let answer = rest_call(&gateway, "POST", path, &body).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        let reached = calls(&agent).pop().unwrap();
        assert!(reached.contains(sent), "{reached}");
    }
}
