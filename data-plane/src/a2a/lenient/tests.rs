use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;

fn mended(binding: Binding, naming: Naming, body: &Value) -> Option<Value> {
    let body = body.to_string();
    let mended = mend(binding, Some(naming), body.as_bytes(), || "made".to_owned()).unwrap()?;
    Some(serde_json::from_slice(&mended).unwrap())
}

/// A message as 0.3 and 1.0 of JSON-RPC and HTTP+JSON have it after the mending.
fn each(message: &Value) -> [Option<Value>; 4] {
    let rpc = |naming| {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": "m", "params": {"message": message}});
        mended(Binding::JsonRpc, naming, &body).map(|body| body["params"]["message"].clone())
    };
    let rest = |naming, name: &str| {
        let body = json!({name: message});
        mended(Binding::HttpJson, naming, &body).map(|body| body[name].clone())
    };
    [rpc(Naming::V03), rpc(Naming::V10), rest(Naming::V03, "request"), rest(Naming::V10, "message")]
}

#[test]
fn a_text_becomes_parts() {
    let [v03, v10, proto, rest] = each(&json!({"role": "user", "content": "hi \"you\"", "contextId": "c"}));
    let v03_form = json!({
        "role": "user", "contextId": "c", "parts": [{"kind": "text", "text": "hi \"you\""}], "messageId": "made"
    });
    assert_eq!(v03.unwrap(), v03_form);
    let v10_form = json!({
        "role": "ROLE_USER", "contextId": "c", "parts": [{"text": "hi \"you\""}], "messageId": "made"
    });
    assert_eq!(v10.unwrap(), v10_form);
    assert_eq!(rest.unwrap(), v10_form);
    let proto_form = json!({
        "role": "ROLE_USER", "contextId": "c", "content": [{"text": "hi \"you\""}], "messageId": "made"
    });
    assert_eq!(proto.unwrap(), proto_form);
}

#[test]
fn what_the_caller_says_stays() {
    let [v03, v10, ..] = each(&json!({"content": "a", "message_id": "mine", "role": "agent"}));
    assert_eq!(
        v03.unwrap(),
        json!({"parts": [{"kind": "text", "text": "a"}], "message_id": "mine", "role": "agent"})
    );
    assert_eq!(v10.unwrap()["role"], "ROLE_AGENT");
    let [v03, ..] = each(&json!({"content": "a", "messageId": "", "role": "narrator"}));
    assert_eq!(
        v03.unwrap(),
        json!({"parts": [{"kind": "text", "text": "a"}], "messageId": "made", "role": "narrator"})
    );
}

#[test]
fn parts_with_a_type_take_the_form_of_their_version() {
    let parts = json!([
        {"type": "text", "text": "a", "metadata": {"type": "x"}},
        {"type": "data", "data": {"type": 1}},
        {"type": "file", "file": {"bytes": "QQ==", "mimeType": "text/plain", "name": "a.txt"}},
        {"type": "file", "file": {"uri": "https://a.example/", "mimeType": null}},
    ]);
    let [v03, v10, _, rest] = each(&json!({"messageId": "m", "parts": parts}));
    let v03_form = json!({"messageId": "m", "parts": [
        {"kind": "text", "text": "a", "metadata": {"type": "x"}},
        {"kind": "data", "data": {"type": 1}},
        {"kind": "file", "file": {"bytes": "QQ==", "mimeType": "text/plain", "name": "a.txt"}},
        {"kind": "file", "file": {"uri": "https://a.example/", "mimeType": null}},
    ]});
    assert_eq!(v03.unwrap(), v03_form);
    let v10_form = json!({"messageId": "m", "parts": [
        {"text": "a", "metadata": {"type": "x"}},
        {"data": {"type": 1}},
        {"raw": "QQ==", "mediaType": "text/plain", "filename": "a.txt"},
        {"url": "https://a.example/"},
    ]});
    assert_eq!(v10.unwrap(), v10_form);
    assert_eq!(rest.unwrap(), v10_form);
    let [_, _, proto, _] = each(&json!({"messageId": "m", "content": parts}));
    let proto_form = json!({"messageId": "m", "content": [
        {"text": "a", "metadata": {"type": "x"}},
        {"data": {"data": {"type": 1}}},
        {"file": {"fileWithBytes": "QQ==", "mimeType": "text/plain", "name": "a.txt"}},
        {"file": {"fileWithUri": "https://a.example/", "mimeType": null}},
    ]});
    assert_eq!(proto.unwrap(), proto_form);
}

#[test]
fn what_is_right_or_hopeless_is_left_alone() {
    for message in [
        json!({"parts": [{"text": "a"}]}),
        json!({"parts": [{"kind": "text", "text": "a"}]}),
        json!({"parts": [{"kind": "text", "type": "text", "text": "a"}], "content": "b"}),
        json!({"parts": [{"type": "video"}]}),
        json!({"parts": [{"type": 1}, "text", null]}),
        json!({"parts": "text"}),
        json!({"content": {"text": "a"}}),
        json!({}),
        json!("text"),
        json!(null),
    ] {
        assert_eq!(each(&message)[0], None, "{message}");
    }
    assert_eq!(each(&json!({"parts": [{"text": "a"}], "content": "b"}))[1], None, "which one is meant?");
    assert_eq!(each(&json!({"content": [{"text": "a"}]}))[2], None);
    let old = json!({"params": {"message": {"parts": [{"type": "text", "text": "a"}]}}});
    assert_eq!(mended(Binding::JsonRpc, Naming::V01, &old), None);
}

#[test]
fn the_rest_of_the_body_stays_byte_for_byte() {
    let body = r#" { "jsonrpc":"2.0", "id" : 12345678901234567890, "method":"SendMessage",
        "params" : {"x":1e400, "message" :{"content":"a"} , "metadata":{"é":"\u00e9"} } } "#;
    let mended =
        mend(Binding::JsonRpc, Some(Naming::V10), body.as_bytes(), || "id".to_owned()).unwrap().unwrap();
    let expected =
        body.replace(r#"{"content":"a"}"#, r#"{"parts":[{"text":"a"}],"messageId":"id","role":"ROLE_USER"}"#);
    assert_eq!(String::from_utf8(mended).unwrap(), expected);
}

proptest! {
    /// Mending is done once: what comes out is right.
    #[test]
    fn what_is_mended_needs_no_mending(text in "\\PC{0,20}", types in prop::collection::vec("text|data|file|x", 0..4)) {
        let parts: Vec<Value> = types.iter().map(|kind| json!({"type": kind, "text": text})).collect();
        for message in [json!({"content": text}), json!({"parts": parts})] {
            let [v03, v10, proto, rest] = each(&message);
            let again = [
                v03.map(|message| each(&message)[0].clone()),
                v10.map(|message| each(&message)[1].clone()),
                proto.map(|message| each(&message)[2].clone()),
                rest.map(|message| each(&message)[3].clone()),
            ];
            prop_assert!(again.iter().flatten().all(Option::is_none), "{again:?}");
        }
    }

    #[test]
    fn any_body_can_be_asked(body in "\\PC{0,60}|[{}\\[\\]\",:a-z ]{0,60}") {
        let _ = mend(Binding::HttpJson, Some(Naming::V10), body.as_bytes(), String::new);
    }
}
