//! Consumers that are kept apart, in front of official agents: what survives what.

use serde_json::{Value, json};
use system_tests::harness::{
    Agent, DataPlane,
    http::post,
    manifest::{KEY_PLAN, Manifest},
    sdk::Sdk,
};

use crate::common::new_api_key;

fn manifest(agent: &Agent, policy: &str, keys: &[&str; 2]) -> Manifest {
    let consumers = [("one", KEY_PLAN, keys[0]), ("two", KEY_PLAN, keys[1])];
    let fields = format!("  taskOwnership: TASK_OWNERSHIP_{policy}\n");
    Manifest::new().api_key().agent_with("echo", &agent.url, KEY_PLAN, &fields).consumers(&consumers)
}

fn call(gateway: &DataPlane, key: &str, method: &str, params: &Value) -> Value {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).to_string();
    let headers = [("x-api-key", key), ("a2a-version", "1.0"), ("connection", "close")];
    let answer = post(gateway.address, "/a2a/echo", &headers, body.as_bytes());
    assert_eq!(answer.status(), 200, "{}", answer.text());
    answer.json()
}

fn message(text: &str, context: Option<&str>) -> Value {
    let mut message = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": text}]});
    if let Some(context) = context {
        message["contextId"] = json!(context);
    }
    json!({"message": message})
}

/// Begins a task; its id and that of its context.
fn begin(gateway: &DataPlane, key: &str, context: Option<&str>) -> (String, String) {
    let answer = call(gateway, key, "SendMessage", &message("stream 1 1", context));
    let task = &answer["result"]["task"];
    let text = |name: &str| task[name].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned();
    (text("id"), text("contextId"))
}

#[test]
fn what_is_owned_stays_so_until_the_data_plane_ends() {
    let agent = Agent::start(Sdk::Python1);
    let (one, two) = (new_api_key(), new_api_key());
    for (policy, of_unseen) in [("KNOWN", Value::Null), ("STRICT", json!(-32001))] {
        let manifest = manifest(&agent, policy, &[&one.1, &two.1]);
        let mut gateway = DataPlane::standalone(&manifest);
        let (task, context) = begin(&gateway, &one.0, None);
        let get = |gateway: &DataPlane, key: &str| {
            call(gateway, key, "GetTask", &json!({"id": task}))["error"]["code"].clone()
        };
        assert_eq!((get(&gateway, &one.0), get(&gateway, &two.0)), (Value::Null, json!(-32001)), "{policy}");
        let again = begin(&gateway, &one.0, Some(&context));
        assert_eq!(again.1, context);
        let joined = call(&gateway, &two.0, "SendMessage", &message("x", Some(&context)));
        assert_eq!(joined["error"]["code"], -32001, "{joined}");
        gateway.terminate();

        // Nobody is told what the last process knew.
        let gateway = DataPlane::standalone(&manifest);
        assert_eq!(get(&gateway, &one.0), of_unseen, "{policy}");
        assert_eq!(get(&gateway, &two.0), -32001, "{policy}");
    }
}
