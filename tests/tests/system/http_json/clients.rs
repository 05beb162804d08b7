//! Official clients over HTTP+JSON: what they make of refusals and of streams that the gateway ends.

use system_tests::harness::{
    Agent, Client, DataPlane,
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    sdk::Sdk,
};

use crate::common::new_api_key;

const BINDING: [&str; 1] = ["HTTP+JSON"];

/// A bare close would look to them as if the task were done.
#[test]
fn clients_see_an_error_where_the_gateway_ends_a_stream() {
    for sdk in Sdk::ALL {
        let agent = Agent::start(sdk);
        let gateway =
            DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN));
        let mut client = Client::new(sdk, &gateway.agent("echo")).bindings(&BINDING).start(&["stream-cut"]);
        let opened = client.json_line().unwrap_or_else(|| panic!("{sdk:?}: {}", client.log()));
        assert_eq!(opened["open"], true, "{sdk:?}: {opened}");
        gateway.replace_manifest(&Manifest::new().keyless().yaml());
        let record = client.json_line().unwrap_or_else(|| panic!("{sdk:?}: {}", client.log()));
        assert_eq!(record["ok"], true, "{sdk:?}: {record}");
        let text = record["error"].to_string();
        // The client of 0.3 in Python only says that the event is none that it knows.
        assert!(sdk == Sdk::Python03 || text.contains("agent was stopped"), "{sdk:?}: {record}");
    }
}

#[test]
fn clients_without_a_key_see_the_status_and_with_one_are_let_in() {
    let (key, sha256) = new_api_key();
    for sdk in Sdk::ALL {
        let agent = Agent::start(sdk);
        let manifest = Manifest::new().api_key().agent("echo", &agent.url, KEY_PLAN);
        let gateway = DataPlane::standalone(&manifest.consumer_with_key("shop", KEY_PLAN, &sha256));
        let client = Client::new(sdk, &gateway.agent("echo")).bindings(&BINDING);
        let refused = client.run_one("refused");
        assert!(refused.to_string().contains("401"), "{sdk:?}: {refused}");
        assert_eq!(agent.calls(), 0, "{sdk:?}");
        if sdk == Sdk::Python03 {
            // It attaches credentials to JSON-RPC alone.
            continue;
        }
        let _ = client.key(&key, "X-API-Key").run(&["send"]);
        assert_eq!(agent.calls(), 1, "{sdk:?}");
    }
}
