//! gRPC streams: message by message, and how they end.

use http_body_util::BodyExt as _;
use tokio::sync::Notify;

use super::client::{hear, next};
use super::*;
use crate::stream::open::EndReason;

async fn hanging() -> GrpcAgent {
    GrpcAgent::start(vec![Script::Head(HeaderMap::new()), Script::Data(event("t-1")), Script::Hang]).await
}

/// What open streams hold: metrics, limits, leases, and their place among those that a shutdown ends.
fn held(gateway: &Fixture) -> [usize; 4] {
    let gateway = &gateway.gateway;
    let runtime = gateway.config.load_full();
    [
        usize::try_from(gateway.telemetry.metrics.streams_open()).unwrap(),
        runtime.plans.iter().map(|(_, plan)| plan.limits.streams_open()).sum(),
        gateway.config.streams_open(),
        gateway.streams.count(),
    ]
}

/// Waits until an agent's answer has been let go of.
async fn ended(agent: &mut GrpcAgent) {
    tokio::time::timeout(Duration::from_secs(1), agent.ended.recv()).await.expect("within a second");
}

#[tokio::test]
async fn a_stream_passes_to_its_end() {
    let trailers = pairs(&[("grpc-status", "0"), ("checksum-bin", "AAEC")]);
    let agent = GrpcAgent::start(vec![
        Script::Head(HeaderMap::new()),
        Script::Data([event("t-1"), event("t-1")[..9].to_vec()].concat()),
        Script::Data(event("t-1")[9..].to_vec()),
        Script::Trailers(trailers.clone()),
    ])
    .await;
    let (gateway, mut caller) = in_front_of(&agent).await;
    let heard = caller.call(STREAM, HeaderMap::new(), &framed(&field(2, b""))).await;
    assert_eq!(heard.data, [event("t-1"), event("t-1")].concat());
    assert_eq!(heard.trailers, Some(trailers));
    drop(caller);
    gateway.workers.idle().await;
    assert_eq!(held(&gateway), [0; 4]);
    let metrics = gateway.metrics();
    let counted = |line: &&str| line.contains("events") && line.contains("echo") && line.ends_with(" 2");
    assert!(metrics.lines().any(|line| counted(&line)), "{metrics}");
}

#[tokio::test]
async fn a_caller_who_leaves_takes_the_agents_stream_along() {
    let mut agent = hanging().await;
    let (gateway, mut caller) = in_front_of(&agent).await;
    let mut body = caller.open(STREAM, HeaderMap::new(), &framed(&field(2, b""))).await.into_body();
    assert_eq!(next(&mut body).await, event("t-1"));
    assert_eq!(held(&gateway), [1; 4]);
    drop(body);
    ended(&mut agent).await;
    // The connection is left to other calls.
    let mut body = caller.open(STREAM, HeaderMap::new(), &framed(&field(2, b""))).await.into_body();
    assert_eq!(next(&mut body).await, event("t-1"));
    drop((body, caller));
    ended(&mut agent).await;
    gateway.workers.idle().await;
    assert_eq!(held(&gateway), [0; 4]);
}

#[tokio::test]
async fn a_stream_that_the_gateway_ends_says_so_in_its_trailers() {
    let mut agent = hanging().await;
    let (gateway, mut caller) = in_front_of(&agent).await;
    let mut response = caller.open(STREAM, HeaderMap::new(), &framed(&field(2, b""))).await;
    assert_eq!(next(response.body_mut()).await, event("t-1"));
    assert_eq!(gateway.gateway.end_streams(EndReason::Draining), 1);
    let heard = hear(response).await;
    assert_eq!(
        (heard.word("grpc-status").unwrap(), &*heard.reason()),
        (&"14".parse().unwrap(), "STREAM_DRAINING")
    );
    assert!(heard.trailers.is_some() && !heard.is_reset);
    ended(&mut agent).await;
    let late = caller.call(STREAM, HeaderMap::new(), &framed(&field(2, b""))).await;
    assert_eq!(late.reason(), "DRAINING");
}

#[tokio::test]
async fn the_deadline_of_the_caller_ends_its_stream() {
    let mut agent = hanging().await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    let heard = caller.call(STREAM, pairs(&[("grpc-timeout", "400m")]), &framed(&field(2, b""))).await;
    assert_eq!(heard.data, event("t-1"));
    assert_eq!(
        (heard.word("grpc-status").unwrap(), &*heard.reason()),
        (&"4".parse().unwrap(), "DEADLINE_EXCEEDED")
    );
    ended(&mut agent).await;
}

#[tokio::test]
async fn a_stream_that_breaks_off_ends_between_two_messages() {
    for broken in [Script::Reset, Script::Data(Vec::new())] {
        let seen = Arc::new(Notify::new());
        let agent = GrpcAgent::start(vec![
            Script::Head(HeaderMap::new()),
            Script::Data([event("t-1"), event("t-1")[..9].to_vec()].concat()),
            Script::Wait(Arc::clone(&seen)),
            broken,
        ])
        .await;
        let (_gateway, mut caller) = in_front_of(&agent).await;
        let mut response = caller.open(STREAM, HeaderMap::new(), &framed(&field(2, b""))).await;
        assert_eq!(next(response.body_mut()).await, event("t-1"));
        seen.notify_one();
        let heard = hear(response).await;
        assert!(heard.data.is_empty() && !heard.is_reset);
        assert_eq!(heard.reason(), "STREAM_LOST");
        assert_eq!(heard.word("grpc-status").unwrap(), "14");
    }
}

#[tokio::test]
async fn a_caller_who_does_not_read_holds_up_the_agent_and_nobody_else() {
    let agent =
        GrpcAgent::start(vec![Script::Head(HeaderMap::new()), Script::Endless(framed(&[0; 10_000]))]).await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    let stuck = caller.open(STREAM, HeaderMap::new(), &framed(&field(2, b""))).await;
    let taken = || agent.taken.load(std::sync::atomic::Ordering::SeqCst);
    // Until nothing moves any more: all that is on the way between agent and caller.
    let mut before = 0;
    while taken() != before || before == 0 {
        before = taken();
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    assert!(before < 4 * 1024 * 1024, "{before} bytes are under way");
    let other = caller.open(STREAM, HeaderMap::new(), &framed(&field(2, b""))).await;
    let mut body = other.into_body();
    for _ in 0..100 {
        body.frame().await.unwrap().unwrap();
    }
    drop(stuck);
}
