//! The end of a data plane.

use system_tests::harness::{
    DataPlane, EventStream, Upstream,
    events::Item,
    http::{Connection, request},
    manifest::{KEYLESS_PLAN, Manifest},
    upstream::{STREAM_HEAD, Then, event, hang, json_answer, result, well_behaved, write},
    wait_until,
};

use crate::common::{ECHO, V1, assert_error, assert_serves, send_message, send_streaming_message};

fn start(agent: &Upstream, options: &[&str]) -> DataPlane {
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    DataPlane::standalone_with(&manifest, options)
}

#[test]
fn readiness_fails_before_accepting_stops() {
    let agent = Upstream::well_behaved();
    let mut gateway = start(&agent, &["--drain-delay", "5s", "--drain-timeout", "1s"]);
    assert!(gateway.is_ready());
    gateway.process.terminate();
    wait_until("readiness fails", || (!gateway.is_ready()).then_some(()));
    assert_serves(&gateway);
    let status = gateway.process.wait(system_tests::harness::PATIENCE);
    assert!(status.success(), "{status}");
}

#[test]
fn a_unary_call_under_way_is_finished() {
    let agent = Upstream::start(|request, stream| {
        if request.method == "POST" {
            std::thread::sleep(std::time::Duration::from_millis(500));
        }
        well_behaved(request, stream)
    });
    let mut gateway = start(&agent, &["--drain-delay", "0s", "--drain-timeout", "10s"]);
    let mut connection = Connection::open(gateway.address);
    connection.send(&request("POST", ECHO, &[("content-type", "application/json"), V1[0]], &send_message(1)));
    wait_until("the call has reached the agent", || (agent.calls().len() == 1).then_some(()));
    gateway.process.terminate();
    assert_eq!(connection.response().status(), 200);
    assert!(gateway.process.wait(system_tests::harness::PATIENCE).success());
}

#[test]
fn a_stream_that_outlives_the_drain_ends_with_an_error() {
    let agent = Upstream::start(|request, stream| {
        if request.method == "POST" {
            write(stream, STREAM_HEAD);
            write(stream, &event(&result(&request.json(), "first")));
            return hang(stream);
        }
        well_behaved(request, stream)
    });
    let mut gateway = start(&agent, &["--drain-delay", "0s", "--drain-timeout", "1s"]);
    let mut stream = EventStream::open(gateway.address, ECHO, &V1, &send_streaming_message(3));
    stream.event();
    gateway.process.terminate();
    let (events, end) = stream.rest();
    assert_eq!(end, Item::End);
    let last = events.last().expect("an error before the end");
    assert_eq!(last["id"], 3);
    assert_error(&last["error"], -32603, "STREAM_DRAINING");
    assert!(gateway.process.wait(system_tests::harness::PATIENCE).success());
}

#[test]
fn an_idle_connection_does_not_hold_the_drain_up() {
    let agent = Upstream::start(|request, stream| {
        write(stream, &json_answer(&result(&request.json(), "x")));
        Then::Keep
    });
    let mut gateway = start(&agent, &["--drain-delay", "0s", "--drain-timeout", "20s"]);
    let mut idle = Connection::open(gateway.address);
    idle.send(&request("POST", ECHO, &[("content-type", "application/json"), V1[0]], &send_message(1)));
    idle.response();
    let started = std::time::Instant::now();
    assert!(gateway.terminate().success());
    assert!(started.elapsed() < std::time::Duration::from_secs(10), "{:?}", started.elapsed());
}
