//! HTTP/2 from callers and to agents.

use http::Version;
use system_tests::harness::{
    DataPlane, Upstream,
    http::post,
    http2::{Http2Agent, post_together},
    manifest::{KEYLESS_PLAN, Manifest},
    tls::Authority,
};

use crate::common::{ECHO, V1, assert_refused, in_front_of, send_message};

#[test]
fn many_calls_on_one_connection() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let calls: Vec<_> = (0..50).map(send_message).collect();
    let answers = post_together(gateway.address, ECHO, &V1, &calls);
    for (number, answer) in answers.iter().enumerate() {
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.json()["id"], number);
    }
    assert_eq!(agent.calls().len(), 50);
    gateway.assert_calls("echo", 50);
}

#[test]
fn a_refusal_on_a_shared_connection_leaves_the_others_alone() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let calls = [send_message(1), b"{".to_vec(), send_message(2)];
    let answers = post_together(gateway.address, ECHO, &V1, &calls);
    assert_eq!((answers[0].status(), answers[2].status()), (200, 200));
    assert_refused(&answers[1], 200, -32700, "PARSE_ERROR");
}

fn called(agent: &Http2Agent, fields: &str) {
    let manifest = format!("  upstreams:\n  - url: {}\n{fields}  plans: [{KEYLESS_PLAN}]\n", agent.url());
    let gateway = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &manifest));
    for number in 0..3 {
        let answer = post(gateway.address, ECHO, &V1, &send_message(number));
        assert_eq!(answer.status(), 200, "{}", answer.text());
        assert_eq!(answer.json()["id"], number);
    }
}

#[test]
fn an_agent_that_is_said_to_speak_http_2() {
    let agent = Http2Agent::plain();
    called(&agent, "    protocol: UPSTREAM_PROTOCOL_HTTP2\n");
    assert_eq!(agent.versions(), [Version::HTTP_2; 3]);
}

#[test]
fn an_agent_of_which_nothing_is_said() {
    let agent = Http2Agent::plain();
    called(&agent, "");
    assert_eq!(agent.versions(), [Version::HTTP_11; 3]);
}

#[test]
fn an_agent_with_tls_is_verified_and_spoken_to_in_http_2() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a temporary folder"));
    let agent = Http2Agent::tls(&authority, folder.path());
    let pem = authority.pem().replace('\n', "\n        ");
    called(&agent, &format!("    tls:\n      caCertificatesPem: |\n        {}\n", pem.trim_end()));
    assert_eq!(agent.versions(), [Version::HTTP_2; 3]);
}

#[test]
fn an_agent_whose_certificate_nobody_vouches_for_is_not_called() {
    let (authority, folder) = (Authority::new(), tempfile::tempdir().expect("a temporary folder"));
    let agent = Http2Agent::tls(&authority, folder.path());
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN));
    let answer = post(gateway.address, ECHO, &V1, &send_message(1));
    assert_refused(&answer, 502, -32603, "UPSTREAM_TLS");
    assert_eq!(agent.versions(), []);
}
