use proptest::prelude::*;
use serde_json::json;
use signalbox_proto::model::pointer::JsonPointer;
use signalbox_proto::model::violation::FieldPath;

use super::*;

const HOOK: &str = "https://hooks.example/a";

fn urls(params: &serde_json::Value) -> Vec<String> {
    webhooks(&params.to_string()).unwrap().into_iter().map(Cow::into_owned).collect()
}

#[test]
fn params_are_found_in_their_binding() {
    let body = br#" {"jsonrpc":"2.0","params": {"a":[1]} ,"id":1,"method":"x"}"#;
    assert_eq!(params(Binding::JsonRpc, body).unwrap(), Some(r#"{"a":[1]}"#));
    for none in [&br#"{"jsonrpc":"2.0","method":"x"}"#[..], br#"{"params":null}"#] {
        assert_eq!(params(Binding::JsonRpc, none).unwrap(), None);
    }
    assert_eq!(params(Binding::HttpJson, b" {\"a\":1} ").unwrap(), Some("{\"a\":1}"));
    assert_eq!(params(Binding::HttpJson, b"").unwrap(), None);
    params(Binding::HttpJson, b"\xff").unwrap_err();
}

#[test]
fn webhooks_are_found_in_every_place_and_spelling() {
    let config =
        json!({"url": HOOK, "token": "t", "authentication": {"scheme": "Bearer", "credentials": "c"}});
    let nested = json!({"name": "tasks/t/pushNotificationConfigs/c", "pushNotificationConfig": config});
    let nested_snake = json!({"push_notification_config": config});
    for params in [
        // 1.0, alone; in JSON-RPC and as the body of HTTP+JSON.
        json!({"tenant": "a", "taskId": "t", "id": "c", "url": HOOK}),
        json!({"task_id": "t", "url": HOOK}),
        json!({"taskId": "t", "Url": HOOK}),
        json!({"taskId": "t", "URL": HOOK}),
        json!({"taskId": "t", "u_rl": HOOK}),
        // 0.2 and 0.3, alone; 0.3 as protobuf JSON.
        json!({"taskId": "t", "pushNotificationConfig": config}),
        json!({"taskId": "t", "push_notification_config": config}),
        json!({"parent": "tasks/t", "configId": "c", "config": nested}),
        json!({"parent": "tasks/t", "config_id": "c", "config": nested_snake}),
        nested,
        // Embedded in a send: 1.0, 0.3, protobuf JSON of 0.3.
        json!({"message": {}, "configuration": {"taskPushNotificationConfig": config}}),
        json!({"message": {}, "configuration": {"task_push_notification_config": config}}),
        json!({"message": {}, "configuration": {"pushNotificationConfig": config}}),
        json!({"message": {}, "configuration": {"push_notification_config": config}}),
        json!({"request": {}, "configuration": {"pushNotification": config}}),
        json!({"request": {}, "configuration": {"push_notification": config}}),
        json!({"request": {}, "configuration": {"push_notification": {"pushNotificationConfig": config}}}),
        json!({"message": {}, "Configuration": {"PushNotificationConfig": config}}),
        // 0.1.
        json!({"id": "t", "message": {}, "pushNotification": config}),
        json!({"id": "t", "push_notification": config}),
        json!({"id": "t", "pushNotificationConfig": config}),
    ] {
        assert_eq!(urls(&params), [HOOK], "{params}");
    }
    let escaped = format!(r#"{{"taskId":"t","\u0075rl":"{HOOK}"}}"#);
    assert_eq!(webhooks(&escaped).unwrap(), [HOOK]);
    let escaped_value = r#"{"url":"https:\/\/127.0.0.1\u002f"}"#;
    assert_eq!(webhooks(escaped_value).unwrap(), ["https://127.0.0.1/"]);
}

#[test]
fn all_webhooks_are_listed_and_nothing_else() {
    let two = json!({
        "configuration": {"pushNotificationConfig": {"url": "a"}, "taskPushNotificationConfig": {"url": "b"}},
        "pushNotification": [{"url": "c"}, {"url": ""}, {"url": null}, {}],
    });
    assert_eq!(urls(&two), ["a", "b", "c"]);
    let payload = json!({
        "message": {"parts": [{"url": "https://10.0.0.1/file.png"}, {"file": {"url": "x"}}]},
        "request": {"content": [{"url": "x"}]},
        "metadata": {"url": "x"},
        "configuration": {"acceptedOutputModes": ["url"], "historyLength": 3, "blocking": true},
        "id": 1.5,
    });
    assert_eq!(urls(&payload), [""; 0]);
}

#[test]
fn a_url_that_is_no_text_is_refused() {
    for bad in
        [json!({"url": 1}), json!({"config": {"url": {"a": 1}}}), json!({"url": ["https://a.example"]})]
    {
        let error = webhooks(&bad.to_string()).unwrap_err();
        assert_eq!(error.code(), Code::WebhookNotAllowed, "{bad}");
    }
}

fn selector(metadata: &[&str], data: &[&str]) -> SkillSelector {
    let pointers = |list: &[&str]| {
        list.iter().map(|text| JsonPointer::parse(text, &FieldPath::root()).unwrap()).collect()
    };
    SkillSelector { message_metadata: pointers(metadata), data_parts: pointers(data) }
}

fn named(params: &serde_json::Value, selector: &SkillSelector) -> Option<Vec<String>> {
    let text = params.to_string();
    let found = skills(&text, selector);
    found.ok().map(|found| found.into_iter().map(Cow::into_owned).collect())
}

#[test]
fn skills_are_found_where_the_agent_says() {
    let places = selector(&["/skill", "/a~1b/0/id"], &["/request/skill"]);
    let found = |params: serde_json::Value| named(&params, &places).unwrap();
    assert_eq!(found(json!({"message": {"metadata": {"skill": "search"}}})), ["search"]);
    assert_eq!(found(json!({"message": {"metadata": {"skill": ["a", "b"]}}})), ["a", "b"]);
    assert_eq!(found(json!({"message": {"metadata": {"a/b": [{"id": "x"}, {"id": "y"}]}}})), ["x"]);
    assert_eq!(found(json!({"message": {"metadata": {"skill": null}}})), [""; 0]);
    assert_eq!(found(json!({"message": {"metadata": null}, "metadata": {"skill": "elsewhere"}})), [""; 0]);
    // Parts: 1.0 and 0.3; 0.3 as protobuf JSON.
    let data = json!({"request": {"skill": "book"}});
    assert_eq!(found(json!({"message": {"parts": [{"text": "a"}, {"data": data}]}})), ["book"]);
    assert_eq!(
        found(json!({"message": {"parts": [{"kind": "data", "data": data}, {"data": data}]}})),
        ["book"; 2]
    );
    assert_eq!(found(json!({"request": {"content": [{"data": {"data": data}}]}})), ["book"]);
    assert_eq!(found(json!({"message": {"content": [{"data": data}]}})), ["book"]);
    // What a part's data does not say, its text does not.
    assert_eq!(found(json!({"message": {"parts": [{"text": "{\"request\":{\"skill\":\"x\"}}"}]}})), [""; 0]);
    assert_eq!(found(json!({})), [""; 0]);
    assert_eq!(found(json!({"message": "text"})), [""; 0]);
}

#[test]
fn a_second_skill_in_another_dialect_is_seen() {
    let places = selector(&["/skill"], &["/skill"]);
    let (good, bad) = (json!({"skill": "good"}), json!({"skill": "bad"}));
    for params in [
        json!({"message": {"metadata": good}, "request": {"metadata": bad}}),
        json!({"message": {"metadata": good, "parts": [{"data": bad}]}}),
        json!({"message": {"metadata": good, "Parts": [{"Data": bad}]}}),
        json!({"message": {"metadata": good, "content": [{"data": {"data": bad}}]}}),
        json!({"message": {"parts": [{"data": good}], "content": [{"data": bad}]}}),
        json!({"message": {"metadata": good}, "MESSAGE": {"metadata": bad}}),
        json!({"message": {"metadata": good}, "mes_sage": {"met_adata": bad}}),
    ] {
        assert_eq!(named(&params, &places).unwrap(), ["good", "bad"], "{params}");
    }
    let escaped = r#"{"message":{"m\u0065tadata":{"sk\u0069ll":"b\u0061d"}}}"#;
    assert_eq!(skills(escaped, &places).unwrap(), ["bad"]);
}

#[test]
fn what_is_no_text_is_no_skill() {
    let places = selector(&["/skill"], &[]);
    for bad in [
        json!(1),
        json!(true),
        json!(1.5),
        json!({"id": "search"}),
        json!([1]),
        json!([["search"]]),
        json!([null]),
    ] {
        assert_eq!(named(&json!({"message": {"metadata": {"skill": bad}}}), &places), None, "{bad}");
    }
    // Unless another pointer leads further in.
    let both = selector(&["/skill", "/skill/id"], &[]);
    assert_eq!(named(&json!({"message": {"metadata": {"skill": {"id": "a"}}}}), &both).unwrap(), ["a"]);
    assert_eq!(named(&json!({"message": {"metadata": {"skill": "a"}}}), &both).unwrap(), ["a"]);
}

proptest! {
    #[test]
    fn any_json_can_be_asked(text in "[{}\\[\\]\",:a-z0-9 ]{0,60}|\\PC{0,40}") {
        let _ = webhooks(&text);
        let _ = skills(&text, &selector(&["/a", "/a/0"], &["/b"]));
    }

    /// Wherever a config lies and however its name is written, its URL is seen.
    #[test]
    fn no_depth_hides_a_webhook(path in prop::collection::vec("[a-zA-Z_]{1,12}", 0..5), index in 0_usize..4) {
        let name = ["url", "URL", "u_r_l", "Url"][index];
        let first_is_payload = path.first().is_some_and(|name| {
            matches!(name.as_str(), "message" | "request" | "metadata")
        });
        prop_assume!(!first_is_payload);
        let config = json!({name: HOOK});
        let params = path.iter().rev().fold(config, |inner, name| {
            if name == "url" || super::super::text::fold(name) == "url" { inner } else { json!({name: inner}) }
        });
        prop_assert_eq!(urls(&params), [HOOK]);
    }
}
