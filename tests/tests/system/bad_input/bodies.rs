//! Bodies of the wrong type, coding or size, and large ones that have to arrive whole.

use std::io::Write as _;

use serde_json::json;
use system_tests::harness::{
    DataPlane, Upstream,
    http::{Connection, post, request},
    manifest::{KEYLESS_PLAN, Manifest},
};

use crate::common::{ECHO, V1, assert_refused, assert_serves, in_front_of, send_message};

fn sent_with(headers: &[(&str, &str)], body: &[u8]) -> (Upstream, system_tests::harness::http::Response) {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let mut all = vec![V1[0]];
    all.extend_from_slice(headers);
    let answer = Connection::open(gateway.address).send(&request("POST", ECHO, &all, body)).response();
    assert_serves(&gateway);
    (agent, answer)
}

#[test]
fn a_wrong_content_type() {
    for wrong in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "application/jsonx",
        "application/json; charset=utf-16",
    ] {
        let (agent, answer) = sent_with(&[("content-type", wrong)], &send_message(1));
        assert_refused(&answer, 415, -32600, "UNSUPPORTED_MEDIA_TYPE");
        assert_eq!(agent.calls().len(), 1, "only the call that checks the gateway");
    }
}

#[test]
fn a_missing_content_type() {
    let (_agent, answer) = sent_with(&[], &send_message(1));
    assert_refused(&answer, 415, -32600, "UNSUPPORTED_MEDIA_TYPE");
}

#[test]
fn content_types_that_are_right() {
    for right in ["application/json; charset=utf-8", "Application/JSON", "application/a2a+json"] {
        let (_agent, answer) = sent_with(&[("content-type", right)], &send_message(1));
        assert_eq!(answer.status(), 200, "{right}: {}", answer.text());
    }
}

#[test]
fn an_encoded_body() {
    for encoding in ["gzip", "deflate", "br"] {
        let headers = [("content-type", "application/json"), ("content-encoding", encoding)];
        let (agent, answer) = sent_with(&headers, &send_message(1));
        assert_refused(&answer, 415, -32600, "UNSUPPORTED_ENCODING");
        assert_eq!(agent.calls().len(), 1, "only the call that checks the gateway");
    }
}

/// A valid call of at least so many bytes.
fn call_of(size: usize) -> Vec<u8> {
    let message = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "y".repeat(size)}]});
    json!({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}})
        .to_string()
        .into_bytes()
}

#[test]
fn three_mebibytes_with_a_length_arrive_whole() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let body = call_of(3 << 20);
    let answer = post(gateway.address, ECHO, &V1, &body);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(agent.calls()[0].body == body, "another body of {} bytes arrived", agent.calls()[0].body.len());
}

#[test]
fn three_mebibytes_in_chunks_arrive_whole() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let body = call_of(3 << 20);
    let mut framed = Vec::new();
    for chunk in body.chunks(10_007) {
        write!(framed, "{:x}\r\n", chunk.len()).expect("a vector grows");
        framed.extend_from_slice(chunk);
        framed.extend_from_slice(b"\r\n");
    }
    framed.extend_from_slice(b"0\r\n\r\n");
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked"), V1[0]];
    let answer = Connection::open(gateway.address).send(&request("POST", ECHO, &headers, &framed)).response();
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(agent.calls()[0].body == body, "another body of {} bytes arrived", agent.calls()[0].body.len());
}

#[test]
fn too_large_with_a_length() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let mut connection = Connection::open(gateway.address);
    let length = (9 << 20).to_string();
    let headers = [("content-type", "application/json"), ("content-length", length.as_str()), V1[0]];
    connection.send(&request("POST", ECHO, &headers, b""));
    assert_refused(&connection.response(), 413, -32600, "BODY_TOO_LARGE");
    assert_eq!(agent.calls().len(), 0);
    assert_serves(&gateway);
}

#[test]
fn too_large_in_chunks() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let mut connection = Connection::open(gateway.address);
    let headers = [("content-type", "application/json"), ("transfer-encoding", "chunked"), V1[0]];
    connection.send(&request("POST", ECHO, &headers, b""));
    let chunk = [b"10000\r\n".as_slice(), &[b' '; 0x1_0000], b"\r\n"].concat();
    // The gateway answers and closes before all of it is sent.
    let sent = (0..160).take_while(|_| connection.try_send(&chunk).is_ok()).count();
    assert!(sent >= 100, "refused after {sent} chunks of 64 KiB");
    if let Some(answer) = connection.try_response() {
        assert_refused(&answer, 413, -32600, "BODY_TOO_LARGE");
    }
    assert_eq!(agent.calls().len(), 0);
    assert_serves(&gateway);
}

#[test]
fn a_limit_of_the_agent_itself() {
    let agent = Upstream::well_behaved();
    let fields = "  limits:\n    maxBodyBytes: 1000\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, fields);
    let gateway = DataPlane::standalone(&manifest);
    assert_refused(&post(gateway.address, ECHO, &V1, &call_of(1000)), 413, -32600, "BODY_TOO_LARGE");
    assert_serves(&gateway);
}

#[test]
fn a_body_that_breaks_off() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let headers = [("content-type", "application/json"), ("content-length", "1000"), V1[0]];
    let mut connection = Connection::open(gateway.address);
    connection.send(&request("POST", ECHO, &headers, b"{\"jsonrpc\""));
    connection.half_close();
    if let Some(answer) = connection.try_response() {
        assert_eq!(answer.status(), 400, "{}", answer.text());
    }
    assert_serves(&gateway);
    assert_eq!(agent.calls().len(), 1, "only the call that checks the gateway");
}

#[test]
fn framing_that_two_parsers_could_read_differently() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let body = String::from_utf8(send_message(1)).expect("text");
    let length = body.len();
    let heads = [
        format!("content-length: {length}\r\ntransfer-encoding: chunked\r\n"),
        format!("content-length: {length}\r\ncontent-length: 3\r\n"),
        "transfer-encoding: gzip, chunked\r\n".to_owned(),
        format!("content-length: +{length}\r\n"),
    ];
    for head in heads {
        let text =
            format!("POST {ECHO} HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\n{head}\r\n{body}");
        let mut connection = Connection::open(gateway.address);
        connection.send(text.as_bytes());
        let answer = connection.try_response();
        let status = answer.as_ref().map(system_tests::harness::http::Response::status);
        assert!(status.is_none_or(|status| (400..500).contains(&status)), "{head:?}: {status:?}");
    }
    assert_eq!(agent.calls().len(), 0, "an ambiguous request reached the agent");
    assert_serves(&gateway);
}
