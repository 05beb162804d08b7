//! Leniency in front of official agents: what they refuse of themselves works where the agent asks for it.

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, http,
    manifest::{KEYLESS_PLAN, Manifest},
    sdk::{Agent, Sdk},
};

struct Fixture {
    sdk: Sdk,
    agent: Agent,
    gateway: DataPlane,
}

impl Fixture {
    fn start(sdk: Sdk) -> Self {
        let agent = Agent::start(sdk);
        let manifest = Manifest::new().keyless().agent("strict", &agent.url, KEYLESS_PLAN).agent_with(
            "lenient",
            &agent.url,
            KEYLESS_PLAN,
            "  lenient: true\n",
        );
        Self { sdk, gateway: DataPlane::standalone(&manifest), agent }
    }

    fn post(&self, path: &str, body: &Value) -> String {
        let mut headers = vec![("connection", "close")];
        headers.extend((!self.sdk.is_old()).then_some(("a2a-version", "1.0")));
        http::post(self.gateway.address, path, &headers, body.to_string().as_bytes()).text()
    }

    /// Sends a message over JSON-RPC, then over HTTP+JSON, to the agent that is `id` at the gateway.
    fn send(&self, id: &str, message: &Value) -> [String; 2] {
        let (method, rest) = if self.sdk.is_old() {
            ("message/send", "/v1/message:send")
        } else {
            ("SendMessage", "/message:send")
        };
        let rpc = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": {"message": message}});
        let mut in_rest = message.clone();
        // Protobuf JSON of 0.3 calls them so.
        if let Some(parts) =
            in_rest.as_object_mut().filter(|_| self.sdk.is_old()).and_then(|m| m.remove("parts"))
        {
            in_rest["content"] = parts;
        }
        let body = json!({"message": in_rest});
        [self.post(&format!("/a2a/{id}"), &rpc), self.post(&format!("/a2a/{id}{rest}"), &body)]
    }
}

fn agents_are_helped(sdk: Sdk) {
    let fixture = Fixture::start(sdk);
    let role = if sdk.is_old() { "user" } else { "ROLE_USER" };
    for message in [
        json!({"role": "user", "content": "hello"}),
        json!({"content": "hello", "contextId": "c"}),
        json!({"messageId": "m", "role": role, "content": "hello"}),
    ] {
        for answer in fixture.send("lenient", &message) {
            assert!(answer.contains("echo: hello"), "{message}: {answer}");
        }
        for answer in fixture.send("strict", &message) {
            assert!(!answer.contains("echo: hello"), "{message}: {answer}");
        }
    }
    let rest_role = "ROLE_USER";
    let typed =
        |role: &str| json!({"messageId": "m", "role": role, "parts": [{"type": "text", "text": "hello"}]});
    let [rpc, _] = fixture.send("lenient", &typed(role));
    let [_, rest] = fixture.send("lenient", &typed(rest_role));
    for answer in [rpc, rest] {
        assert!(answer.contains("echo: hello"), "{answer}");
    }
    let counted =
        |id: &str| fixture.gateway.metrics().sum("signalbox_lenient_messages_total", &[("agent", id)]);
    assert!((counted("lenient") - 10.0).abs() < 0.5 && counted("strict") < 0.5, "{}", counted("lenient"));
    assert!(fixture.agent.calls() >= 10);
}

#[test]
fn python_1_is_helped() {
    agents_are_helped(Sdk::Python1);
}

#[test]
fn javascript_1_is_helped() {
    agents_are_helped(Sdk::JavaScript1);
}

#[test]
fn python_0_3_is_helped() {
    agents_are_helped(Sdk::Python03);
}

#[test]
fn javascript_0_3_is_helped() {
    agents_are_helped(Sdk::JavaScript03);
}
