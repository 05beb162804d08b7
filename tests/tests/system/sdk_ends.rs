//! What official clients see of a stream that the gateway ends, and of calls that it refuses.

use serde_json::Value;
use system_tests::harness::{
    Agent, Client, DataPlane,
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    sdk::Sdk,
};

use crate::{common::new_api_key, sdk_table::BINDINGS};

/// Every client on a stream over every binding, whose key is then taken away.
#[test]
fn every_client_sees_the_error_that_ends_its_stream_and_the_refusal_after_it() {
    let agent = Agent::full(Sdk::JavaScript1);
    let grpc = agent.grpc.as_deref().expect("the agent serves gRPC");
    let (key, sha256) = new_api_key();
    let without = Manifest::new().api_key().agent_with_grpc("echo", &agent.url, grpc, KEY_PLAN);
    let gateway = DataPlane::standalone(&without.clone().consumer_with_key("shop", KEY_PLAN, &sha256));
    let (base, authority) = (gateway.own_host(), gateway.authority());
    let mut callers = Vec::new();
    for sdk in Sdk::ALL.into_iter().chain([Sdk::Rust]) {
        for binding in BINDINGS {
            let client = Client::new(sdk, &base).bindings(&[binding]).grpc(Some(&authority));
            let process = client.key(&key, "X-API-Key").start(&["stream-cut", "refused"]);
            callers.push((sdk, binding, process));
        }
    }
    for (sdk, binding, process) in &mut callers {
        let open = process.json_line().unwrap_or_default();
        assert_eq!(open["open"], true, "{sdk:?} over {binding}: {open}\n{}", process.log());
    }
    gateway.replace_manifest(&without.consumer("shop", KEY_PLAN).yaml());
    for (sdk, binding, process) in &mut callers {
        let [ended, refused] = [(); 2].map(|()| process.json_line().unwrap_or_default());
        let told = format!("{sdk:?} over {binding}: {ended}\n{refused}\n{}", process.log());
        assert_eq!([&ended["ok"], &refused["ok"]], [true, true], "{told}");
        assert!(is_readable(*sdk, binding) == text(&ended).contains("credential was revoked"), "{told}");
        let names_it = ["401", "UNAUTHENTICATED", "credential is not valid"];
        assert!(names_it.iter().any(|name| text(&refused).contains(name)), "{told}");
    }
}

/// A client that asks for a version which nobody offers gets the same error from the agent and from the gateway.
#[test]
fn a_version_that_nobody_offers_is_refused_as_the_sdk_expects_it() {
    let agent = Agent::hybrid(Sdk::Python1);
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN));
    for base in [&agent.url, &gateway.agent("echo")] {
        let client = Client::new(Sdk::Python1, base).bindings(&["JSONRPC", "HTTP+JSON"]);
        let records = client.run(&["version-mismatch"]);
        for record in &records {
            assert_eq!(record["error"]["type"], "VersionNotSupportedError", "{record}");
        }
        assert_eq!(records.len(), 2);
    }
}

/// Whether an SDK reads errors inside streams of HTTP+JSON; those that do not fail at the event, and that is an error, too.
fn is_readable(sdk: Sdk, binding: &str) -> bool {
    binding != "HTTP+JSON" || !matches!(sdk, Sdk::Python03 | Sdk::Rust)
}

fn text(record: &Value) -> String {
    record["error"].to_string()
}
