use proptest::prelude::*;

use super::{Outcome, TaskState, read_http_json, read_json_rpc};

fn outcome<'a>(task: &'a str, context: Option<&'a str>, state: Option<TaskState>) -> Outcome<'a> {
    Outcome {
        id: Some("1"),
        error_code: None,
        task_id: Some(task.into()),
        context_id: context.map(Into::into),
        state,
    }
}

#[test]
fn results_of_every_version_are_understood() {
    for (result, expected) in [
        (
            r#"{"kind":"task","id":"t","contextId":"c","status":{"state":"completed"}}"#,
            outcome("t", Some("c"), Some(TaskState::Completed)),
        ),
        (
            r#"{"task":{"id":"t","contextId":"c","status":{"state":"TASK_STATE_WORKING","message":{"taskId":"no"}}}}"#,
            outcome("t", Some("c"), Some(TaskState::Working)),
        ),
        (r#"{"message":{"messageId":"m","taskId":"t","contextId":"c"}}"#, outcome("t", Some("c"), None)),
        (r#"{"kind":"message","messageId":"m","taskId":"t","contextId":"c"}"#, outcome("t", Some("c"), None)),
        (
            r#"{"kind":"status-update","taskId":"t","contextId":"c","status":{"state":"input-required"},"final":true}"#,
            outcome("t", Some("c"), Some(TaskState::InputRequired)),
        ),
        (
            r#"{"statusUpdate":{"taskId":"t","contextId":"c","status":{"state":"TASK_STATE_FAILED"}}}"#,
            outcome("t", Some("c"), Some(TaskState::Failed)),
        ),
        (r#"{"artifactUpdate":{"taskId":"t","artifact":{"id":"a"}}}"#, outcome("t", None, None)),
        (
            r#"{"id":"t","sessionId":"c","status":{"state":"submitted"},"history":[{"message":1e400}]}"#,
            outcome("t", Some("c"), Some(TaskState::Submitted)),
        ),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        assert_eq!(read_json_rpc(body.as_bytes()), Some(expected), "{body}");
    }
}

#[test]
fn errors_are_understood() {
    let body = br#"{"jsonrpc":"2.0","id":"x","error":{"code":-32001,"message":"no","data":[{"code":1}]}}"#;
    let expected = Outcome { id: Some("\"x\""), error_code: Some(-32001), ..Outcome::default() };
    assert_eq!(read_json_rpc(body), Some(expected));
    let body = br#"{"error":{"code":404,"status":"NOT_FOUND","message":"no"}}"#;
    assert_eq!(read_http_json(body).unwrap().error_code, Some(404));
}

#[test]
fn results_that_are_no_objects_say_nothing() {
    for result in ["null", "[1,2]", "\"x\"", "5", "-5", "1.5", "true"] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"result":{result}}}"#);
        let expected = Outcome { id: Some("1"), ..Outcome::default() };
        assert_eq!(read_json_rpc(body.as_bytes()), Some(expected), "{body}");
    }
}

#[test]
fn what_is_no_json_rpc_is_not_known() {
    for body in ["", "<html>", "[]", "{}", r#"{"jsonrpc":"1.0"}"#, r#"{"jsonrpc":"2.0""#, r#"{"id":1}"#] {
        assert_eq!(read_json_rpc(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn a_bare_result_of_the_other_binding_is_understood() {
    let body = br#"{"task":{"id":"t","status":{"state":"TASK_STATE_AUTH_REQUIRED"}}}"#;
    let expected =
        Outcome { task_id: Some("t".into()), state: Some(TaskState::AuthRequired), ..Outcome::default() };
    assert_eq!(read_http_json(body), Some(expected));
}

#[test]
fn errors_of_the_other_binding_are_known_by_the_code_of_their_reason() {
    let info = |reason: &str| {
        format!(r#"{{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"{reason}"}}"#)
    };
    let status = |details: &str| {
        format!(r#"{{"error":{{"code":404,"status":"NOT_FOUND","message":"m","details":[{details}]}}}}"#)
    };
    for (body, code) in [
        (status(&info("TASK_NOT_FOUND")), Some(-32001)),
        (status(&format!(r#"{{"@type":"x"}},7,{}"#, info("VERSION_NOT_SUPPORTED"))), Some(-32009)),
        (status(&info("SOMETHING_OF_THE_AGENT")), Some(404)),
        (status(""), Some(404)),
        (r#"{"code":-32002,"message":"m","data":{"reason":"x"}}"#.to_owned(), Some(-32002)),
        (r#"{"message":"m"}"#.to_owned(), None),
        ("[1]".to_owned(), None),
        ("null".to_owned(), None),
    ] {
        let outcome = Outcome { error_code: code, ..Outcome::default() };
        assert_eq!(read_http_json(body.as_bytes()), Some(outcome), "{body}");
    }
    for body in ["", "{", "{}x", "<html>", "\"\u{0}"] {
        assert_eq!(read_http_json(body.as_bytes()), None, "{body}");
    }
}

#[test]
fn events_and_messages_of_0_3_protocol_buffers_are_understood() {
    for body in [
        r#"{"msg":{"messageId":"m","contextId":"c","taskId":"t"}}"#,
        r#"{"statusUpdate":{"taskId":"t","contextId":"c","status":{"update":{}}}}"#,
        r#"{"artifact_update":{"task_id":"t","context_id":"c"}}"#,
    ] {
        let outcome = read_http_json(body.as_bytes()).unwrap();
        assert_eq!(
            (outcome.task_id.as_deref(), outcome.context_id.as_deref()),
            (Some("t"), Some("c")),
            "{body}"
        );
    }
}

#[test]
fn names_of_states_read_back() {
    for state in [
        "submitted",
        "working",
        "completed",
        "failed",
        "canceled",
        "input-required",
        "rejected",
        "auth-required",
    ] {
        assert_eq!(TaskState::parse(state).name(), state);
        let upper = format!("TASK_STATE_{}", state.to_uppercase().replace('-', "_"));
        assert_eq!(TaskState::parse(&upper).name(), state);
    }
    assert_eq!(TaskState::parse("TASK_STATE_UNSPECIFIED"), TaskState::Unknown);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = read_json_rpc(&body);
        let _ = read_http_json(&body);
    }
}
