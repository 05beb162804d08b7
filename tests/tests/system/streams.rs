//! Event streams: heartbeats, order, limits, several readers.

use std::{
    net::TcpStream,
    time::{Duration, Instant},
};

use system_tests::harness::{
    DataPlane, EventStream, Upstream,
    events::Item,
    http::post,
    manifest::{KEYLESS_PLAN, Manifest},
    upstream::{Request, STREAM_HEAD, Then, event, hang, result, well_behaved, write},
    wait_until,
};

use crate::common::{ECHO, V1, assert_refused, in_front_of, send_message, send_streaming_message};

/// An agent whose streams are written by the closure.
fn streaming(respond: impl Fn(&Request, &mut TcpStream) -> Then + Send + Sync + 'static) -> Upstream {
    Upstream::start(move |request, stream| {
        if request.json()["method"] != "SendStreamingMessage" {
            return well_behaved(request, stream);
        }
        write(stream, STREAM_HEAD);
        respond(request, stream)
    })
}

fn long_streams() -> Upstream {
    streaming(|request, stream| {
        write(stream, &event(&result(&request.json(), "first")));
        hang(stream)
    })
}

#[test]
fn events_come_at_once_in_order_and_unchanged() {
    let agent = streaming(|request, stream| {
        for number in 0..200 {
            // Cut anywhere, as networks do.
            let bytes =
                event(&result(&request.json(), &format!("event {number} é {}", "x".repeat(number * 7))));
            let (start, end) = bytes.split_at(number % bytes.len());
            write(stream, start);
            write(stream, end);
        }
        Then::Close
    });
    let gateway = in_front_of(&agent);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(1));
    assert_eq!(stream.head.get("content-type"), Some("text/event-stream"));
    let (events, end) = stream.rest();
    assert_eq!((events.len(), end), (200, Item::End));
    for (number, event) in events.iter().enumerate() {
        let text = event["result"]["message"]["parts"][0]["text"].as_str().expect("a text");
        assert_eq!(text, format!("event {number} é {}", "x".repeat(number * 7)));
    }
}

#[test]
fn an_idle_stream_is_kept_alive_by_comments() {
    let agent = long_streams();
    let manifest =
        Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, "  heartbeatInterval: 1s\n");
    let gateway = DataPlane::standalone(&manifest);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(1));
    stream.event();
    let started = Instant::now();
    assert_eq!(stream.item(), Item::Comment(String::new()));
    assert_eq!(stream.item(), Item::Comment(String::new()));
    let elapsed = started.elapsed();
    assert!(elapsed > Duration::from_millis(1800) && elapsed < Duration::from_secs(10), "{elapsed:?}");
}

#[test]
fn heartbeats_can_be_turned_off() {
    let agent = streaming(|request, stream| {
        write(stream, &event(&result(&request.json(), "first")));
        std::thread::sleep(Duration::from_millis(2500));
        Then::Close
    });
    let manifest =
        Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, "  heartbeatInterval: 0s\n");
    let gateway = DataPlane::standalone(&manifest);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(1));
    stream.event();
    assert_eq!(stream.item(), Item::End);
}

#[test]
fn an_error_instead_of_a_stream_passes_as_it_is() {
    let agent = Upstream::start(|request, stream| {
        if request.is_card() {
            return well_behaved(request, stream);
        }
        let error = serde_json::json!({"jsonrpc": "2.0", "id": 1, "error": {"code": -32004, "message": "no streams"}});
        write(stream, &system_tests::harness::upstream::json_answer(&error));
        Then::Keep
    });
    let gateway = in_front_of(&agent);
    let answer = post(gateway.address, ECHO, &V1, &send_streaming_message(1));
    assert_eq!((answer.status(), answer.error_code()), (200, -32004));
    assert_eq!(answer.head.get("content-type"), Some("application/json"));
}

#[test]
fn a_plan_may_limit_the_streams_that_are_open_at_once() {
    let agent = long_streams();
    let plan = "  keyless: {}\n  maxOpenStreams: 2\n";
    let manifest = Manifest::new().plan(KEYLESS_PLAN, plan).agent("echo", &agent.url(), KEYLESS_PLAN);
    let gateway = DataPlane::standalone(&manifest);
    let open = || EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(1));
    let (mut first, mut second) = (open(), open());
    first.event();
    second.event();
    assert_refused(
        &post(gateway.address, ECHO, &V1, &send_streaming_message(1)),
        429,
        -32000,
        "TOO_MANY_STREAMS",
    );
    assert_eq!(post(gateway.address, ECHO, &V1, &send_message(2)).status(), 200, "a unary call is no stream");
    drop(first);
    wait_until("the place is free again", || (open().head.status == 200).then_some(()));
}

#[test]
fn a_stream_that_lives_too_long_ends_with_an_error() {
    let agent = long_streams();
    let fields = "  limits:\n    streamMaxDuration: 1s\n";
    let manifest = Manifest::new().keyless().agent_with("echo", &agent.url(), KEYLESS_PLAN, fields);
    let gateway = DataPlane::standalone(&manifest);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(4));
    let (events, end) = stream.rest();
    assert_eq!((events.len(), end), (2, Item::End), "{events:?}");
    assert_eq!(events[1]["id"], 4);
    assert_eq!(events[1]["error"]["code"], -32603, "{}", events[1]);
}

#[test]
fn streams_are_asked_for_without_a_content_coding() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let headers = [V1[0], ("accept-encoding", "gzip, deflate")];
    let mut stream = EventStream::open(gateway.address, ECHO, &headers, &send_streaming_message(1));
    assert_eq!(stream.rest().0.len(), 3);
    assert_eq!(agent.calls()[0].header("accept-encoding"), Some("identity"));
}

#[test]
fn a_hundred_streams_at_once_all_end_well() {
    let agent = streaming(|request, stream| {
        for number in 0..10 {
            write(stream, &event(&result(&request.json(), &number.to_string())));
            std::thread::sleep(Duration::from_millis(20));
        }
        Then::Close
    });
    let gateway = in_front_of(&agent);
    let readers: Vec<_> = (0..100)
        .map(|number| {
            let address = gateway.address;
            std::thread::spawn(move || {
                EventStream::open(address, ECHO, &V1, &send_streaming_message(number)).rest()
            })
        })
        .collect();
    for reader in readers {
        let (events, end) = reader.join().expect("a reader ends");
        assert_eq!((events.len(), end), (10, Item::End));
    }
    wait_until("no stream is counted as open", || {
        (gateway.metrics().sum("signalbox_streams_open", &[]) < 0.5).then_some(())
    });
}
