//! Agents whose card is none, or hard to read.

use system_tests::harness::{
    DataPlane, Upstream,
    http::post,
    manifest::{KEYLESS_PLAN, Manifest},
    upstream::{Then, answer, card, gzip_answer, json_answer, well_behaved, write},
};

use super::{card_of, json_of, own, read, with_headers};
use crate::common::{ECHO, V1, send_message};

fn in_front_of(card: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> (Upstream, DataPlane) {
    let agent = Upstream::with_card(card);
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN));
    (agent, gateway)
}

#[test]
fn an_encoded_card_is_decoded() {
    let (_agent, gateway) = in_front_of(|own| gzip_answer(card(own).to_string().as_bytes()));
    let answer = read(&gateway, &[("accept-encoding", "gzip")]);
    assert_eq!((answer.status(), answer.head.get("content-encoding")), (200, None));
    assert_eq!(answer.json()["url"], gateway.agent("echo"));
}

#[test]
fn what_is_no_card_is_not_passed_on_as_one() {
    type Make = fn(&str) -> Vec<u8>;
    let cases: [(&str, u16, Make); 10] = [
        ("html", 502, |_| answer("200 OK", "text/html", b"<html>hello</html>")),
        ("empty", 502, |_| answer("200 OK", "application/json", b"")),
        ("array", 502, |_| answer("200 OK", "application/json", b"[]")),
        ("no address", 502, |_| answer("200 OK", "application/json", b"{\"name\":\"x\"}")),
        ("oversize", 502, |own| {
            let mut card = card(own);
            card["x"] = "y".repeat(1024 * 1024).into();
            json_answer(&card)
        }),
        ("bomb", 502, |_| gzip_answer(&vec![b' '; 4 * 1024 * 1024])),
        ("coding", 502, |own| {
            with_headers("200 OK", "content-encoding: br\r\n", card(own).to_string().as_bytes())
        }),
        ("redirect", 502, |own| {
            format!("HTTP/1.1 302 Found\r\nlocation: {own}/other\r\ncontent-length: 0\r\n\r\n").into_bytes()
        }),
        ("down", 503, |_| answer("500 Internal Server Error", "text/plain", b"stack trace at line 7")),
        ("absent", 404, |_| answer("404 Not Found", "text/plain", b"secret path")),
    ];
    for (case, status, make) in cases {
        let (agent, gateway) = in_front_of(make);
        let answer = read(&gateway, &[]);
        let text = answer.text();
        assert_eq!(answer.status(), status, "{case}: {text}");
        let authority = &agent.url()["http://".len()..];
        for leak in ["stack trace", "secret path", "<html>", authority] {
            assert!(!text.contains(leak), "{case}: {text}");
        }
        assert_eq!(answer.head.get("location"), None, "{case}");
        // The agent is called all the same.
        assert_eq!(post(gateway.address, ECHO, &V1, &send_message(1)).status(), 200, "{case}");
    }
}

#[test]
fn a_card_that_breaks_leaves_the_last_good_one_until_it_is_too_old() {
    let (agent, is_broken) = super::changing(false, |request, is_broken| {
        if is_broken {
            return answer("500 Internal Server Error", "text/plain", b"no");
        }
        with_headers("200 OK", "cache-control: no-store\r\n", card(&own(request)).to_string().as_bytes())
    });
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN));
    let good = card_of(&gateway, &[]);
    *is_broken.lock().expect("no holder has panicked") = true;
    system_tests::harness::wait_until("the agent's card is asked for again", || {
        assert_eq!(card_of(&gateway, &[]), good);
        (super::asked(&agent).len() > 1).then_some(())
    });
    assert_eq!(card_of(&gateway, &[]), good);
}

#[test]
fn the_last_of_two_servers_that_has_a_card_gives_it() {
    let without = Upstream::start(|request, stream| {
        if request.method != "GET" {
            return well_behaved(request, stream);
        }
        write(stream, &answer("404 Not Found", "text/plain", b""));
        Then::Keep
    });
    let with = Upstream::with_card(|own| json_of(&card(own)));
    let fields = format!(
        "  upstreams:\n  - url: {}\n    bindings: [BINDING_JSONRPC]\n  - url: {}\n    bindings: [BINDING_HTTP_JSON, BINDING_JSONRPC]\n  plans: [{KEYLESS_PLAN}]\n",
        without.url(),
        with.url()
    );
    let gateway = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields));
    assert_eq!(card_of(&gateway, &[])["url"], gateway.agent("echo"));
}
