//! What plan and agent allow is the same as in JSON-RPC, by whatever path and in whatever spelling it is asked.

use super::*;

/// Every path with its operation.
const PATHS: [(&str, &str, &str); 12] = [
    ("POST", "/message:send", "SendMessage"),
    ("POST", "/message:stream", "SendStreamingMessage"),
    ("GET", "/tasks", "ListTasks"),
    ("GET", "/tasks/t", "GetTask"),
    ("POST", "/tasks/t:cancel", "CancelTask"),
    ("GET", "/tasks/t:subscribe", "SubscribeToTask"),
    ("POST", "/tasks/t:subscribe", "SubscribeToTask"),
    ("POST", "/tasks/t/pushNotificationConfigs", "CreateTaskPushNotificationConfig"),
    ("GET", "/tasks/t/pushNotificationConfigs", "ListTaskPushNotificationConfigs"),
    ("GET", "/tasks/t/pushNotificationConfigs/c", "GetTaskPushNotificationConfig"),
    ("DELETE", "/tasks/t/pushNotificationConfigs/c", "DeleteTaskPushNotificationConfig"),
    ("GET", "/extendedAgentCard", "GetExtendedAgentCard"),
];

/// The same path for a tenant, and in 0.3.
fn forms(path: &str) -> [String; 3] {
    let old = if path == "/extendedAgentCard" { "/card" } else { path };
    [path.to_owned(), format!("/acme{path}"), format!("/v1{old}")]
}

fn body(method: &str, path: &str) -> &'static str {
    match method {
        "POST" if path.contains("Configs") => r#"{"url":"https://hooks.example/a"}"#,
        "POST" => SEND,
        _ => "",
    }
}

fn is_refused(answer: &str, path: &str, code: i64, reason: &str) -> bool {
    let old = answer.contains(&format!("{{\"code\":{code},\"message\":"));
    let form = if path.starts_with("/v1") { old } else { answer.contains("{\"error\":{\"code\":400,") };
    answer.starts_with("HTTP/1.1 400 ") && form && answer.contains(&format!("\"{reason}\""))
}

#[tokio::test]
async fn an_operation_list_opens_the_paths_of_its_operations_alone() {
    let agent = agent(|_| task()).await;
    for opened in ["GetTask", "SendMessage", "DeleteTaskPushNotificationConfig"] {
        let gateway = Fixture::with_plan(&agent, &format!("  operations: [{opened}]\n"), "", "").await;
        for (method, path, operation) in PATHS {
            for path in forms(path) {
                let before = calls(&agent).len();
                let answer = ask(&gateway, method, &path, "", body(method, &path)).await;
                let is_open = operation == opened;
                assert_eq!(calls(&agent).len() - before, usize::from(is_open), "{method} {path}: {answer}");
                let refused = is_refused(&answer, &path, -32004, "UNSUPPORTED_OPERATION");
                assert_eq!(refused, !is_open, "{method} {path}: {answer}");
            }
        }
    }
}

/// Every way to hand over a webhook in the bodies of 1.0 and of 0.3's protocol buffers.
fn registrations(url: &str) -> Vec<(&'static str, String)> {
    let config = format!(r#"{{"url":"{url}","token":"t"}}"#);
    let send = |message: &str, name: &str| {
        format!(r#"{{"{message}":{{"messageId":"m"}},"configuration":{{"{name}":{config}}}}}"#)
    };
    vec![
        ("/message:send", send("message", "taskPushNotificationConfig")),
        ("/message:stream", send("message", "task_push_notification_config")),
        ("/acme/message:send", send("message", r"taskPushNotification\u0043onfig")),
        ("/v1/message:send", send("request", "push_notification")),
        ("/v1/message:stream", send("message", "pushNotification")),
        ("/tasks/t/pushNotificationConfigs", format!(r#"{{"taskId":"t","url":"{url}"}}"#)),
        ("/tasks/t/pushNotificationConfigs", format!(r#"{{"task_id":"t","u\u0072l":"{url}"}}"#)),
        ("/v1/tasks/t/pushNotificationConfigs", format!(r#"{{"pushNotificationConfig":{config}}}"#)),
        (
            "/v1/tasks/t/pushNotificationConfigs",
            format!(r#"{{"name":"n","push_notification_config":{config}}}"#),
        ),
        (
            "/v1/task/t/pushNotificationConfigs",
            format!(
                r#"{{"parent":"tasks/t","config_id":"c","config":{{"push_notification_config":{config}}}}}"#
            ),
        ),
    ]
}

#[tokio::test]
async fn webhooks_are_judged_in_every_body_that_hands_one_over() {
    let agent = agent(|_| task()).await;
    let gateway = Fixture::with(&agent, "", "  push: {mode: PUSH_MODE_VALIDATE}\n").await;
    for (path, body) in registrations("https://[::ffff:127.0.0.1]/a") {
        let answer = ask(&gateway, "POST", path, "", &body).await;
        assert!(is_refused(&answer, path, -32602, "WEBHOOK_NOT_ALLOWED"), "{path} {body}: {answer}");
    }
    assert_eq!(calls(&agent), [""; 0]);
    for (path, body) in registrations("https://hooks.example/a") {
        let answer = ask(&gateway, "POST", path, "", &body).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path} {body}: {answer}");
        assert!(calls(&agent).pop().unwrap().ends_with(&body), "the bytes that came");
    }
}

#[tokio::test]
async fn where_webhooks_are_off_nothing_of_them_works() {
    let agent = agent(|_| task()).await;
    let gateway = Fixture::with(&agent, "", "  push: {mode: PUSH_MODE_OFF}\n").await;
    for (path, body) in registrations("https://hooks.example/a") {
        let answer = ask(&gateway, "POST", path, "", &body).await;
        assert!(
            is_refused(&answer, path, -32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"),
            "{path} {body}: {answer}"
        );
    }
    for (method, path, operation) in PATHS {
        for path in forms(path).iter().filter(|_| operation.contains("Push")) {
            let answer = ask(&gateway, method, path, "", body(method, path)).await;
            assert!(is_refused(&answer, path, -32003, "PUSH_NOTIFICATION_NOT_SUPPORTED"), "{path}: {answer}");
        }
    }
    assert_eq!(calls(&agent), [""; 0]);
    assert!(ask(&gateway, "POST", "/message:send", "", SEND).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn skills_are_held_to_the_plan_in_both_bodies() {
    let agent = agent(|_| task()).await;
    let selector = "  skillSelector: {messageMetadata: [/skill], dataParts: [/skill]}\n";
    let gateway = Fixture::with_plan(&agent, "  skills: [search]\n", "", selector).await;
    let data = |skill: &str| format!(r#"{{"data":{{"skill":"{skill}"}}}}"#);
    for (path, message, is_open) in [
        ("/message:send", format!(r#"{{"message":{{"parts":[{}]}}}}"#, data("search")), true),
        ("/message:send", format!(r#"{{"message":{{"parts":[{}]}}}}"#, data("delete")), false),
        ("/v1/message:send", format!(r#"{{"request":{{"content":[{{"data":{}}}]}}}}"#, data("search")), true),
        (
            "/v1/message:stream",
            format!(r#"{{"request":{{"content":[{{"data":{}}}]}}}}"#, data("delete")),
            false,
        ),
        ("/acme/message:send", r#"{"message":{"metadata":{"skill":"search"}}}"#.to_owned(), true),
        ("/acme/message:send", r#"{"message":{"metadata":{"skill":"delete"}}}"#.to_owned(), false),
        ("/message:stream", SEND.to_owned(), false),
    ] {
        let answer = ask(&gateway, "POST", path, "", &message).await;
        assert_eq!(answer.starts_with("HTTP/1.1 200 "), is_open, "{path} {message}: {answer}");
        let refused = is_refused(&answer, path, -32004, "UNSUPPORTED_OPERATION");
        assert_eq!(refused, !is_open, "{path} {message}: {answer}");
    }
}
