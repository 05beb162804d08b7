//! Clients that are slow, close half of the connection, or vanish.

use std::time::{Duration, Instant};

use system_tests::harness::{
    DataPlane, EventStream, Upstream,
    http::{Connection, request},
    manifest::{KEYLESS_PLAN, Manifest},
    upstream::{STREAM_HEAD, event, hang, result, well_behaved, write},
    wait_until,
};

use crate::common::{ECHO, V1, assert_serves, in_front_of, send_message, send_streaming_message};

#[test]
fn a_slow_head_is_cut_off() {
    let agent = Upstream::well_behaved();
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let gateway = DataPlane::standalone_with(&manifest, &["--head-timeout", "500ms"]);
    let started = Instant::now();
    let mut connection = Connection::open(gateway.address);
    connection.send(b"POST /a2a/echo HTTP/1.1\r\nhost: h\r\nx-slow: ");
    let rest = String::from_utf8_lossy(&connection.rest()).into_owned();
    assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 408"), "{rest}");
    assert!(started.elapsed() >= Duration::from_millis(400), "cut off after {:?}", started.elapsed());
    assert_serves(&gateway);
}

#[test]
fn a_slow_body_is_cut_off() {
    let agent = Upstream::well_behaved();
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let gateway = DataPlane::standalone_with(&manifest, &["--body-timeout", "500ms"]);
    let mut connection = Connection::open(gateway.address);
    let headers = [("content-type", "application/json"), ("content-length", "1000"), V1[0]];
    connection.send(&request("POST", ECHO, &headers, b"{"));
    let answer = connection.response();
    crate::common::assert_refused(&answer, 408, -32000, "BODY_TIMEOUT");
    assert_eq!(agent.calls().len(), 0);
    assert_serves(&gateway);
}

#[test]
fn a_client_that_closes_its_half_counts_as_gone() {
    let agent =
        Upstream::start(
            |request, stream| {
                if request.json()["id"] == 4 { hang(stream) } else { well_behaved(request, stream) }
            },
        );
    let gateway = in_front_of(&agent);
    let mut connection = Connection::open(gateway.address);
    connection.send(&request("POST", ECHO, &[("content-type", "application/json"), V1[0]], &send_message(4)));
    wait_until("the call has reached the agent", || (agent.calls().len() == 1).then_some(()));
    connection.half_close();
    wait_until("the agent's connection is closed", || (agent.connections() == 0).then_some(()));
    assert!(connection.try_response().is_none(), "an answer of nobody's");
    assert_serves(&gateway);
}

#[test]
fn a_client_that_vanishes_ends_its_stream_at_the_agent() {
    let agent = Upstream::start(|request, stream| {
        if request.method != "POST" || request.json()["method"] == "SendMessage" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        write(stream, &event(&result(&request.json(), "first")));
        hang(stream)
    });
    let gateway = in_front_of(&agent);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(1));
    stream.event();
    let before = agent.connections();
    drop(stream);
    wait_until("the agent's side of the stream is closed", || (agent.connections() < before).then_some(()));
    assert_serves(&gateway);
}

#[test]
fn a_client_that_vanishes_before_the_answer_frees_what_it_held() {
    let agent =
        Upstream::start(
            |request, stream| {
                if request.json()["id"] == 1 { hang(stream) } else { well_behaved(request, stream) }
            },
        );
    let gateway = in_front_of(&agent);
    let mut connection = Connection::open(gateway.address);
    connection.send(&request("POST", ECHO, &[("content-type", "application/json"), V1[0]], &send_message(1)));
    wait_until("the call has reached the agent", || (agent.calls().len() == 1).then_some(()));
    drop(connection);
    wait_until("the agent's connection is closed", || (agent.connections() == 0).then_some(()));
    assert_serves(&gateway);
}

#[test]
fn bytes_that_are_no_http() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    for bytes in [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc".as_slice(),
        b"SSH-2.0-x\r\n\r\n",
        b"\0\0\0\0\0\0\0\0\r\n\r\n",
    ] {
        let mut connection = Connection::open(gateway.address);
        connection.send(bytes);
        connection.half_close();
        let rest = String::from_utf8_lossy(&connection.rest()).into_owned();
        assert!(rest.is_empty() || rest.starts_with("HTTP/1.1 4"), "{rest}");
    }
    assert_serves(&gateway);
}
