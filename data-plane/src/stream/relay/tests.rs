use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use futures_util::stream::{self, StreamExt};
use http_body_util::{BodyExt, StreamBody};
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::super::open::OpenStreams;
use super::*;

const SECOND: Duration = Duration::from_secs(1);
const ERROR: &str = "data: {\"error\":1}\n\n";

#[derive(Debug, Default, Clone)]
struct Seen {
    events: Vec<String>,
    summary: Option<StreamSummary>,
    failures: usize,
}

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Seen>>);

impl Recorder {
    fn seen(&self) -> Seen {
        self.0.lock().unwrap().clone()
    }

    fn outcome(&self) -> StreamOutcome {
        self.seen().summary.unwrap().outcome
    }
}

impl StreamObserver for Recorder {
    fn event(&mut self, data: &[u8]) {
        self.0.lock().unwrap().events.push(String::from_utf8(data.to_vec()).unwrap());
    }

    fn ending(&mut self, _: EndReason) -> Frame<Bytes> {
        Frame::data(Bytes::from_static(ERROR.as_bytes()))
    }

    fn upstream_failed(&mut self, _: &(dyn Error + 'static)) {
        self.0.lock().unwrap().failures += 1;
    }

    fn finished(&mut self, summary: &StreamSummary) {
        assert_eq!(self.0.lock().unwrap().summary.replace(*summary), None, "called twice");
    }
}

#[derive(Debug, thiserror::Error)]
#[error("reset")]
struct Reset;

type Upstream = mpsc::Sender<Result<&'static str, Reset>>;

fn settings() -> RelaySettings {
    RelaySettings {
        heartbeat_interval: None,
        idle_timeout: 3600 * SECOND,
        max_duration: None,
        held_bytes_max: 64,
        is_encoded: false,
    }
}

/// A relay whose agent is played by the test.
fn relay(
    settings: RelaySettings,
    end: EndSignal,
) -> (Upstream, Relay<impl Body<Data = Bytes, Error = Reset> + Unpin, Recorder>, Recorder) {
    let (sender, receiver) = mpsc::channel(8);
    let frames = stream::unfold(receiver, |mut receiver| async {
        let item: Option<Result<&'static str, Reset>> = receiver.recv().await;
        item.map(|item| (item.map(|text| Frame::data(Bytes::from_static(text.as_bytes()))), receiver))
    });
    let recorder = Recorder::default();
    (sender, Relay::new(StreamBody::new(frames.boxed()), recorder.clone(), settings, end), recorder)
}

async fn next<B>(relay: &mut B) -> Option<Result<String, B::Error>>
where
    B: Body<Data = Bytes> + Unpin,
{
    let frame = relay.frame().await?;
    Some(frame.map(|frame| String::from_utf8(frame.into_data().unwrap().to_vec()).unwrap()))
}

#[tokio::test(start_paused = true)]
async fn whole_events_pass_untouched_and_are_seen() {
    let (upstream, mut relay, recorder) = relay(settings(), EndSignal::never());
    upstream.send(Ok("id: 7\ndata: one\n\n: own ping\n\n")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "id: 7\ndata: one\n\n: own ping\n\n");
    drop(upstream);
    assert!(next(&mut relay).await.is_none());
    drop(relay);
    assert_eq!(recorder.seen().events, ["one"]);
    let summary = recorder.seen().summary.unwrap();
    assert_eq!((summary.outcome, summary.events, summary.bytes), (StreamOutcome::Finished, 1, 29));
}

#[tokio::test(start_paused = true)]
async fn heartbeats_come_only_when_the_stream_is_idle() {
    let start = clock::now();
    let (upstream, mut relay, recorder) =
        relay(RelaySettings { heartbeat_interval: Some(15 * SECOND), ..settings() }, EndSignal::never());
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), ":\n\n", "from the response head on");
    assert_eq!(clock::now() - start, 15 * SECOND);
    tokio::time::advance(10 * SECOND).await;
    upstream.send(Ok("data: 1\n\n")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "data: 1\n\n");
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), ":\n\n");
    assert_eq!(clock::now() - start, 40 * SECOND, "15 s after the event, not after the last heartbeat");
    drop(relay);
    assert_eq!(recorder.seen().summary.unwrap().heartbeats, 2);
    assert_eq!(recorder.outcome(), StreamOutcome::CallerLeft);
}

#[tokio::test(start_paused = true)]
async fn half_an_event_waits_for_its_end_and_heartbeats_do_not_touch_it() {
    let (upstream, mut relay, recorder) =
        relay(RelaySettings { heartbeat_interval: Some(SECOND), ..settings() }, EndSignal::never());
    upstream.send(Ok("data: a\n\ndata: {\"b\"")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "data: a\n\n");
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), ":\n\n");
    upstream.send(Ok(":1}\n")).await.unwrap();
    upstream.send(Ok("\n")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "data: {\"b\":1}\n\n");
    assert_eq!(recorder.seen().events, ["a", "{\"b\":1}"]);
}

#[tokio::test(start_paused = true)]
async fn an_agent_that_is_lost_inside_an_event_leaves_only_the_error() {
    for ending in [Some(Err(Reset)), None] {
        let is_reset = ending.is_some();
        let (upstream, mut relay, recorder) = relay(settings(), EndSignal::never());
        upstream.send(Ok("data: half\n")).await.unwrap();
        if let Some(error) = ending {
            upstream.send(error).await.unwrap();
        }
        drop(upstream);
        assert_eq!(next(&mut relay).await.unwrap().unwrap(), ERROR);
        assert!(next(&mut relay).await.is_none());
        drop(relay);
        assert_eq!(recorder.outcome(), StreamOutcome::Ended(EndReason::UpstreamLost));
        assert_eq!(recorder.seen().failures, usize::from(is_reset));
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_and_a_long_life_end_with_the_error() {
    let idle =
        RelaySettings { idle_timeout: 30 * SECOND, heartbeat_interval: Some(20 * SECOND), ..settings() };
    let (_upstream, mut relay_idle, _) = relay(idle, EndSignal::never());
    let start = clock::now();
    assert_eq!(next(&mut relay_idle).await.unwrap().unwrap(), ":\n\n");
    assert_eq!(next(&mut relay_idle).await.unwrap().unwrap(), ERROR);
    assert_eq!(clock::now() - start, 30 * SECOND, "a heartbeat is no sign of life of the agent");

    let (upstream, mut relay_long, recorder) =
        relay(RelaySettings { max_duration: Some(10 * SECOND), ..settings() }, EndSignal::never());
    let start = clock::now();
    tokio::time::advance(8 * SECOND).await;
    upstream.send(Ok("data: 1\n\n")).await.unwrap();
    assert_eq!(next(&mut relay_long).await.unwrap().unwrap(), "data: 1\n\n");
    assert_eq!(next(&mut relay_long).await.unwrap().unwrap(), ERROR);
    assert_eq!(clock::now() - start, 10 * SECOND);
    drop(relay_long);
    assert_eq!(recorder.outcome(), StreamOutcome::Ended(EndReason::MaxDuration));
}

#[tokio::test(start_paused = true)]
async fn a_revoked_stream_ends_at_once_and_without_the_half_event() {
    let streams = OpenStreams::new();
    let (upstream, mut relay, recorder) = relay(settings(), streams.open("key"));
    upstream.send(Ok("data: 1\n\ndata: ha")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "data: 1\n\n");
    let waiting =
        tokio::spawn(
            async move { (next(&mut relay).await.unwrap().unwrap(), next(&mut relay).await.is_none()) },
        );
    tokio::task::yield_now().await;
    streams.end_all(EndReason::Revoked);
    assert_eq!(waiting.await.unwrap(), (ERROR.to_owned(), true));
    assert_eq!(recorder.outcome(), StreamOutcome::Ended(EndReason::Revoked));
    assert!(upstream.is_closed(), "the agent's side is dropped");
}

#[tokio::test(start_paused = true)]
async fn an_oversized_event_passes_as_it_comes_and_its_stream_ends_after_it() {
    let streams = OpenStreams::new();
    let settings = RelaySettings { held_bytes_max: 8, heartbeat_interval: Some(SECOND), ..settings() };
    let (upstream, mut relay, recorder) = relay(settings, streams.open("key"));
    upstream.send(Ok("data: 12345")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "data: 12345");
    streams.end_all(EndReason::Draining);
    upstream.send(Ok("6789")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "6789");
    upstream.send(Ok("\n\ndata: next\n\ndata: la")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "\n\ndata: next\n\n");
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), ERROR);
    drop(relay);
    assert_eq!(recorder.seen().events, ["next"], "what was passed on in part is not shown");
    assert_eq!(recorder.outcome(), StreamOutcome::Ended(EndReason::Draining));
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_cut_only_inside_an_oversized_event() {
    let streams = OpenStreams::new();
    let settings = RelaySettings { held_bytes_max: 8, ..settings() };
    let (upstream, mut relay, recorder) = relay(settings, streams.open("key"));
    upstream.send(Ok("data: 12345")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "data: 12345");
    streams.end_all(EndReason::Draining);
    let start = clock::now();
    assert_eq!(next(&mut relay).await.unwrap().unwrap_err().reason, EndReason::Draining);
    assert_eq!(clock::now() - start, EVENT_END_TIMEOUT);
    drop(relay);
    assert_eq!(recorder.outcome(), StreamOutcome::Cut(EndReason::Draining));
}

#[tokio::test(start_paused = true)]
async fn an_encoded_stream_passes_as_it_is() {
    let settings = RelaySettings {
        is_encoded: true,
        heartbeat_interval: Some(SECOND),
        idle_timeout: 5 * SECOND,
        ..settings()
    };
    let (upstream, mut relay, recorder) = relay(settings, EndSignal::never());
    upstream.send(Ok("\x1f\x0b")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "\x1f\x0b");
    assert_eq!(next(&mut relay).await.unwrap().unwrap_err().reason, EndReason::UpstreamIdle);
    drop(relay);
    assert_eq!(recorder.seen().summary.unwrap().heartbeats, 0);
}

#[tokio::test(start_paused = true)]
async fn a_byte_order_mark_does_not_reach_the_caller_after_a_heartbeat() {
    let (upstream, mut relay, recorder) =
        relay(RelaySettings { heartbeat_interval: Some(SECOND), ..settings() }, EndSignal::never());
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), ":\n\n");
    upstream.send(Ok("\u{feff}data: 1\n\n")).await.unwrap();
    assert_eq!(next(&mut relay).await.unwrap().unwrap(), "data: 1\n\n");
    assert_eq!(recorder.seen().events, ["1"]);
}

#[test]
fn the_state_of_a_stream_is_small() {
    type Body = http_body_util::Full<Bytes>;
    let stream = size_of::<Stream<Body, Recorder>>() - size_of::<Body>() - size_of::<Recorder>();
    assert!(stream <= 256, "{stream} bytes without upstream and observer");
    assert_eq!(size_of::<Relay<Body, Recorder>>(), size_of::<usize>());
}

fn piece() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        Just("data: 1\n\n"),
        Just("data: 2\r\n\r\n"),
        Just("data: "),
        Just("3\r"),
        Just("\n"),
        Just("\r"),
        Just(": c\n"),
        Just("id: 4\n"),
        Just("a text that is longer than what is held for an event"),
    ]
}

proptest! {
    /// Whatever the agent sends in whatever chunks: the caller gets a prefix of it that ends between two events (or all
    /// of it), then the error if the end was not clean.
    #[test]
    fn the_caller_sees_whole_events_and_then_the_error(pieces in proptest::collection::vec(piece(), 0..20)) {
        let all = pieces.concat();
        let frames: Vec<Result<Frame<Bytes>, Infallible>> =
            pieces.iter().map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes())))).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (text, is_cut) = runtime.block_on(async {
            let body = StreamBody::new(stream::iter(frames));
            let mut relay =
                Relay::new(body, Recorder::default(), RelaySettings { held_bytes_max: 20, ..settings() }, EndSignal::never());
            let mut text = String::new();
            while let Some(frame) = next(&mut relay).await {
                match frame {
                    Ok(part) => text.push_str(&part),
                    Err(_) => return (text, true),
                }
            }
            (text, false)
        });
        let mut splitter = Splitter::new();
        let boundary = splitter.feed(all.as_bytes()).boundary.unwrap_or(0);
        if is_cut {
            prop_assert!(!splitter.is_at_boundary());
            prop_assert!(all.starts_with(&text) && text.len() > boundary);
        } else if splitter.is_at_boundary() {
            prop_assert_eq!(text, all);
        } else {
            prop_assert_eq!(text, format!("{}{ERROR}", &all[..boundary]));
        }
    }

    /// Whatever the chunks and the pauses between them: heartbeats come between two events alone, and without them the
    /// caller has what the agent sent.
    #[test]
    fn heartbeats_come_between_events_alone(
        pieces in proptest::collection::vec((piece(), 0..3500_u64), 0..20),
        last in prop::sample::select(vec!["data: 5\n\n", "\n\n\n"]),
    ) {
        let mut pieces = pieces;
        pieces.extend([("\n\n\n", 0), (last, 1500)]);
        let all: String = pieces.iter().map(|(piece, _)| *piece).collect();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (frames, summary) = runtime.block_on(async {
            let settings = RelaySettings { heartbeat_interval: Some(SECOND), held_bytes_max: 1024, ..settings() };
            let (upstream, mut relay, recorder) = relay(settings, EndSignal::never());
            let agent = tokio::spawn(async move {
                for (piece, pause) in pieces {
                    tokio::time::sleep(Duration::from_millis(pause)).await;
                    upstream.send(Ok(piece)).await.unwrap();
                }
            });
            let mut frames = Vec::new();
            while let Some(frame) = next(&mut relay).await {
                frames.push(frame.unwrap());
            }
            agent.await.unwrap();
            drop(relay);
            (frames, recorder.seen().summary.unwrap())
        });
        let mut splitter = Splitter::new();
        let (mut text, mut heartbeats) = (String::new(), 0);
        for frame in frames {
            // No piece begins an event so.
            if frame == ":\n\n" {
                prop_assert!(splitter.is_at_boundary(), "after {:?}", text);
                heartbeats += 1;
            } else {
                splitter.feed(frame.as_bytes());
                text.push_str(&frame);
            }
        }
        prop_assert_eq!(text, all);
        prop_assert_eq!(summary.heartbeats, heartbeats);
        prop_assert!(heartbeats > 0, "the last pause is longer than the interval");
    }
}
