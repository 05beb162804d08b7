use std::future::poll_fn;
use std::task::Poll;

use super::*;

#[test]
fn only_the_streams_concerned_are_ended() {
    let streams = OpenStreams::new();
    let one = streams.open("key-1");
    let two = streams.open("key-2");
    assert_eq!(streams.end_where(|key| (*key == "key-1").then_some(EndReason::Revoked)), 1);
    assert_eq!(one.reason(), Some(EndReason::Revoked));
    assert_eq!(two.reason(), None);
}

#[test]
fn the_first_reason_stays() {
    let streams = OpenStreams::new();
    let signal = streams.open(());
    assert_eq!(streams.end_all(EndReason::AgentStopped), 1);
    assert_eq!(streams.end_all(EndReason::Draining), 0);
    assert_eq!(signal.reason(), Some(EndReason::AgentStopped));
}

#[test]
fn streams_that_are_gone_are_forgotten() {
    let streams = OpenStreams::new();
    let kept = streams.open(0);
    for number in 1..10_000 {
        drop(streams.open(number));
    }
    assert_eq!(streams.count(), 1);
    assert!(streams.entries.lock().unwrap().list.len() <= 2 * PURGE_MIN);
    drop(kept);
    assert_eq!(streams.count(), 0);
}

#[test]
fn every_reason_survives_the_way_through_the_atomic() {
    for reason in EndReason::ALL {
        let streams = OpenStreams::new();
        let signal = streams.open(());
        streams.end_all(reason);
        assert_eq!(signal.reason(), Some(reason));
    }
    assert_eq!(EndSignal::never().reason(), None);
}

#[tokio::test]
async fn the_waiting_task_is_woken() {
    let streams = Arc::new(OpenStreams::new());
    let signal = streams.open(());
    let waiting =
        tokio::spawn(
            async move { poll_fn(|cx| signal.poll_reason(cx).map_or(Poll::Pending, Poll::Ready)).await },
        );
    tokio::task::yield_now().await;
    streams.end_all(EndReason::Expired);
    assert_eq!(waiting.await.unwrap(), EndReason::Expired);
}
