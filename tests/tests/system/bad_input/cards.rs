//! Agent cards that are broken, coded, absent, huge, or that point elsewhere.

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, Upstream,
    http::{Response, get},
    upstream::{answer, card, gzip_answer, json_answer},
};

use crate::common::{assert_serves, in_front_of};

const CARD: &str = "/a2a/echo/.well-known/agent-card.json";

/// Fetches the card of an agent whose own card is made by the closure from its base URL; calls go on working.
fn fetched(own: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (DataPlane, Response) {
    let agent = Upstream::with_card(own);
    let gateway = in_front_of(&agent);
    let answer = get(gateway.address, CARD, &[]);
    assert_serves(&gateway);
    (gateway, answer)
}

/// Checks the answer for a card that cannot be served: an error, and nothing of the agent's own answer.
fn assert_no_card(answer: &Response, status: u16, reason: &str) {
    let text = answer.text();
    assert_eq!(answer.status(), status, "{text}");
    let body = answer.json();
    assert_eq!(body["error"]["details"][0]["reason"], reason, "{text}");
    assert!(!text.contains("<html>"), "{text}");
}

#[test]
fn broken_json() {
    let (_gateway, got) = fetched(|_| answer("200 OK", "application/json", b"{\"name\": \"x\", "));
    assert_no_card(&got, 502, "INVALID_AGENT_CARD");
}

#[test]
fn no_object() {
    for body in [b"[]".as_slice(), b"null", b"\"card\""] {
        let body = body.to_vec();
        let (_gateway, got) = fetched(move |_| answer("200 OK", "application/json", &body));
        assert_no_card(&got, 502, "INVALID_AGENT_CARD");
    }
}

#[test]
fn a_404_with_html() {
    let (_gateway, got) = fetched(|_| answer("404 Not Found", "text/html", b"<html>nothing here</html>"));
    assert!(got.status() == 404 || got.status() == 502 || got.status() == 503, "{}", got.text());
    assert!(!got.text().contains("<html>"), "{}", got.text());
    assert!(got.json()["error"].is_object(), "{}", got.text());
}

#[test]
fn a_200_with_html() {
    let (_gateway, got) = fetched(|_| answer("200 OK", "text/html", b"<html>It works!</html>"));
    assert_no_card(&got, 502, "INVALID_AGENT_CARD");
}

#[test]
fn an_unasked_304() {
    let (_gateway, got) = fetched(|_| b"HTTP/1.1 304 Not Modified\r\netag: \"x\"\r\n\r\n".to_vec());
    assert!((500..600).contains(&got.status()), "{} {}", got.status(), got.text());
    assert!(got.json()["error"].is_object(), "{}", got.text());
}

#[test]
fn a_gzipped_card_is_read_and_rewritten() {
    let (gateway, got) = fetched(|own| gzip_answer(card(own).to_string().as_bytes()));
    assert_eq!(got.status(), 200, "{}", got.text());
    assert_eq!(got.json()["url"], gateway.agent("echo").as_str());
}

#[test]
fn a_huge_card() {
    let (_gateway, got) = fetched(|own| {
        let mut huge = card(own);
        huge["description"] = Value::String("x".repeat(32 << 20));
        json_answer(&huge)
    });
    assert!((500..600).contains(&got.status()), "{}", got.status());
    assert!(got.body.len() < 10_000, "{} bytes", got.body.len());
}

#[test]
fn a_card_without_any_url() {
    let (_gateway, got) =
        fetched(|_| json_answer(&json!({"name": "x", "description": "y", "version": "1", "skills": []})));
    if got.status() == 200 {
        assert!(!got.text().contains("://"), "{}", got.text());
    } else {
        assert_no_card(&got, 502, "INVALID_AGENT_CARD");
    }
}

#[test]
fn a_foreign_origin_is_neither_shown_nor_called() {
    let foreign = Upstream::well_behaved();
    let elsewhere = foreign.url();
    let (_gateway, got) = fetched(move |own| {
        let mut mixed = card(own);
        mixed["additionalInterfaces"] = json!([{"url": format!("{elsewhere}/x"), "transport": "JSONRPC"}]);
        mixed["supportedInterfaces"] = json!([
            {"url": format!("{elsewhere}/x"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": format!("{own}/"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        ]);
        json_answer(&mixed)
    });
    assert_eq!(got.status(), 200, "{}", got.text());
    assert!(!got.text().contains(&foreign.url()), "{}", got.text());
    assert!(!got.text().contains("/x\""), "{}", got.text());
    assert_eq!(foreign.requests().len(), 0, "a foreign origin was called");
}

#[test]
fn a_card_that_names_only_a_foreign_origin() {
    let foreign = Upstream::well_behaved();
    let elsewhere = foreign.url();
    let agent = Upstream::with_card(move |_| json_answer(&card(&elsewhere)));
    let gateway = in_front_of(&agent);
    let got = get(gateway.address, CARD, &[]);
    assert!(!got.text().contains(&foreign.url()), "{}", got.text());
    assert_eq!(foreign.requests().len(), 0, "a foreign origin was called");
}

#[test]
fn grpc_interfaces_given_as_host_and_port_leave_the_card() {
    let (gateway, got) = fetched(|own| {
        let mut more = card(own);
        let authority = own.trim_start_matches("http://");
        let interfaces = more["supportedInterfaces"].as_array_mut().expect("a list");
        interfaces.push(json!({"url": authority, "protocolBinding": "GRPC", "protocolVersion": "1.0"}));
        let old = more["additionalInterfaces"].as_array_mut().expect("a list");
        old.push(json!({"url": authority, "transport": "GRPC"}));
        json_answer(&more)
    });
    assert_eq!(got.status(), 200, "{}", got.text());
    assert!(!got.text().contains("GRPC"), "{}", got.text());
    assert_eq!(got.json()["url"], gateway.agent("echo").as_str());
}

#[test]
fn stale_signatures_and_unknown_fields() {
    let (_gateway, got) = fetched(|own| {
        let mut signed = card(own);
        signed["signatures"] = json!([{"protected": "eyJhbGciOiJFUzI1NiJ9", "signature": "AAAA"}]);
        signed["x-future"] = json!({"deep": [1, 12345678901234567890_u64, 0.1, "é"]});
        json_answer(&signed)
    });
    assert_eq!(got.status(), 200, "{}", got.text());
    let served = got.json();
    assert!(served["signatures"].as_array().is_none_or(Vec::is_empty), "{served}");
    assert_eq!(served["x-future"], json!({"deep": [1, 12345678901234567890_u64, 0.1, "é"]}));
}

#[test]
fn a_query_string_on_the_card() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let plain = get(gateway.address, CARD, &[]);
    let asked = get(gateway.address, &format!("{CARD}?version=7&x=%2e%2e"), &[]);
    assert_eq!(asked.status(), 200, "{}", asked.text());
    assert_eq!(asked.json(), plain.json());
}

#[test]
fn a_card_is_served_again_without_asking_the_agent() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let first = get(gateway.address, CARD, &V1_ACCEPT);
    let etag = first.head.get("etag").expect("an etag").to_owned();
    for _ in 0..5 {
        assert_eq!(get(gateway.address, CARD, &V1_ACCEPT).json(), first.json());
    }
    let unchanged = get(gateway.address, CARD, &[("a2a-version", "1.0"), ("if-none-match", &etag)]);
    assert_eq!(unchanged.status(), 304, "{}", unchanged.text());
    let fetches = agent.requests().iter().filter(|request| request.is_card()).count();
    assert!(fetches <= 2, "{fetches} fetches for seven requests");
}

const V1_ACCEPT: [(&str, &str); 1] = [("a2a-version", "1.0")];
