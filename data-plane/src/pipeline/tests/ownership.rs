//! Tasks and contexts of other consumers, as callers of the JSON bindings meet them; gRPC is below.

use super::*;
use crate::ownership::{Claimant, Kind, Standing};

const KNOWN: &str = "  taskOwnership: TASK_OWNERSHIP_KNOWN\n";
const STRICT: &str = "  taskOwnership: TASK_OWNERSHIP_STRICT\n";

fn rpc(method: &str, params: &str) -> String {
    format!(r#"{{"jsonrpc":"2.0","id":"x","method":"{method}","params":{params}}}"#)
}

/// The error code of an answer in JSON-RPC.
fn code(answer: &str) -> Option<i64> {
    let (_, rest) = answer.split_once("\"code\":")?;
    rest.split([',', '}']).next()?.parse().ok()
}

fn caller(gateway: &Fixture, consumer: &str) -> Claimant {
    gateway.gateway.owners.claimant("organizations/default/agents/echo", consumer)
}

/// A gateway that knows a task and a context of somebody else's, and of the caller's own.
async fn gateway(agent: &Agent, policy: &str) -> Fixture {
    let gateway = Fixture::with(agent, "", policy).await;
    for (consumer, task, context) in [("other", "theirs", "their-context"), ("", "own", "own-context")] {
        let claimant = caller(&gateway, consumer);
        claimant.learn(Kind::Task, task);
        claimant.learn(Kind::Context, context);
    }
    gateway
}

async fn agent() -> Agent {
    Agent::with_card(|_| result()).await
}

fn reached(agent: &Agent) -> usize {
    agent.requests().iter().filter(|request| request.starts_with("POST ")).count()
}

/// Every way to name a task or a context, with `{}` for its id.
const TASKS: [(&str, &str); 17] = [
    ("tasks/get", r#"{"id":"{}"}"#),
    ("GetTask", r#"{"id":"{}","historyLength":1}"#),
    ("tasks/cancel", r#"{"id":"{}"}"#),
    ("SubscribeToTask", r#"{"id":"{}"}"#),
    ("CreateTaskPushNotificationConfig", r#"{"taskId":"{}","url":"https://hooks.example/a"}"#),
    ("tasks/pushNotificationConfig/set", r#"{"task_id":"{}","pushNotificationConfig":{"id":"c"}}"#),
    ("tasks/pushNotification/set", r#"{"id":"{}","pushNotificationConfig":{}}"#),
    ("GetTaskPushNotificationConfig", r#"{"taskId":"{}","id":"c"}"#),
    ("tasks/pushNotificationConfig/list", r#"{"id":"{}"}"#),
    ("DeleteTaskPushNotificationConfig", r#"{"taskId":"{}","id":"c"}"#),
    ("message/send", r#"{"message":{"messageId":"m","taskId":"{}"}}"#),
    ("SendMessage", r#"{"message":{"messageId":"m","task_id":"{}","contextId":"own-context"}}"#),
    ("SendStreamingMessage", r#"{"message":{"messageId":"m","referenceTaskIds":["own","{}"]}}"#),
    ("SendMessage", r#"{"message":{},"configuration":{"taskPushNotificationConfig":{"taskId":"{}"}}}"#),
    ("tasks/send", r#"{"id":"{}","message":{}}"#),
    ("tasks/get", r#"{"\u0069d":"{}"}"#),
    ("message/send", r#"{"message":{"taskId":"own","reference_task_ids":["{}"]}}"#),
];

const CONTEXTS: [(&str, &str); 3] = [
    ("message/send", r#"{"message":{"messageId":"m","contextId":"{}"}}"#),
    ("SendStreamingMessage", r#"{"message":{"context_id":"{}","taskId":"own"}}"#),
    ("tasks/send", r#"{"sessionId":"{}","message":{}}"#),
];

#[tokio::test]
async fn what_is_anothers_does_not_exist_and_what_is_unknown_depends_on_the_policy() {
    let agent = agent().await;
    for (policy, of_unknown) in [(KNOWN, None), (STRICT, Some(-32001))] {
        let gateway = gateway(&agent, policy).await;
        let tasks = TASKS.map(|call| (call, ["theirs", "unseen", "own"]));
        let contexts = CONTEXTS.map(|call| (call, ["their-context", "new-context", "own-context"]));
        for ((method, params), ids) in tasks.into_iter().chain(contexts) {
            for (id, expected) in ids.into_iter().zip([Some(-32001), of_unknown, None]) {
                let before = reached(&agent);
                let answer =
                    gateway.post("", &rpc(method, &params.replace("\"{}\"", &format!("\"{id}\"")))).await;
                assert_eq!(code(&answer), expected, "{policy} {method} {params} {id}: {answer}");
                assert_eq!(reached(&agent) - before, usize::from(expected.is_none()), "{method} {id}");
            }
        }
        let metrics = gateway.metrics();
        assert!(metrics.contains(r#"operation="CancelTask",outcome="denied"}"#), "{metrics}");
    }
}

#[tokio::test]
async fn lists_are_of_the_callers_own_contexts_and_unknown_methods_of_nobodys() {
    let agent = agent().await;
    for policy in [KNOWN, STRICT] {
        let gateway = gateway(&agent, policy).await;
        for (method, params, expected) in [
            ("ListTasks", r#"{"contextId":"own-context"}"#, None),
            ("ListTasks", r#"{"contextId":"their-context"}"#, Some(-32004)),
            ("ListTasks", r#"{"contextId":"new-context"}"#, Some(-32004)),
            ("tasks/list", r#"{"contextId":""}"#, Some(-32004)),
            ("ListTasks", "{}", Some(-32004)),
            ("acme/special", r#"{"id":"own"}"#, Some(-32004)),
            ("GetTask", "{}", Some(-32602)),
            ("tasks/get", r#"{"id":"own","name":"tasks/theirs"}"#, Some(-32602)),
            ("CreateTaskPushNotificationConfig", r#"{"taskId":"own","parent":"tasks/theirs"}"#, Some(-32602)),
            ("message/send", r#"{"message":{"messageId":"m"}}"#, None),
        ] {
            let answer = gateway.post("", &rpc(method, params)).await;
            assert_eq!(code(&answer), expected, "{method} {params}: {answer}");
        }
    }
}

#[tokio::test]
async fn without_the_policy_nothing_is_looked_at_or_learned() {
    let agent =
        Agent::with_card(|_| json(r#"{"jsonrpc":"2.0","id":"x","result":{"id":"t","status":{}}}"#)).await;
    let gateway = gateway(&agent, "").await;
    assert_eq!(code(&gateway.post("", &rpc("tasks/get", r#"{"id":"theirs"}"#)).await), None);
    assert_eq!(caller(&gateway, "").standing(Kind::Task, "t"), Standing::Unknown);
}

#[tokio::test]
async fn answers_and_events_teach_and_the_first_owner_stays() {
    let task = r#"{"jsonrpc":"2.0","id":"x","result":{"kind":"task","id":"ID","contextId":"ID-context","status":{"state":"working"}}}"#;
    let agent = Agent::with_card(move |request| {
        let answer = |id: &str| task.replace("ID", id);
        if request.contains("message/stream") {
            return (format!("{STREAM_HEAD}data: {}\n\n", answer("streamed")), Then::Close);
        }
        let id = if request.contains("tasks/get") { "theirs" } else { "sent" };
        json(&answer(id))
    })
    .await;
    let gateway = gateway(&agent, KNOWN).await;
    for (method, params) in [
        ("message/send", r#"{"message":{"messageId":"m"}}"#),
        ("message/stream", r#"{"message":{"messageId":"m"}}"#),
        ("tasks/get", r#"{"id":"own"}"#),
    ] {
        assert_eq!(code(&gateway.post("accept-encoding: gzip\r\n", &rpc(method, params)).await), None);
    }
    let asked = agent.requests();
    let mut calls = asked.iter().filter(|request| request.starts_with("POST "));
    assert!(calls.all(|request| request.contains("accept-encoding: identity\r\n")), "{asked:?}");
    let (own, other) = (caller(&gateway, ""), caller(&gateway, "other"));
    for id in ["sent", "streamed"] {
        assert_eq!(own.standing(Kind::Task, id), Standing::Own);
        assert_eq!(own.standing(Kind::Context, &format!("{id}-context")), Standing::Own);
        assert_eq!(other.standing(Kind::Task, id), Standing::Foreign);
    }
    assert_eq!(other.standing(Kind::Task, "theirs"), Standing::Own);
}

/// A request over HTTP+JSON with its whole answer.
async fn ask(gateway: &Fixture, method: &str, path: &str, body: &str) -> String {
    let length = if body.is_empty() {
        String::new()
    } else {
        format!("content-type: application/json\r\ncontent-length: {}\r\n", body.len())
    };
    let head = format!("{method} /a2a/echo{path} HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{length}\r\n");
    rest(&mut gateway.send(&head, body).await).await
}

#[tokio::test]
async fn over_http_json_the_path_names_the_task_and_nothing_else_does() {
    let agent = agent().await;
    let gateway = Fixture::with(&agent, "    bindings: [BINDING_HTTP_JSON]\n", KNOWN).await;
    caller(&gateway, "other").learn(Kind::Task, "theirs");
    caller(&gateway, "").learn(Kind::Context, "own-context");
    for (method, path, body, status) in [
        ("GET", "/tasks/theirs", "", 404),
        ("GET", "/v1/tasks/theirs", "", 404),
        ("GET", "/acme/tasks/th%65irs", "", 404),
        ("POST", "/tasks/theirs:cancel", "{}", 404),
        ("GET", "/tasks/theirs:subscribe", "", 404),
        ("GET", "/tasks/theirs/pushNotificationConfigs", "", 404),
        ("DELETE", "/tasks/theirs/pushNotificationConfigs/c", "", 404),
        ("POST", "/message:send", r#"{"message":{"taskId":"theirs"}}"#, 404),
        ("POST", "/v1/message:send", r#"{"request":{"task_id":"theirs"}}"#, 404),
        ("GET", "/tasks/mine?id=theirs", "", 400),
        ("POST", "/tasks/mine:cancel", r#"{"id":"theirs"}"#, 400),
        ("POST", "/tasks/mine/pushNotificationConfigs", r#"{"taskId":"theirs","url":"u"}"#, 400),
        (
            "POST",
            "/v1/tasks/mine/pushNotificationConfigs",
            r#"{"parent":"tasks/mine","config":{"name":"tasks/theirs/pushNotificationConfigs/c"}}"#,
            400,
        ),
        ("POST", "/v1/tasks/mine/pushNotificationConfigs", r#"{"parent":"x/tasks/theirs"}"#, 400),
        ("GET", "/tasks", "", 400),
        ("GET", "/tasks?contextId=own-context&context_id=other", "", 400),
    ] {
        let answer = ask(&gateway, method, path, body).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{method} {path} {body}: {answer}");
        assert!(status == 400 || answer.contains("TASK_NOT_FOUND"), "{answer}");
    }
    assert!(agent.requests().iter().all(|request| request.contains("/.well-known/")));
    for (method, path, body) in [
        ("GET", "/tasks/mine?id=mine&historyLength=1", ""),
        ("GET", "/tasks?contextId=own-context", ""),
        (
            "POST",
            "/v1/tasks/mine/pushNotificationConfigs",
            r#"{"parent":"tasks/mine","config":{"name":"tasks/mine/pushNotificationConfigs/c"}}"#,
        ),
    ] {
        let answer = ask(&gateway, method, path, body).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{method} {path}: {answer}");
    }
}
