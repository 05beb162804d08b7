//! One data plane that reads a manifest and knows no control plane.

use serde_json::{Value, json};
use system_tests::harness::{
    Agent, Client, DataPlane, Upstream,
    http::{get, post},
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    sdk::{Sdk, record},
};

use crate::common::{header_of, new_api_key, send_message};

/// Runs every scenario of a client through the gateway and checks that no call went round it.
fn works_through(sdk: Sdk, agent: &Agent) {
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN));
    let records = Client::new(sdk, &gateway.agent("echo")).run(&["all", "large"]);
    let interfaces = &record(&records, "discover")["interfaces"];
    assert!(interfaces.to_string().contains("HTTP+JSON"), "an interface that is proxied: {interfaces}");
    gateway.assert_calls("echo", agent.calls());
}

#[test]
fn python_1_works_without_a_key() {
    works_through(Sdk::Python1, &Agent::start(Sdk::Python1));
}

#[test]
fn python_0_3_works_without_a_key() {
    works_through(Sdk::Python03, &Agent::start(Sdk::Python03));
}

/// A data plane that asks for a key, and the key.
fn keyed(agent: &str) -> (DataPlane, String) {
    let (key, sha256) = new_api_key();
    let manifest = Manifest::new().api_key().agent("echo", agent, KEY_PLAN);
    (DataPlane::standalone(&manifest.consumer_with_key("shop", KEY_PLAN, &sha256)), key)
}

fn works_with_a_key(sdk: Sdk, header: &str) {
    let agent = Agent::start(sdk);
    let (gateway, key) = keyed(&agent.url);
    let client = Client::new(sdk, &gateway.agent("echo")).key(&key, header);
    let records = client.run(&["discover", "send", "stream", "get"]);
    let schemes = &record(&records, "discover")["securitySchemes"];
    assert!(schemes.as_object().is_some_and(|schemes| !schemes.is_empty()), "{schemes}");
    for request in agent.observed() {
        assert_eq!(header_of(&request, "x-api-key"), None, "the key reached the agent");
        assert_eq!(header_of(&request, "authorization"), None, "the key reached the agent");
    }
    gateway.assert_calls("echo", agent.calls());
}

#[test]
fn python_1_sends_its_key_in_the_header_of_the_card() {
    works_with_a_key(Sdk::Python1, "X-API-Key");
}

#[test]
fn python_1_sends_its_key_as_a_bearer_token() {
    works_with_a_key(Sdk::Python1, "Authorization");
}

#[test]
fn python_0_3_sends_its_key_in_the_header_of_the_card() {
    works_with_a_key(Sdk::Python03, "X-API-Key");
}

#[test]
fn python_0_3_sends_its_key_as_a_bearer_token() {
    works_with_a_key(Sdk::Python03, "Authorization");
}

#[test]
fn a_call_without_a_key_or_with_a_wrong_one_is_refused() {
    let agent = Upstream::well_behaved();
    let (gateway, key) = keyed(&agent.url());
    let (unknown, _) = new_api_key();
    let mistyped = format!("{}-", &key[..key.len() - 1]);
    for headers in [
        vec![],
        vec![("x-api-key", unknown.as_str())],
        vec![("x-api-key", mistyped.as_str())],
        vec![("authorization", "Basic YTpi")],
    ] {
        let answer = post(gateway.address, "/a2a/echo", &headers, &send_message(1));
        assert_eq!(answer.status(), 401, "{headers:?}: {}", answer.text());
        assert!(answer.head.get("www-authenticate").is_some(), "{:?}", answer.head);
        assert_eq!(answer.error_code(), -32000);
    }
    assert_eq!(agent.calls().len(), 0, "a refused call reached the agent");
    let bearer = format!("Bearer {key}");
    for header in [("x-api-key", key.as_str()), ("authorization", &bearer)] {
        assert_eq!(
            post(gateway.address, "/a2a/echo", &[header], &send_message(1)).status(),
            200,
            "{header:?}"
        );
    }
}

#[test]
fn a_python_client_sees_the_status_of_a_refusal() {
    let agent = Agent::start(Sdk::Python1);
    let (gateway, _) = keyed(&agent.url);
    let refused = Client::new(Sdk::Python1, &gateway.agent("echo")).run_one("refused");
    assert_eq!(refused["error"]["httpStatus"], 401);
}

#[test]
fn an_agent_without_a_plan_answers_nobody() {
    let agent = Upstream::well_behaved();
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let closed = format!("  upstreams:\n  - url: {}\n", agent.url());
    let gateway = DataPlane::standalone(&manifest.raw_agent("closed", &closed));
    let answer = post(gateway.address, "/a2a/closed", &[], &send_message(1));
    assert!((400..500).contains(&answer.status()), "{}", answer.text());
    assert_eq!(agent.calls().len(), 0);
}

#[test]
fn an_agent_that_is_not_deployed_is_absent() {
    let agent = Upstream::well_behaved();
    let fields = "  state: AGENT_STATE_STOPPED\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, fields);
    let gateway = DataPlane::standalone(&manifest);
    assert_eq!(post(gateway.address, "/a2a/echo", &[], &send_message(1)).status(), 404);
    assert_eq!(get(gateway.address, "/a2a/echo/.well-known/agent-card.json", &[]).status(), 404);
    assert_eq!(agent.requests().len(), 0);
}

#[test]
fn both_addresses_and_both_card_paths_answer() {
    let agent = Upstream::well_behaved();
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN));
    for path in ["/a2a/echo", "/a2a/echo/", "/a2a/default/echo"] {
        let answer = post(gateway.address, path, &[("a2a-version", "1.0")], &send_message(1));
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
        assert_eq!(answer.json()["id"], 1);
    }
    for path in ["/a2a/echo/.well-known/agent-card.json", "/a2a/default/echo/.well-known/agent.json"] {
        let answer = get(gateway.address, path, &[]);
        assert_eq!(answer.status(), 200, "{path}: {}", answer.text());
        let urls = urls_of(&answer.json());
        assert!(urls.iter().all(|url| url.starts_with(&format!("http://{}/", gateway.address))), "{urls:?}");
    }
}

fn urls_of(card: &Value) -> Vec<String> {
    match card {
        Value::String(text) if text.contains("://") => vec![text.clone()],
        Value::Array(items) => items.iter().flat_map(urls_of).collect(),
        Value::Object(fields) => fields.values().flat_map(urls_of).collect(),
        _ => Vec::new(),
    }
}

#[test]
fn a_rate_limit_is_kept_and_says_when_to_come_back() {
    let agent = Upstream::well_behaved();
    let limit = "  keyless: {}\n  rateLimits:\n  - name: few\n    requests: 3\n    period: 3600s\n";
    let manifest = Manifest::new().plan(KEYLESS_PLAN, limit).agent("echo", &agent.url(), KEYLESS_PLAN);
    let gateway = DataPlane::standalone(&manifest);
    for number in 0..3 {
        let answer = post(gateway.address, "/a2a/echo", &[], &send_message(number));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert!(answer.head.get("ratelimit").is_some(), "{:?}", answer.head);
    }
    let refused = post(gateway.address, "/a2a/echo", &[], &send_message(3));
    assert_eq!(refused.status(), 429);
    let wait: u64 = refused.head.get("retry-after").expect("retry-after").parse().expect("seconds");
    assert!((1..=3600).contains(&wait), "{wait}");
    assert_eq!(refused.error_code(), -32000);
    assert_eq!(agent.calls().len(), 3);
}

#[test]
fn a_message_sent_to_the_stream_address_is_streamed() {
    let agent = Upstream::well_behaved();
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN));
    let modern = json!({"jsonrpc": "2.0", "id": 5, "method": "SendMessage", "params": {}}).to_string();
    let answer =
        post(gateway.address, "/a2a/echo/message/stream", &[("a2a-version", "1.0")], modern.as_bytes());
    assert_eq!(answer.head.get("content-type"), Some("text/event-stream"), "{}", answer.text());
    assert_eq!(answer.text().matches("data:").count(), 3, "{}", answer.text());
    assert_eq!(agent.calls()[0].json()["method"], "SendStreamingMessage");
    let other = json!({"jsonrpc": "2.0", "id": 6, "method": "GetTask", "params": {}}).to_string();
    let answer =
        post(gateway.address, "/a2a/echo/message/stream", &[("a2a-version", "1.0")], other.as_bytes());
    assert_eq!(answer.error_code(), -32600);
}
