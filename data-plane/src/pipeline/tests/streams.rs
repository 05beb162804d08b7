//! Event streams: what they hold, and how they end.

use super::*;
use crate::stream::open::EndReason;

const EVENT: &str = "data: {\"jsonrpc\":\"2.0\",\"id\":1,\"result\":{\"kind\":\"task\",\"id\":\"t\"}}\n\n";

async fn streaming(then: Then) -> Agent {
    Agent::with_card(move |_| (format!("{STREAM_HEAD}{EVENT}"), then)).await
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

#[tokio::test]
async fn a_stream_gives_everything_back_when_its_caller_leaves() {
    let agent = streaming(Then::Hang).await;
    let gateway = Fixture::new(&agent).await;
    let body = call("message/stream")
        .replace("\"messageId\"", &format!("\"x\":\"{}\",\"messageId\"", "y".repeat(100_000)));
    let mut stream = gateway.begin("", &body).await;
    until(&mut stream, "\"kind\":\"task\"").await;
    assert_eq!(held(&gateway), [1; 4]);
    assert_eq!(gateway.gateway.budget.used_bytes(), 0, "the request has been sent");
    drop(stream);
    gateway.workers.idle().await;
    assert_eq!(held(&gateway), [0; 4]);
    let metrics = gateway.metrics();
    let counted = |line: &&str| line.contains("client_gone") && line.contains("echo") && line.ends_with(" 1");
    assert!(metrics.lines().any(|line| counted(&line)), "{metrics}");
}

#[tokio::test]
async fn a_stream_of_an_agent_that_speaks_1_0_still_ends_with_an_error() {
    let agent = Agent::with_card(|_| {
        let head = STREAM_HEAD.replace("HTTP/1.1", "HTTP/1.0");
        (format!("{head}{EVENT}data: half"), Then::Close)
    })
    .await;
    let gateway = Fixture::new(&agent).await;
    let mut stream = gateway.begin("", &call("message/stream")).await;
    let answer = until(&mut stream, "\r\n0\r\n\r\n").await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(
        answer.contains("transfer-encoding: chunked\r\n"),
        "an end that can be told from a loss: {answer}"
    );
    assert!(answer.contains("STREAM_LOST") && !answer.contains("half"), "{answer}");
}

#[tokio::test]
async fn no_stream_begins_after_all_were_told_to_end() {
    let agent = streaming(Then::Hang).await;
    let gateway = Fixture::new(&agent).await;
    let mut open = gateway.begin("connection: close\r\n", &call("message/stream")).await;
    until(&mut open, "\"kind\":\"task\"").await;
    assert_eq!(gateway.gateway.end_streams(EndReason::Draining), 1);
    assert!(rest(&mut open).await.contains("STREAM_DRAINING"));
    let late = gateway.post("", &call("message/stream")).await;
    assert!(late.starts_with("HTTP/1.1 503 ") && late.contains("\"DRAINING\""), "{late}");
    gateway.workers.idle().await;
    assert_eq!(held(&gateway), [0; 4]);
}

#[tokio::test]
async fn heartbeats_are_counted_while_the_stream_goes_on() {
    let agent = streaming(Then::Hang).await;
    let gateway = Fixture::with(&agent, "", "  heartbeatInterval: 1s\n").await;
    let mut stream = gateway.begin("", &call("message/stream")).await;
    until(&mut stream, "\n:\n\n").await;
    let metrics = gateway.metrics();
    let counted = |line: &&str| line.contains("heartbeat") && line.contains("echo") && line.ends_with(" 1");
    assert!(metrics.lines().any(|line| counted(&line)), "{metrics}");
}
