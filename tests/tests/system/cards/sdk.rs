//! Cards of real agents.

use serde_json::Value;
use system_tests::harness::{
    Agent, DataPlane,
    manifest::{KEYLESS_PLAN, Manifest},
    sdk::Sdk,
};

use super::{card_of, read};

/// A gateway in front of an agent with every binding, and everything that gives the agent's servers away.
fn in_front_of(agent: &Agent) -> (DataPlane, Vec<String>) {
    let grpc = agent.grpc.clone();
    let servers =
        grpc.iter().map(|authority| format!("  - url: http://{authority}\n    bindings: [BINDING_GRPC]\n"));
    let fields = format!(
        "  addresses:\n    hosts: [localhost]\n  upstreams:\n  - url: {}\n    bindings: [BINDING_JSONRPC, BINDING_HTTP_JSON]\n{}  plans: [{KEYLESS_PLAN}]\n",
        agent.url,
        servers.collect::<String>()
    );
    let gateway = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields));
    let authorities = grpc.into_iter().chain([agent.url["http://".len()..].to_owned()]);
    let ports =
        authorities.filter_map(|authority| authority.rsplit_once(':').map(|(_, port)| format!(":{port}")));
    (gateway, ports.collect())
}

fn urls_of<'card>(card: &'card Value, list: &str, binding: &str) -> Vec<&'card str> {
    let name = if list == "supportedInterfaces" { "protocolBinding" } else { "transport" };
    let entries = card[list].as_array().into_iter().flatten();
    entries.filter(|entry| entry[name] == binding).filter_map(|entry| entry["url"].as_str()).collect()
}

#[test]
fn the_cards_of_every_sdk_name_the_gateway_alone() {
    for sdk in Sdk::ALL {
        let agent = Agent::full(sdk);
        let (gateway, ports) = in_front_of(&agent);
        let (http, grpc) = (gateway.agent("echo"), format!("localhost:{}", gateway.address.port()));
        for version in [None, Some("0.3"), Some("1.0")] {
            let headers: Vec<_> = version.into_iter().map(|version| ("a2a-version", version)).collect();
            let card = card_of(&gateway, &headers);
            let text = card.to_string();
            for port in &ports {
                assert!(!text.contains(port.as_str()), "{sdk:?} {version:?}: {port} in {card:#}");
            }
            let mut shown = 0;
            for list in ["supportedInterfaces", "additionalInterfaces"] {
                for (binding, url) in [("JSONRPC", &http), ("HTTP+JSON", &http), ("GRPC", &grpc)] {
                    let urls = urls_of(&card, list, binding);
                    shown += urls.len();
                    assert!(urls.iter().all(|shown| shown == url), "{sdk:?} {version:?} {binding}: {card:#}");
                }
            }
            assert!(shown >= 2, "{sdk:?} {version:?}: {card:#}");
            let has = |binding| {
                !urls_of(&card, "supportedInterfaces", binding).is_empty()
                    || !urls_of(&card, "additionalInterfaces", binding).is_empty()
            };
            assert!(has("HTTP+JSON"), "{sdk:?} {version:?}: {card:#}");
            assert_eq!(has("GRPC"), agent.grpc.is_some(), "{sdk:?} {version:?}: {card:#}");
        }
        assert_eq!(read(&gateway, &[]).head.get("vary"), Some("a2a-version"));
    }
}
