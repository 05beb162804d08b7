//! Official clients to official agents through the gateway, version by version and side by side on one address.

use system_tests::harness::{
    Agent, Client, DataPlane,
    manifest::{KEYLESS_PLAN, Manifest},
    sdk::{Sdk, record},
};

fn works(sdk: Sdk, gateway: &DataPlane) {
    let records = Client::new(sdk, &gateway.agent("echo")).run(&["all"]);
    let interfaces = &record(&records, "discover")["interfaces"];
    assert!(!interfaces.to_string().contains("HTTP+JSON"), "an interface that is not proxied: {interfaces}");
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
