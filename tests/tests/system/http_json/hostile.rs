//! Paths and bodies made to be read in two ways.

use system_tests::harness::{
    Upstream,
    http::{Connection, request},
    upstream::{Request, Then, json_answer, write},
};

use super::send;
use crate::common::{V1, in_front_of};

/// An agent without a card takes every binding at its own address.
fn agent() -> Upstream {
    Upstream::start(|request, stream| {
        if request.is_card() {
            write(stream, b"HTTP/1.1 404 None\r\ncontent-length: 0\r\n\r\n");
        } else {
            write(
                stream,
                &json_answer(&serde_json::json!({"id": "t", "status": {"state": "TASK_STATE_WORKING"}})),
            );
        }
        Then::Keep
    })
}

fn calls(agent: &Upstream) -> Vec<String> {
    agent
        .requests()
        .iter()
        .filter(|request| !Request::is_card(request))
        .map(|call| call.target.clone())
        .collect()
}

#[test]
fn odd_paths_reach_nobody() {
    let agent = agent();
    let gateway = in_front_of(&agent);
    for path in [
        "/tasks/../tasks/t",
        "/tasks/./t",
        "/tasks/%2e%2e/t",
        "/tasks/%2E",
        "//tasks/t",
        "/tasks//t",
        "/tasks/t/",
        "/tasks/",
        "/tasks/a%2Fb",
        "/tasks/a%2fb:cancel",
        "/tasks/a%5cb",
        "/tasks/a%00b",
        "/tasks/a\\b",
        "/tasks/t;x=1",
        "/tasks/t%3asubscribe",
        "/tasks/t:SUBSCRIBE",
        "/tasks/%",
        "/tasks/%ff",
        "/Tasks/t",
        "/%74asks/t",
        "/tasks/tasks",
        "/tasks/extendedAgentCard",
        "/V1/tasks/t",
        "/a/b/tasks/t",
        "/.well-known/tasks",
        "/_observed",
        "/v1",
        "/v1/v1/tasks",
    ] {
        let answer = send(gateway.address, "GET", &format!("/a2a/echo{path}"), &V1, b"");
        assert!(matches!(answer.status(), 400 | 404), "{path}: {} {}", answer.status(), answer.text());
    }
    assert_eq!(calls(&agent), [""; 0]);
}

#[test]
fn odd_ids_go_on_as_they_came() {
    let agent = agent();
    let gateway = in_front_of(&agent);
    let huge = format!("/tasks/{}", "x".repeat(8_000));
    for path in
        ["/tasks/message:send", "/tasks/a:b:c", "/tasks/a%20b%25", "/tasks/%C3%BC", "/tasks/a+b&c=d", &huge]
    {
        let answer = send(gateway.address, "GET", &format!("/a2a/echo{path}?x=%zz&y"), &V1, b"");
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(calls(&agent).pop().unwrap_or_default(), format!("{path}?x=%zz&y"));
    }
    let beyond = send(gateway.address, "GET", &format!("/a2a/echo/tasks/{}", "x".repeat(300_000)), &V1, b"");
    assert!(matches!(beyond.status(), 414 | 431), "{}", beyond.status());
}

#[test]
fn a_body_that_the_operation_does_not_have_is_refused_and_its_connection_stays_sound() {
    let agent = agent();
    let gateway = in_front_of(&agent);
    let smuggled = b"DELETE /a2a/echo/tasks/t/pushNotificationConfigs/c HTTP/1.1\r\nhost: h\r\n\r\n";
    let mut connection = Connection::open(gateway.address);
    connection.send(&request("GET", "/a2a/echo/tasks/t", &V1, smuggled));
    assert_eq!(connection.response().status(), 400);
    connection.send(&request("GET", "/a2a/echo/tasks/t", &V1, b""));
    assert_eq!(connection.response().status(), 200, "the next request is the next answered");
    let chunked = [V1[0], ("transfer-encoding", "chunked")];
    connection.send(&request(
        "DELETE",
        "/a2a/echo/tasks/t/pushNotificationConfigs/c",
        &chunked,
        b"1\r\nx\r\n0\r\n\r\n",
    ));
    assert_eq!(connection.response().status(), 400);
    assert_eq!(calls(&agent), ["/tasks/t"]);
}

#[test]
fn bodies_that_say_two_things_reach_nobody() {
    let agent = agent();
    let gateway = in_front_of(&agent);
    for body in [
        r#"{"message":{"messageId":"m"},"request":{"messageId":"n"}}"#,
        r#"{"message":{"taskId":"a","task_id":"b"}}"#,
        r#"{"message":{},"messag\u0065":{}}"#,
        r#"{"configuration":{"taskPushNotificationConfig":{},"task_push_notification_config":{}}}"#,
        r#"{"message":{}}{"message":{}}"#,
        r#"[{"message":{}}]"#,
        "\u{feff}{}",
        "",
    ] {
        for path in ["/message:send", "/v1/message:stream", "/acme/message:send"] {
            let answer = send(gateway.address, "POST", &format!("/a2a/echo{path}"), &[], body.as_bytes());
            assert_eq!(answer.status(), 400, "{path} {body}: {}", answer.text());
        }
    }
    assert_eq!(calls(&agent), [""; 0]);
}
