use proptest::prelude::*;
use serde_json::json;

use super::{Refusal, classify};
use crate::a2a::call::Call;
use crate::a2a::operation::Operation;
use crate::error::{Code, Dialect};

fn call(body: &str) -> Call<'_> {
    classify(body.as_bytes()).unwrap_or_else(|refusal| panic!("{body}: {refusal:?}"))
}

fn refusal(body: &[u8]) -> Refusal<'_> {
    match classify(body) {
        Ok(call) => panic!("{:?} was taken for {call:?}", String::from_utf8_lossy(body)),
        Err(refusal) => refusal,
    }
}

#[test]
fn names_of_task_and_context_are_found_where_each_version_puts_them() {
    for (method, params, task, context) in [
        ("SendMessage", r#"{"message":{"taskId":"t","contextId":"c"}}"#, Some("t"), Some("c")),
        ("SendMessage", r#"{"message":{"task_id":"t","context_id":"c"}}"#, Some("t"), Some("c")),
        ("SendMessage", r#"{"id":"not this","message":{"taskId":null}}"#, None, None),
        ("message/stream", r#"{"message":{"taskId":"t"}}"#, Some("t"), None),
        ("tasks/send", r#"{"id":"t","sessionId":"c","message":{}}"#, Some("t"), Some("c")),
        ("tasks/sendSubscribe", r#"{"id":"t"}"#, Some("t"), None),
        ("GetTask", r#"{"id":"\u0074"}"#, Some("t"), None),
        ("tasks/cancel", r#"{"id":"t"}"#, Some("t"), None),
        ("SubscribeToTask", r#"{"id":"t"}"#, Some("t"), None),
        ("ListTasks", r#"{"contextId":"c"}"#, None, Some("c")),
        ("tasks/pushNotificationConfig/set", r#"{"taskId":"t"}"#, Some("t"), None),
        ("tasks/pushNotificationConfig/get", r#"{"id":"t"}"#, Some("t"), None),
        ("GetTaskPushNotificationConfig", r#"{"taskId":"t","id":"config"}"#, Some("t"), None),
        ("tasks/pushNotification/set", r#"{"id":"t"}"#, Some("t"), None),
        ("GetExtendedAgentCard", "{}", None, None),
        ("GetExtendedAgentCard", "null", None, None),
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{params}}}"#);
        let call = call(&body);
        assert_eq!(call.method, method);
        assert_eq!(call.task_id.as_deref(), task, "{body}");
        assert_eq!(call.context_id.as_deref(), context, "{body}");
    }
}

#[test]
fn ids_keep_their_raw_text() {
    for id in ["1", "-7", "\"a\"", "\"1\"", "null", "\"\\u00e9\"", "123456789012345678901234567890"] {
        let body = format!(r#"{{"jsonrpc":"2.0", "id" : {id} ,"method":"GetTask","params":{{}}}}"#);
        assert_eq!(call(&body).id, Some(id));
    }
    assert_eq!(call(r#"{"jsonrpc":"2.0","method":"GetTask"}"#).id, None);
}

#[test]
fn ids_of_other_kinds_are_refused() {
    let long = format!("\"{}\"", "x".repeat(255));
    for id in ["1.5", "1e3", "-", "{}", "[1]", "true", "\"\\ud800\"", &long] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"GetTask"}}"#);
        let refusal = refusal(body.as_bytes());
        assert!(refusal.id.is_none(), "{id}");
    }
}

#[test]
fn a_send_waits_unless_it_says_otherwise() {
    for (configuration, waits) in [
        ("{}", true),
        ("null", true),
        (r#"{"blocking":false}"#, false),
        (r#"{"blocking":true}"#, true),
        (r#"{"returnImmediately":true}"#, false),
        (r#"{"return_immediately":true}"#, false),
        (r#"{"returnImmediately":false}"#, true),
        (r#"{"returnImmediately":"odd"}"#, true),
    ] {
        let body = format!(
            r#"{{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{{"configuration":{configuration}}}}}"#
        );
        assert_eq!(call(&body).is_blocking_send(), waits, "{configuration}");
    }
    let streaming = r#"{"jsonrpc":"2.0","id":1,"method":"SendStreamingMessage"}"#;
    assert!(!call(streaming).is_blocking_send());
}

#[test]
fn webhooks_are_seen_in_every_spelling() {
    for params in [
        r#"{"configuration":{"pushNotificationConfig":{"url":"x"}}}"#,
        r#"{"configuration":{"push_notification_config":{}}}"#,
        r#"{"configuration":{"taskPushNotificationConfig":{}}}"#,
        r#"{"configuration":{"task_push_notification_config":{}}}"#,
        r#"{"pushNotification":{}}"#,
        r#"{"p\u0075shNotificationConfig":{}}"#,
    ] {
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{params}}}"#);
        assert!(call(&body).has_push_config, "{params}");
    }
    let without = r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"configuration":{"pushNotificationConfig":null}}}"#;
    assert!(!call(without).has_push_config);
}

#[test]
fn unknown_methods_may_have_any_params() {
    for params in ["[1,2]", "\"text\"", r#"{"message":"text"}"#, r#"{"id":5}"#] {
        let body = format!(r#"{{"params":{params},"jsonrpc":"2.0","id":1,"method":"x/y"}}"#);
        assert_eq!(call(&body).operation, Operation::Unknown);
    }
}

#[test]
fn bodies_that_are_no_json_text_are_parse_errors() {
    let bodies: [&[u8]; 14] = [
        b"",
        b" ",
        b"{",
        b"garbage",
        b"<html></html>",
        b"\xef\xbb\xbf{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\"} x",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\"}{}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\",}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"Get\xffTask\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\",\"x\":\"\x01\"}",
        b"{\"jsonrpc\":\"2.0\",\"id\":01,\"method\":\"GetTask\"}",
        b"{'jsonrpc':'2.0'}",
        b"[{\"jsonrpc\":",
    ];
    for body in bodies {
        let refusal = refusal(body);
        assert_eq!(refusal.error.code(), Code::ParseError, "{:?}", String::from_utf8_lossy(body));
        assert_eq!(refusal.id, None);
    }
}

#[test]
fn requests_that_are_none_are_refused_with_the_code_and_id_that_fit() {
    for (body, code, id) in [
        (r#"[{"jsonrpc":"2.0","id":1,"method":"GetTask"}]"#, Code::BatchNotSupported, None),
        ("[]", Code::BatchNotSupported, None),
        ("1", Code::InvalidRequest, None),
        ("\"text\"", Code::InvalidRequest, None),
        ("null", Code::InvalidRequest, None),
        ("{}", Code::InvalidRequest, None),
        (r#"{"id":1,"method":"GetTask"}"#, Code::InvalidRequest, Some("1")),
        (r#"{"jsonrpc":"1.0","id":1,"method":"GetTask"}"#, Code::InvalidRequest, Some("1")),
        (r#"{"jsonrpc":2.0,"id":1,"method":"GetTask"}"#, Code::InvalidRequest, Some("1")),
        (r#"{"jsonrpc":"2.0","id":"x"}"#, Code::InvalidRequest, Some("\"x\"")),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#, Code::InvalidRequest, Some("1")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":[1]}"#, Code::InvalidParams, Some("1")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":5}}"#, Code::InvalidParams, Some("1")),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":["x"]}}"#,
            Code::InvalidParams,
            Some("1"),
        ),
    ] {
        let refusal = refusal(body.as_bytes());
        assert_eq!((refusal.error.code(), refusal.id), (code, id), "{body}");
    }
}

/// What a server with a lenient reader would take for another request than the gateway does.
#[test]
fn parser_differentials_are_refused() {
    for (body, id) in [
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","method":"SendMessage"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","meth\u006fd":"SendMessage"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","Method":"SendMessage"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"id":2,"method":"GetTask"}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"a"},"PARAMS":{"id":"b"}}"#, None),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"a","id":"b"}}"#, Some("1")),
        (r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"id":"a","_id":"b"}}"#, Some("1")),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"taskId":"a","task_id":"b"}}}"#,
            Some("1"),
        ),
        (
            r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"configuration":{"taskPushNotificationConfig":{"url":"https://a","u\u0072l":"http://b"}}}}"#,
            Some("1"),
        ),
    ] {
        let refusal = refusal(body.as_bytes());
        assert_eq!((refusal.error.code(), refusal.id), (Code::DuplicateKey, id), "{body}");
    }
    for body in [
        r#"{"jsonrpc":"2.0","id":1,"METHOD":"SendMessage"}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","PARAMS":{"id":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"x/unknown","Params":{"id":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"GetTask","params":{"ID":"b"}}"#,
        r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"ta\u017fkId":"b"}}}"#,
    ] {
        let refusal = refusal(body.as_bytes());
        assert!(matches!(refusal.error.code(), Code::InvalidRequest | Code::InvalidParams), "{body}");
    }
}

#[test]
fn deep_bodies_are_refused_without_recursion() {
    let deep = "[".repeat(200_000);
    let body = format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{{"metadata":{deep}{}}}}}"#,
        "]".repeat(200_000)
    );
    assert_eq!(refusal(body.as_bytes()).error.code(), Code::TooDeep);
}

#[test]
fn payload_is_never_decoded() {
    let body = r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"metadata":{"n":1e400,"m":-0.0,"s":"\ud800","big":123456789012345678901234567890}}}"#;
    assert_eq!(call(body).operation, Operation::SendMessage);
}

#[test]
fn the_shape_of_errors_follows_the_version_named_or_the_method_name() {
    let old = call(r#"{"jsonrpc":"2.0","id":1,"method":"tasks/get"}"#);
    let new = call(r#"{"jsonrpc":"2.0","id":1,"method":"GetTask"}"#);
    assert_eq!(old.dialect(None), Dialect::V0);
    assert_eq!(new.dialect(None), Dialect::V1);
    assert_eq!(new.dialect(Some(crate::a2a::Version::V0_3)), Dialect::V0);
    assert_eq!(old.dialect(Some(crate::a2a::Version::V1_0)), Dialect::V1);
}

proptest! {
    #[test]
    fn any_bytes_are_survived(body in prop::collection::vec(any::<u8>(), 0..300)) {
        let _ = classify(&body);
    }

    #[test]
    fn what_is_accepted_is_what_a_plain_parser_reads(
        method in prop::sample::select(vec!["SendMessage", "message/send", "GetTask", "x/y"]),
        id in prop_oneof![any::<i64>().prop_map(|n| json!(n)), ".{0,20}".prop_map(|s| json!(s)), Just(json!(null))],
        task in prop::option::of(".{0,20}"),
        text in ".{0,100}",
        pretty in any::<bool>(),
    ) {
        let value = json!({
            "jsonrpc": "2.0", "id": id, "method": method,
            "params": {"id": task, "message": {"taskId": task, "parts": [{"kind": "text", "text": text}]}},
        });
        let body = if pretty { serde_json::to_string_pretty(&value) } else { serde_json::to_string(&value) }.unwrap();
        let call = call(&body);
        prop_assert_eq!(&*call.method, method);
        let read: serde_json::Value = serde_json::from_str(call.id.unwrap()).unwrap();
        prop_assert_eq!(&read, &value["id"]);
        let expected = if method == "x/y" { None } else { task };
        prop_assert_eq!(call.task_id.as_deref(), expected.as_deref());
        let (start, end) = call.method_span;
        prop_assert_eq!(&body[start..end], serde_json::to_string(method).unwrap());
    }

    #[test]
    fn a_cut_body_is_never_accepted(cut in 1usize..150) {
        let body = r#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{"message":{"role":"ROLE_USER","parts":[{"text":"hello"}],"messageId":"m"}}}"#;
        let cut = body.len().saturating_sub(cut);
        prop_assert!(classify(&body.as_bytes()[..cut]).is_err());
    }
}
