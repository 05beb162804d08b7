//! Official clients to official agents through the gateway, version by version and side by side on one address.

use system_tests::harness::{
    Agent, Client, DataPlane,
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    sdk::{Sdk, record},
};

use crate::common::{header_of, new_api_key};

fn works(sdk: Sdk, gateway: &DataPlane) {
    let records = Client::new(sdk, &gateway.agent("echo")).run(&["all"]);
    let interfaces = &record(&records, "discover")["interfaces"];
    assert!(interfaces.to_string().contains("HTTP+JSON"), "an interface that is proxied: {interfaces}");
}

fn works_with_its_own_version(sdk: Sdk) {
    let agent = Agent::start(sdk);
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN));
    works(sdk, &gateway);
    gateway.assert_calls("echo", agent.calls());
}

#[test]
fn javascript_1_to_javascript_1() {
    works_with_its_own_version(Sdk::JavaScript1);
}

#[test]
fn javascript_0_3_to_javascript_0_3() {
    works_with_its_own_version(Sdk::JavaScript03);
}

/// All four clients on one address whose agent speaks both versions.
fn works_side_by_side_on_a_hybrid(sdk: Sdk) {
    let agent = Agent::hybrid(sdk);
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN));
    for client in Sdk::ALL {
        works(client, &gateway);
    }
    gateway.assert_calls("echo", agent.calls());
}

#[test]
fn four_clients_to_one_python_agent_of_both_versions() {
    works_side_by_side_on_a_hybrid(Sdk::Python1);
}

#[test]
fn four_clients_to_one_javascript_agent_of_both_versions() {
    works_side_by_side_on_a_hybrid(Sdk::JavaScript1);
}

/// All four clients on one address behind which each version has an upstream of its own.
fn works_side_by_side_on_two_upstreams(old: Sdk, new: Sdk) {
    let (old, new) = (Agent::start(old), Agent::start(new));
    let fields = format!(
        "  upstreams:\n  - url: {}\n    versions: [\"0.3\"]\n  - url: {}\n    versions: [\"1.0\"]\n  plans: [{KEYLESS_PLAN}]\n",
        old.url, new.url
    );
    let gateway = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields));
    for client in Sdk::ALL {
        works(client, &gateway);
    }
    let (old_calls, new_calls) = (old.calls(), new.calls());
    assert!(old_calls > 0 && new_calls > 0, "calls by version: {old_calls} and {new_calls}");
    gateway.assert_calls("echo", old_calls + new_calls);
}

#[test]
fn four_clients_to_two_python_upstreams() {
    works_side_by_side_on_two_upstreams(Sdk::Python03, Sdk::Python1);
}

#[test]
fn four_clients_to_two_javascript_upstreams() {
    works_side_by_side_on_two_upstreams(Sdk::JavaScript03, Sdk::JavaScript1);
}

/// All four clients with a key, in each of the headers that their card names.
#[test]
fn four_clients_with_a_key_in_either_header() {
    let agent = Agent::hybrid(Sdk::JavaScript1);
    let (key, sha256) = new_api_key();
    let manifest = Manifest::new().api_key().agent("echo", &agent.url, KEY_PLAN);
    let gateway = DataPlane::standalone(&manifest.consumer_with_key("shop", KEY_PLAN, &sha256));
    for sdk in Sdk::ALL {
        for header in ["X-API-Key", "Authorization"] {
            let client = Client::new(sdk, &gateway.agent("echo")).key(&key, header);
            let _ = client.run(&["discover", "send", "stream"]);
        }
    }
    for request in agent.observed() {
        let credentials = [header_of(&request, "x-api-key"), header_of(&request, "authorization")];
        assert_eq!(credentials, [None, None], "a key reached the agent");
    }
    gateway.assert_calls("echo", agent.calls());
}

/// All four clients on a stream so slow that heartbeats come between its events.
#[test]
fn four_clients_read_on_over_heartbeats() {
    let agent = Agent::hybrid(Sdk::JavaScript1);
    let fields = "  heartbeatInterval: 1s\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url, KEYLESS_PLAN, fields);
    let gateway = DataPlane::standalone(&manifest);
    let base = gateway.agent("echo");
    let readers: Vec<_> = Sdk::ALL
        .map(|sdk| Client::new(sdk, &base).message("stream 2 2500"))
        .into_iter()
        .map(|client| std::thread::spawn(move || client.run_one("message")))
        .collect();
    for reader in readers {
        let seen = reader.join().expect("a client succeeds");
        assert_eq!(seen["texts"], serde_json::json!(["part 0", "part 1"]), "{seen}");
        assert_eq!(
            seen["states"].as_array().and_then(|states| states.last()),
            Some(&"completed".into()),
            "{seen}"
        );
    }
    let beats = gateway.metrics().sum("signalbox_stream_heartbeats_total", &[("agent", "echo")]);
    assert!(beats >= 8.0, "{beats} heartbeats in four times five seconds");
}
