//! Headers that lie: a forged host, forged forwarding, versions that contradict one another, hop-by-hop tricks.

use system_tests::harness::{
    DataPlane, Upstream,
    http::{get, post},
    manifest::{KEYLESS_PLAN, Manifest},
};

use crate::common::{ECHO, V1, assert_serves, in_front_of, send_message};

const CARD: &str = "/a2a/echo/.well-known/agent-card.json";
const FORGED: [(&str, &str); 6] = [
    ("host", "evil.example"),
    ("x-forwarded-host", "evil.example"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-prefix", "/evil"),
    ("x-forwarded-port", "666"),
    ("forwarded", "host=evil.example;proto=https"),
];

#[test]
fn a_forged_host_and_forged_forwarding_leave_the_card_alone() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let card = get(gateway.address, CARD, &FORGED);
    assert_eq!(card.status(), 200, "{}", card.text());
    assert!(!card.text().contains("evil"), "{}", card.text());
    assert_eq!(card.json()["url"], gateway.agent("echo").as_str());
}

#[test]
fn a_forged_host_does_not_poison_what_others_get() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let forged = get(gateway.address, CARD, &FORGED);
    let honest = get(gateway.address, CARD, &[]);
    assert_eq!(forged.json(), honest.json());
}

#[test]
fn the_configured_public_url_is_what_the_card_names() {
    let agent = Upstream::well_behaved();
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let gateway = DataPlane::standalone_with(&manifest, &["--public-url", "https://agents.example/eu"]);
    let card = get(gateway.address, CARD, &FORGED);
    assert_eq!(card.json()["url"], "https://agents.example/eu/a2a/echo", "{}", card.text());
}

#[test]
fn what_a_caller_says_of_itself_is_not_passed_on_as_the_gateways_word() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let forged = [V1[0], ("x-forwarded-for", "203.0.113.9"), ("x-forwarded-host", "evil.example")];
    let answer = post(gateway.address, ECHO, &forged, &send_message(1));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let arrived = &agent.calls()[0];
    let text = format!("{:?}", arrived.headers);
    assert!(!text.contains("evil.example"), "{text}");
    assert!(!text.contains("203.0.113.9"), "{text}");
}

#[test]
fn hop_by_hop_headers_stop_at_the_gateway() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let headers = [
        V1[0],
        ("connection", "keep-alive, x-private"),
        ("x-private", "1"),
        ("proxy-authorization", "Basic YTpi"),
        ("upgrade", "websocket"),
        ("x-kept", "1"),
    ];
    let answer = post(gateway.address, ECHO, &headers, &send_message(1));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let arrived = &agent.calls()[0];
    for gone in ["x-private", "proxy-authorization", "upgrade"] {
        assert_eq!(arrived.header(gone), None, "{gone}: {:?}", arrived.headers);
    }
    assert_eq!(arrived.header("x-kept"), Some("1"));
}

#[test]
fn the_version_header_is_passed_on_as_the_rules_say() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    for (sent, expected) in [(Some("1.0"), Some("1.0")), (Some("1.0.1"), Some("1.0")), (None, None)] {
        let headers: Vec<_> = sent.map(|version| ("a2a-version", version)).into_iter().collect();
        let answer = post(gateway.address, ECHO, &headers, &send_message(1));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        let calls = agent.calls();
        let arrived = calls.last().expect("a call");
        assert_eq!(arrived.header("a2a-version"), expected, "{sent:?}");
    }
    let answer = post(gateway.address, &format!("{ECHO}?A2A-Version=1.0"), &[], &send_message(1));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    let calls = agent.calls();
    assert_eq!(calls.last().and_then(|call| call.header("a2a-version")), Some("1.0"));
}

#[test]
fn versions_that_contradict_one_another() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let answer = post(gateway.address, &format!("{ECHO}?A2A-Version=0.3"), &V1, &send_message(1));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.error_code(), -32600);
    assert!(answer.text().contains("VERSION_CONFLICT"), "{}", answer.text());
    assert_eq!(agent.calls().len(), 0);
    assert_serves(&gateway);
}

#[test]
fn extensions_pass_byte_for_byte() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let value = "https://example.com/Ext/v1, https://example.com/ext?x=%C3%A9,";
    let answer = post(gateway.address, ECHO, &[V1[0], ("a2a-extensions", value)], &send_message(1));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(agent.calls()[0].header("a2a-extensions"), Some(value));
}

#[test]
fn a_head_that_is_too_large() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let long = "x".repeat(1 << 20);
    let bytes = system_tests::harness::http::request("GET", CARD, &[("x-long", &long)], b"");
    let mut connection = system_tests::harness::http::Connection::open(gateway.address);
    let _ = connection.try_send(&bytes);
    if let Some(answer) = connection.try_response() {
        assert_eq!(answer.status(), 431, "{}", answer.text());
    }
    assert_serves(&gateway);
}

#[test]
fn an_unknown_address_and_a_wrong_method() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    assert_eq!(post(gateway.address, "/a2a/nobody", &V1, &send_message(1)).status(), 404);
    assert_eq!(post(gateway.address, "/a2a/echo/../other", &V1, &send_message(1)).status(), 404);
    let wrong = get(gateway.address, ECHO, &V1);
    assert_eq!(wrong.status(), 405, "{}", wrong.text());
    assert!(wrong.head.get("allow").is_some(), "{:?}", wrong.head);
    assert_eq!(agent.calls().len(), 0);
}
