//! What depends on plans, versions and servers.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{KEYLESS, PUBLIC, card_0_3, card_1_0, hybrid, policy, served_by, target};
use crate::a2a::call::Binding;
use crate::a2a::card::{CardRewrite, SkillFilter, Target};
use crate::a2a::version::Version;
use crate::error::Code;

fn bindings_of(card: &Value) -> Vec<(&str, &str)> {
    let entries = card["supportedInterfaces"].as_array().map(Vec::as_slice).unwrap_or_default();
    entries
        .iter()
        .map(|entry| {
            (
                entry["protocolBinding"].as_str().unwrap_or_default(),
                entry["protocolVersion"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}

#[test]
fn only_the_skills_of_the_plans_show() {
    let mut card = hybrid();
    card["skills"] = json!([{"id": "a", "n": 1.5}, {"id": "b"}, {"name": "no id"}, {"id": "c"}]);
    let targets = [target()];
    let shown: Vec<Arc<str>> = vec!["c".into(), "a".into(), "unknown".into()];
    let policy = CardRewrite { skills: SkillFilter::Only(&shown), ..policy(&targets, &KEYLESS) };
    let served = served_by(&card, &policy).unwrap();
    assert_eq!(served["skills"], json!([card["skills"][0], card["skills"][3]]));
    let nothing = CardRewrite { skills: SkillFilter::Only(&[]), ..policy };
    assert_eq!(served_by(&card, &nothing).unwrap()["skills"], json!([]));
    assert!(
        served_by(&json!({"url": "http://backend.internal:9999"}), &policy).unwrap().get("skills").is_none()
    );
    card["skills"] = json!("all of them");
    assert_eq!(served_by(&card, &policy), Err(Code::InvalidAgentCard));
}

#[test]
fn interfaces_of_versions_that_no_server_takes_leave() {
    let targets = [target()];
    let only =
        |versions: &'static [Version]| CardRewrite { versions: Some(versions), ..policy(&targets, &KEYLESS) };
    let old = served_by(&hybrid(), &only(&[Version { major: 0, minor: 2 }])).unwrap();
    assert_eq!(old["url"], PUBLIC);
    assert!(old.get("supportedInterfaces").is_none(), "{old}");
    let new = served_by(&hybrid(), &only(&[Version::V1_0])).unwrap();
    assert_eq!(bindings_of(&new), [("JSONRPC", "1.0")]);
    for gone in ["url", "preferredTransport", "additionalInterfaces"] {
        assert!(new.get(gone).is_none(), "{gone}");
    }
    assert_eq!(served_by(&card_0_3(), &only(&[Version::V1_0])), Err(Code::InvalidAgentCard));
    let mut unversioned = card_1_0();
    unversioned["supportedInterfaces"][0]["protocolVersion"] = Value::Null;
    assert_eq!(bindings_of(&served_by(&unversioned, &only(&[Version::V0_3])).unwrap()), [("JSONRPC", "")]);
}

fn all<'a>(targets: &'a [Target]) -> CardRewrite<'a> {
    CardRewrite {
        bindings: &[Binding::JsonRpc, Binding::HttpJson, Binding::Grpc],
        grpc_authority: Some("echo.agents.example:443"),
        ..policy(targets, &KEYLESS)
    }
}

#[test]
fn a_binding_is_shown_where_a_server_takes_it() {
    // The card names gRPC on another port, which is nobody's.
    let targets = [target()];
    let served = served_by(&card_1_0(), &all(&targets)).unwrap();
    assert_eq!(bindings_of(&served), [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0")]);

    let grpc = Target::parse("http://backend.internal:50051").unwrap().taking(vec![Binding::Grpc]);
    let targets = [target(), grpc.clone()];
    let served = served_by(&card_1_0(), &all(&targets)).unwrap();
    assert_eq!(bindings_of(&served), [("JSONRPC", "1.0"), ("HTTP+JSON", "1.0"), ("GRPC", "1.0")]);
    assert!(!served.to_string().contains("50051"));

    let targets = [target().taking(vec![Binding::JsonRpc]), grpc];
    let served = served_by(&card_1_0(), &all(&targets)).unwrap();
    assert_eq!(bindings_of(&served), [("JSONRPC", "1.0"), ("GRPC", "1.0")]);
    let mut card = card_1_0();
    card["supportedInterfaces"][0]["url"] = json!("http://backend.internal:50051/rpc");
    let served = served_by(&card, &all(&targets)).unwrap();
    assert_eq!(bindings_of(&served), [("GRPC", "1.0")]);
}

#[test]
fn grpc_on_the_same_port_is_the_servers_own() {
    let targets = [target()];
    for url in ["backend.internal:9999", "http://backend.internal:9999", "localhost:9999"] {
        let mut card = card_1_0();
        card["supportedInterfaces"][2]["url"] = json!(url);
        let served = served_by(&card, &all(&targets)).unwrap();
        assert_eq!(served["supportedInterfaces"][2]["url"], "echo.agents.example:443", "{url}");
        // Seen again, as behind another gateway of the same name, it stays.
        assert_eq!(served_by(&served, &all(&targets)).unwrap(), served);
    }
}
