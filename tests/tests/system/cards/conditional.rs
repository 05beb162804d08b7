//! Conditional requests, towards callers and towards agents.

use serde_json::json;
use system_tests::harness::{
    DataPlane,
    http::{Connection, request},
    manifest::{KEYLESS_PLAN, Manifest},
    upstream::card,
    wait_until,
};

use super::{CARD, card_of, changing, own, read, with_headers};

#[test]
fn a_card_that_the_agent_did_not_change_is_not_sent_again() {
    let (agent, tag) = changing("one", |request, tag| {
        let lines = format!("etag: W/\"{tag}\"\r\ncache-control: max-age=1\r\n");
        if request.header("if-none-match") == Some(&format!("W/\"{tag}\"")) {
            return format!("HTTP/1.1 304 Not Modified\r\n{lines}\r\n").into_bytes();
        }
        let mut card = card(&own(request));
        card["description"] = json!(tag);
        with_headers("200 OK", &lines, card.to_string().as_bytes())
    });
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let gateway = DataPlane::standalone(&manifest);
    let first = read(&gateway, &[]);
    assert_eq!(first.json()["description"], "one");
    let fetches = |result: &str| gateway.metrics().sum("signalbox_card_fetches_total", &[("result", result)]);
    wait_until("the card held is confirmed", || {
        assert_eq!(read(&gateway, &[]).head.get("etag"), first.head.get("etag"));
        (fetches("renewed") > 0.5).then_some(())
    });
    assert!((fetches("fetched") - 1.0).abs() < 0.1, "{}", fetches("fetched"));
    *tag.lock().expect("no holder has panicked") = "two";
    wait_until("the card that changed is served", || {
        (card_of(&gateway, &[])["description"] == "two").then_some(())
    });
    assert_ne!(read(&gateway, &[]).head.get("etag"), first.head.get("etag"));
}

#[test]
fn callers_who_have_the_card_get_its_head_alone() {
    let agent = system_tests::harness::Upstream::well_behaved();
    let gateway = crate::common::in_front_of(&agent);
    let whole = read(&gateway, &[]);
    let etag = whole.head.get("etag").expect("a tag").to_owned();
    for value in [
        etag.clone(),
        format!("W/{etag}"),
        format!("\"a,b\", {etag}"),
        format!("W/\"x\",\t{etag} , \"y\""),
        "*".to_owned(),
    ] {
        for method in ["GET", "HEAD"] {
            let mut connection = Connection::open(gateway.address);
            connection.send(&request(method, CARD, &[("if-none-match", &value)], b""));
            let head = connection.head().expect("an answer");
            assert_eq!(head.status, 304, "{method} {value}");
            for name in ["etag", "vary", "cache-control"] {
                assert_eq!(head.get(name), whole.head.get(name), "{name}");
            }
            assert_eq!((head.get("content-type"), head.get("last-modified")), (None, None));
            // Nothing follows the head: the connection is good for the next request.
            connection.send(&request("GET", CARD, &[], b""));
            assert_eq!(connection.response().body, whole.body);
        }
    }
    for value in ["\"other\"", etag.trim_matches('"'), "W/\"\"", "", "\"broken, \""] {
        assert_eq!(read(&gateway, &[("if-none-match", value)]).status(), 200, "{value}");
    }
    let mut connection = Connection::open(gateway.address);
    connection.send(&request("HEAD", CARD, &[], b""));
    let head = connection.head().expect("an answer");
    assert_eq!(head.get("content-length"), Some(whole.body.len().to_string().as_str()));
    assert_eq!(head.get("vary"), Some("a2a-version"));
}

#[test]
fn every_version_has_its_own_card_and_says_so() {
    let (agent, _) = changing((), |request, ()| {
        let mut card = card(&own(request));
        card["description"] = json!(request.header("a2a-version").unwrap_or("none"));
        with_headers("200 OK", "vary: a2a-version\r\n", card.to_string().as_bytes())
    });
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let gateway = DataPlane::standalone(&manifest);
    for _ in 0..2 {
        assert_eq!(card_of(&gateway, &[])["description"], "none");
        assert_eq!(card_of(&gateway, &[("a2a-version", "1.0")])["description"], "1.0");
        assert_eq!(card_of(&gateway, &[("a2a-version", "0.3")])["description"], "0.3");
        assert_eq!(card_of(&gateway, &[("a2a-version", "1.0.1")])["description"], "1.0");
    }
    assert_eq!(super::asked(&agent).len(), 3);
}
