//! gRPC callers who do not behave: whoever they are, others are served and nothing stays behind.

use std::{
    io::{Read as _, Write as _},
    net::{Shutdown, SocketAddr, TcpStream},
};

use system_tests::harness::{
    DataPlane, PATIENCE,
    grpc::{GrpcStream, call, frame},
    wait_until,
};

use super::{GET_TASK, HOST, get_task, in_front_of, well_behaved};

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;

/// A connection whose frames a test writes itself.
struct Raw(TcpStream);

impl Raw {
    fn open(gateway: SocketAddr, settings: &[u8]) -> Self {
        let stream = TcpStream::connect(gateway).expect("the data plane accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
        let mut raw = Self(stream);
        raw.0.write_all(PREFACE).expect("a preface");
        raw.frame(SETTINGS, 0, 0, settings);
        raw
    }

    /// Writes a frame; the other side may have closed.
    fn frame(&mut self, kind: u8, flags: u8, stream: u32, payload: &[u8]) -> bool {
        let length = u32::try_from(payload.len()).expect("a small payload").to_be_bytes();
        let mut bytes = vec![length[1], length[2], length[3], kind, flags];
        bytes.extend_from_slice(&stream.to_be_bytes());
        bytes.extend_from_slice(payload);
        self.0.write_all(&bytes).is_ok()
    }

    /// Reads until the data plane closes.
    fn wait_for_end(mut self) {
        let mut rest = Vec::new();
        // A reset is an end, too.
        let _ = self.0.read_to_end(&mut rest);
    }
}

/// A header that is not indexed, with a new name (RFC 7541, 6.2.2).
fn literal(name: &str, value: &[u8]) -> Vec<u8> {
    let mut field = vec![0];
    for text in [name.as_bytes(), value] {
        assert!(text.len() < 127, "a length of one byte");
        field.push(u8::try_from(text.len()).expect("a length of one byte"));
        field.extend_from_slice(text);
    }
    field
}

/// The head of a call.
fn head() -> Vec<u8> {
    [
        literal(":method", b"POST"),
        literal(":scheme", b"http"),
        literal(":path", GET_TASK.as_bytes()),
        literal(":authority", HOST.as_bytes()),
        literal("content-type", b"application/grpc"),
        literal("te", b"trailers"),
    ]
    .concat()
}

/// Others are served, and no body is held.
#[track_caller]
fn assert_unharmed(gateway: &DataPlane) {
    let answer = call(gateway.address, HOST, GET_TASK, &[], &get_task("t"));
    assert_eq!(answer.status(), Some(0), "{answer:?}");
    wait_until("no body is held", || {
        (gateway.metrics().sum("signalbox_buffered_bytes", &[]) < 0.5).then_some(())
    });
}

#[test]
fn lengths_that_lie() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    for body in [
        &[0, 0xff, 0xff, 0xff, 0xff][..],
        &[0, 0, 0, 0, 9, 1],
        &[0, 0, 0, 0, 0, 0],
        &[7, 0, 0, 0, 0],
        &[0, 0],
    ] {
        let answer = GrpcStream::open_raw(gateway.address, HOST, GET_TASK, &[], body).whole();
        assert_eq!((answer.http_status, answer.status()), (200, Some(3)), "{body:?}: {answer:?}");
    }
    assert_unharmed(&gateway);
    assert_eq!(agent.calls().len(), 1, "the last alone");
}

#[test]
fn a_caller_who_stops_inside_its_message() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    for _ in 0..20 {
        let mut raw = Raw::open(gateway.address, &[]);
        raw.frame(HEADERS, END_HEADERS, 1, &head());
        raw.frame(DATA, 0, 1, &frame(&[0; 200])[..100]);
        // One resets its stream, the next leaves for good.
        raw.frame(RST_STREAM, 0, 1, &8_u32.to_be_bytes());
        raw.frame(HEADERS, END_HEADERS, 3, &head());
        raw.frame(DATA, 0, 3, &[0, 0]);
        raw.0.shutdown(Shutdown::Both).expect("the socket is open");
    }
    assert_unharmed(&gateway);
    assert_eq!(agent.calls().len(), 1);
}

#[test]
fn a_storm_of_calls_that_are_reset_at_once() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    // Each is still there when the next one comes.
    let mut open = Vec::new();
    for _ in 0..4 {
        let mut raw = Raw::open(gateway.address, &[]);
        let mut stream = 1;
        // Until the data plane has had enough, at the latest after so many.
        while stream < 20_000 {
            let is_open = raw.frame(HEADERS, END_HEADERS, stream, &head())
                && raw.frame(RST_STREAM, 0, stream, &8_u32.to_be_bytes());
            if !is_open {
                break;
            }
            stream += 2;
        }
        open.push(raw);
    }
    assert_unharmed(&gateway);
    assert!(gateway.process.peak_resident_mib() < 200, "{} MiB", gateway.process.peak_resident_mib());
}

#[test]
fn heads_without_end() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    let mut raw = Raw::open(gateway.address, &[]);
    raw.frame(HEADERS, END_STREAM, 1, &head());
    let filler: Vec<u8> = (0..100).flat_map(|_| literal("x-filler", &[b'x'; 100])).collect();
    let mut sent = 0;
    while raw.frame(CONTINUATION, 0, 1, &filler) && sent < 64 * 1024 * 1024 {
        sent += filler.len();
    }
    assert!(sent < 64 * 1024 * 1024, "it is let go of");
    raw.wait_for_end();
    assert_unharmed(&gateway);
}

#[test]
fn more_metadata_than_is_read() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    let large = "x".repeat(40 * 1024);
    let answer =
        GrpcStream::open(gateway.address, HOST, GET_TASK, &[("x-large", &large)], &get_task("t")).whole();
    assert!(answer.reset || answer.http_status == 431, "{answer:?}");
    assert_unharmed(&gateway);
    assert_eq!(agent.calls().len(), 1);
}

#[test]
fn callers_whose_window_never_opens() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    // SETTINGS_INITIAL_WINDOW_SIZE: 0.
    let mut stuck = Raw::open(gateway.address, &[0, 4, 0, 0, 0, 0]);
    for number in 0..50 {
        let stream = number * 2 + 1;
        stuck.frame(HEADERS, END_HEADERS, stream, &head());
        stuck.frame(DATA, END_STREAM, stream, &frame(&get_task("t")));
    }
    wait_until("the agent has been asked", || (agent.calls().len() >= 50).then_some(()));
    assert_unharmed(&gateway);
    stuck.0.shutdown(Shutdown::Both).expect("the socket is open");
    gateway.assert_calls("echo", 51);
}

/// A body that comes too slowly holds its place for `--body-timeout` and no longer.
#[test]
fn a_message_that_does_not_come() {
    let agent = well_behaved();
    let gateway = super::in_front_of_with(&agent, &["--body-timeout", "1s"]);
    let mut raw = Raw::open(gateway.address, &[]);
    raw.frame(HEADERS, END_HEADERS, 1, &head());
    raw.frame(DATA, 0, 1, &[0, 0, 0]);
    wait_until("it is refused", || {
        let refused = [("agent", "echo"), ("outcome", "client_error")];
        (gateway.metrics().sum("signalbox_requests_total", &refused) > 0.5).then_some(())
    });
    assert_unharmed(&gateway);
}
