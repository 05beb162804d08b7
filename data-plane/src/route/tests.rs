use std::sync::Arc;

use proptest::prelude::*;
use signalbox_proto::model::address::Addresses;
use signalbox_proto::model::name::AgentName;
use signalbox_proto::model::violation::FieldPath;

use super::{Address, Form, Rest, Table, addresses, host_name};

fn path(text: &str) -> Address {
    Address { form: Form::ContextPath, text: Arc::from(text) }
}

fn host(text: &str) -> Address {
    Address { form: Form::Host, text: Arc::from(text) }
}

fn table(entries: &[Address]) -> Table<String> {
    let mut table = Table::new();
    for entry in entries {
        table.insert(entry, entry.text.to_string());
    }
    table
}

fn name(text: &str) -> AgentName {
    AgentName::parse(text, &FieldPath::root()).unwrap()
}

#[test]
fn an_agent_of_the_default_organization_has_a_short_address_too() {
    let texts = |agent: &str| -> Vec<String> {
        addresses(&name(agent), &Addresses::default()).iter().map(|a| a.text.to_string()).collect()
    };
    assert_eq!(texts("organizations/default/agents/echo"), ["/a2a/default/echo", "/a2a/echo"]);
    assert_eq!(texts("organizations/acme/agents/echo"), ["/a2a/acme/echo"]);
}

#[test]
fn the_rest_says_what_is_asked() {
    let table = table(&[path("/a2a/echo")]);
    let rest = |path| table.find(None, path).map(|found| found.rest);
    assert_eq!(rest("/a2a/echo"), Some(Rest::Root));
    assert_eq!(rest("/a2a/echo/"), Some(Rest::Root));
    assert_eq!(rest("/a2a/echo/.well-known/agent-card.json"), Some(Rest::AgentCard));
    assert_eq!(rest("/a2a/echo/.well-known/agent.json"), Some(Rest::LegacyAgentCard));
    assert_eq!(rest("/a2a/echo/message/stream/"), Some(Rest::MessageStream));
    assert_eq!(rest("/a2a/echo/v1/tasks/t%20x"), Some(Rest::Other("/v1/tasks/t%20x")));
    assert_eq!(rest("/a2a/echoes"), None);
    assert_eq!(rest("/a2a"), None);
    assert_eq!(rest("/"), None);
    assert_eq!(rest("*"), None);
}

#[test]
fn the_longest_prefix_of_whole_segments_wins() {
    let table = table(&[path("/support"), path("/support/chat"), path("/support/chat/deep/er")]);
    let target = |path| table.find(None, path).map(|found| found.target.as_str());
    assert_eq!(target("/support/chat/deep"), Some("/support/chat"));
    assert_eq!(target("/support/chat/deep/er/x"), Some("/support/chat/deep/er"));
    assert_eq!(target("/support/chatter"), Some("/support"));
    assert_eq!(target("/supporting"), None);
}

#[test]
fn paths_that_can_be_read_in_two_ways_lead_nowhere() {
    let table = table(&[path("/a2a/echo"), host("h.example")]);
    for odd in [
        "/a2a//echo",
        "//a2a/echo",
        "/a2a/./echo",
        "/a2a/x/../echo",
        "/a2a%2fecho",
        "/a2a/echo%2Ftasks",
        "/a2a/echo/%2e%2e/b",
        "/a2a/echo/.%2E",
        "/a2a/echo//",
        "/a2a/echo\\x",
        "/a2a/echo%5Cx",
        "/a2a/echo%00",
    ] {
        assert_eq!(table.find(None, odd), None, "{odd}");
        assert_eq!(table.find(Some("h.example"), odd), None, "{odd} by host");
    }
    assert_eq!(table.find(None, "/%612a/echo"), None, "escapes are not decoded");
    assert!(table.find(None, "/a2a/echo/...").is_some());
}

#[test]
fn a_host_decides_alone() {
    let table = table(&[host("echo.example"), path("/a2a/other")]);
    for authority in ["echo.example", "Echo.Example:8443", "echo.example.", "ECHO.example.:80"] {
        let found = table.find(Some(authority), "/a2a/other").unwrap();
        assert_eq!((found.target.as_str(), found.prefix), ("echo.example", ""));
        assert_eq!(found.rest, Rest::Other("/a2a/other"));
    }
    assert_eq!(table.find(Some("else.example"), "/a2a/other").unwrap().prefix, "/a2a/other");
}

#[test]
fn hosts_lose_their_port_but_address_literals_keep_their_colons() {
    assert_eq!(host_name("[::1]:8080"), "[::1]");
    assert_eq!(host_name("[::1]"), "[::1]");
    assert_eq!(host_name("a.example:1"), "a.example");
}

#[test]
fn a_removed_address_is_gone_and_its_depth_is_no_longer_tried() {
    let mut table = table(&[path("/a/b"), path("/a")]);
    assert!(table.remove(&path("/a/b")).is_some());
    assert!(table.remove(&path("/a/b")).is_none());
    assert_eq!(table.find(None, "/a/b").unwrap().prefix, "/a");
    assert_eq!(table.len(), 1);
}

fn segment() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["a", "b", "ab", "a2a"])
}

fn any_path() -> impl Strategy<Value = String> {
    prop::collection::vec(segment(), 1..6).prop_map(|segments| format!("/{}", segments.join("/")))
}

proptest! {
    #[test]
    fn finds_what_a_search_over_all_prefixes_finds(
        held in prop::collection::btree_set(any_path(), 0..12),
        removed in prop::collection::vec(any_path(), 0..4),
        asked in any_path(),
        slash in any::<bool>(),
    ) {
        let mut held = held;
        let mut table = table(&held.iter().map(|p| path(p)).collect::<Vec<_>>());
        for gone in removed {
            prop_assert_eq!(table.remove(&path(&gone)).is_some(), held.remove(&gone));
        }
        let expected = held
            .iter()
            .filter(|p| asked == **p || asked.starts_with(&format!("{p}/")))
            .max_by_key(|p| p.len());
        let sent = if slash { format!("{asked}/") } else { asked.clone() };
        let found = table.find(None, &sent);
        prop_assert_eq!(found.as_ref().map(|f| f.prefix), expected.map(String::as_str));
        if let Some(found) = found {
            prop_assert_eq!(found.target.as_str(), found.prefix);
            prop_assert_eq!(format!("{}{}", found.prefix, found.rest.as_str()), asked);
        }
    }

    #[test]
    fn never_panics(authority in ".{0,20}", sent in ".{0,40}") {
        let _ = table(&[path("/a"), host("b")]).find(Some(&authority), &sent);
    }
}
