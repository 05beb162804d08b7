//! Agents that refuse, hang, break off, answer garbage, or never end an event.

use std::net::TcpListener;

use system_tests::harness::{
    DataPlane, EventStream, Upstream,
    events::Item,
    http::{Connection, Response, post, request},
    manifest::{KEYLESS_PLAN, Manifest},
    upstream::{Request, STREAM_HEAD, Then, answer, event, hang, result, well_behaved, write},
};

use crate::common::{
    ECHO, V1, assert_error, assert_refused, in_front_of, send_message, send_streaming_message,
};

/// Calls an agent that answers POSTs by the closure, and checks that another agent is still served.
fn called(
    respond: impl Fn(&Request, &mut std::net::TcpStream) -> Then + Send + Sync + 'static,
    fields: &str,
    call: impl FnOnce(&DataPlane) -> Response,
) -> Response {
    let bad = Upstream::start(move |request, stream| {
        if request.method == "POST" { respond(request, stream) } else { well_behaved(request, stream) }
    });
    let good = Upstream::well_behaved();
    let manifest = Manifest::new().keyless().agent_with("bad", &bad.url(), KEYLESS_PLAN, fields).agent(
        "echo",
        &good.url(),
        KEYLESS_PLAN,
    );
    let gateway = DataPlane::standalone(&manifest);
    let answer = call(&gateway);
    crate::common::assert_serves(&gateway);
    answer
}

fn sent(gateway: &DataPlane) -> Response {
    post(gateway.address, "/a2a/bad", &V1, &send_message(1))
}

#[test]
fn it_refuses_connections() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    let gateway = DataPlane::standalone(&Manifest::new().keyless().agent("bad", &url, KEYLESS_PLAN));
    let answer = sent(&gateway);
    assert_refused(&answer, 503, -32603, "UPSTREAM_UNAVAILABLE");
    assert!(answer.head.get("retry-after").is_some(), "{:?}", answer.head);
}

#[test]
fn it_hangs() {
    let limits = "  limits:\n    sendTimeout: 1s\n";
    let answer = called(|_, stream| hang(stream), limits, sent);
    assert_refused(&answer, 504, -32603, "UPSTREAM_TIMEOUT");
}

#[test]
fn it_closes_without_an_answer() {
    let answer = called(|_, _| Then::Close, "", sent);
    assert_refused(&answer, 502, -32603, "UPSTREAM_RESET");
}

#[test]
fn it_breaks_off_in_the_body() {
    let answer = called(
        |_, stream| {
            write(
                stream,
                b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n{\"json",
            );
            Then::Close
        },
        "",
        |gateway| {
            let mut connection = Connection::open(gateway.address);
            let headers = [("content-type", "application/json"), V1[0]];
            connection.send(&request("POST", "/a2a/bad", &headers, &send_message(1)));
            let head = connection.head().expect("an answer");
            let mut body = Vec::new();
            let read = std::io::Read::read_to_end(&mut connection.body(&head), &mut body);
            // Either the head was withheld, and this is an error answer, or the caller can see that the body broke off.
            assert!(read.is_err() || head.status == 502, "a broken body looks whole: {head:?}");
            Response { head, body }
        },
    );
    assert!(answer.status() == 200 || answer.status() == 502, "{}", answer.text());
}

#[test]
fn it_answers_garbage_instead_of_http() {
    let answer = called(
        |_, stream| {
            write(stream, b"\x00\x01garbage\r\n\r\nmore garbage");
            Then::Close
        },
        "",
        sent,
    );
    assert_refused(&answer, 200, -32006, "INVALID_AGENT_RESPONSE");
}

#[test]
fn it_answers_html_instead_of_json() {
    let answer = called(
        |_, stream| {
            write(stream, &answer("200 OK", "text/html", b"<html>It works!</html>"));
            Then::Keep
        },
        "",
        sent,
    );
    assert_refused(&answer, 200, -32006, "INVALID_AGENT_RESPONSE");
}

#[test]
fn its_own_error_answer_passes() {
    let answer = called(
        |_, stream| {
            write(stream, b"HTTP/1.1 503 Busy\r\ncontent-type: application/json\r\nretry-after: 7\r\ncontent-length: 2\r\n\r\n{}");
            Then::Keep
        },
        "",
        sent,
    );
    assert_eq!(answer.status(), 503);
    assert_eq!(answer.head.get("retry-after"), Some("7"));
}

#[test]
fn a_stream_that_breaks_off_ends_with_an_error() {
    let agent = Upstream::start(|request, stream| {
        if request.method != "POST" {
            return well_behaved(request, stream);
        }
        write(
            stream,
            b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        );
        let one = event(&result(&request.json(), "first"));
        write(stream, format!("{:x}\r\n", one.len()).as_bytes());
        write(stream, &one);
        write(stream, b"\r\n");
        Then::Close
    });
    let gateway = in_front_of(&agent);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(5));
    let (events, end) = stream.rest();
    assert_eq!(end, Item::End, "{events:?}");
    assert_eq!(events.len(), 2, "{events:?}");
    assert_eq!(events[1]["id"], 5);
    assert_error(&events[1]["error"], -32603, "STREAM_LOST");
}

#[test]
fn a_card_that_never_ends_does_not_hold_calls_up() {
    let agent = Upstream::start(|request, stream| {
        if request.method == "POST" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        for _ in 0..100 {
            write(stream, b": still here\n\n");
            std::thread::sleep(std::time::Duration::from_millis(100));
        }
        Then::Close
    });
    let fields = "  limits:\n    unaryTimeout: 1s\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, fields);
    let gateway = DataPlane::standalone(&manifest);
    let started = std::time::Instant::now();
    let answer = post(gateway.address, ECHO, &V1, &send_message(1));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert!(started.elapsed() < std::time::Duration::from_secs(5), "{:?}", started.elapsed());
}

#[test]
fn a_stream_that_falls_silent_ends_with_an_error() {
    let agent = Upstream::start(|request, stream| {
        if request.method != "POST" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        write(stream, &event(&result(&request.json(), "first")));
        hang(stream)
    });
    let fields = "  limits:\n    streamIdleTimeout: 1s\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, fields);
    let gateway = DataPlane::standalone(&manifest);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(6));
    let (events, end) = stream.rest();
    assert_eq!((events.len(), end), (2, Item::End), "{events:?}");
    assert_error(&events[1]["error"], -32603, "STREAM_IDLE");
}

/// Mebibytes of the event that never ends, and the most that the data plane may hold in memory meanwhile.
const ENDLESS_EVENT_MIB: u64 = 192;
const RESIDENT_MIB_MAX: u64 = 128;

#[test]
fn an_event_that_never_ends_does_not_fill_the_memory() {
    let agent = Upstream::start(|request, stream| {
        if request.json()["method"] != "SendStreamingMessage" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        write(stream, b"data: ");
        for _ in 0..ENDLESS_EVENT_MIB {
            write(stream, &[b'x'; 1 << 20]);
        }
        Then::Close
    });
    let gateway = in_front_of(&agent);
    let mut connection = Connection::open(gateway.address);
    let headers = [("content-type", "application/json"), V1[0]];
    connection.send(&request("POST", ECHO, &headers, &send_streaming_message(1)));
    let head = connection.head().expect("an answer");
    let read = std::io::copy(&mut connection.body(&head), &mut std::io::sink());
    // What has been passed on of an event cannot be taken back: the transfer is cut, and the caller can tell.
    assert!(read.is_err(), "half an event looks whole");
    let resident = gateway.process.peak_resident_mib();
    assert!(resident < RESIDENT_MIB_MAX, "{resident} MiB for an event of {ENDLESS_EVENT_MIB} MiB");
    crate::common::assert_serves(&gateway);
}

#[test]
fn a_heartbeat_never_splits_an_event() {
    let agent = Upstream::start(|request, stream| {
        if request.method != "POST" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        let one = event(&result(&request.json(), "first"));
        let (start, end) = one.split_at(20);
        write(stream, start);
        std::thread::sleep(std::time::Duration::from_millis(2500));
        write(stream, end);
        std::thread::sleep(std::time::Duration::from_millis(2500));
        Then::Close
    });
    let manifest =
        Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, "  heartbeatInterval: 1s\n");
    let gateway = DataPlane::standalone(&manifest);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(1));
    let mut items = Vec::new();
    while items.last() != Some(&Item::End) {
        items.push(stream.item());
        assert_ne!(items.last(), Some(&Item::Broken), "{items:?}");
    }
    let at = items.iter().position(|item| matches!(item, Item::Event(_))).expect("the event arrives whole");
    let beats = items[at..].iter().filter(|item| matches!(item, Item::Comment(_))).count();
    assert!(beats >= 1, "no heartbeat in 2.5 s of silence: {items:?}");
}
