use std::sync::{Arc, Mutex};

use futures_util::stream::{self, StreamExt};
use http::HeaderValue;
use http_body_util::{BodyExt, StreamBody};
use proptest::prelude::*;
use tokio::sync::mpsc;

use super::super::frame::prefix;
use super::*;
use crate::stream::open::OpenStreams;

const SECOND: Duration = Duration::from_secs(1);

#[derive(Debug, Default, Clone)]
struct Seen {
    messages: Vec<Vec<u8>>,
    trailers: Option<HeaderMap>,
    summary: Option<StreamSummary>,
    failures: usize,
}

#[derive(Clone, Default)]
struct Recorder(Arc<Mutex<Seen>>);

impl Recorder {
    fn seen(&self) -> Seen {
        self.0.lock().unwrap().clone()
    }
}

impl StreamObserver for Recorder {
    fn event(&mut self, data: &[u8]) {
        self.0.lock().unwrap().messages.push(data.to_vec());
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        assert_eq!(self.0.lock().unwrap().trailers.replace(trailers.clone()), None, "called twice");
    }

    fn ending(&mut self, reason: EndReason) -> Frame<Bytes> {
        let mut trailers = HeaderMap::new();
        trailers.insert("grpc-status", HeaderValue::from_static("14"));
        trailers.insert("why", HeaderValue::from_static(reason.as_str()));
        Frame::trailers(trailers)
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

type Sent = Result<Frame<Bytes>, Reset>;

fn settings() -> MessageRelaySettings {
    MessageRelaySettings {
        idle_timeout: 3600 * SECOND,
        max_duration: None,
        deadline: None,
        held_bytes_max: 64,
    }
}

/// A relay whose agent is played by the test.
fn relay(
    settings: MessageRelaySettings,
    end: EndSignal,
) -> (mpsc::Sender<Sent>, impl Body<Data = Bytes, Error = Infallible> + Unpin, Recorder) {
    let (upstream, receiver) = mpsc::channel(64);
    let body = StreamBody::new(tokio_stream::wrappers::ReceiverStream::new(receiver));
    let recorder = Recorder::default();
    (upstream, MessageRelay::new(Bytes::new(), body, recorder.clone(), settings, end), recorder)
}

fn message(payload: &[u8]) -> Vec<u8> {
    let mut framed = prefix(payload.len()).unwrap().to_vec();
    framed.extend_from_slice(payload);
    framed
}

fn data(bytes: &[u8]) -> Sent {
    Ok(Frame::data(Bytes::copy_from_slice(bytes)))
}

fn trailers(status: &'static str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static(status));
    trailers.append("custom-bin", HeaderValue::from_static("AAEC"));
    trailers.append("custom-bin", HeaderValue::from_static("AwQF"));
    trailers
}

async fn next_data(relay: &mut (impl Body<Data = Bytes, Error = Infallible> + Unpin)) -> Vec<u8> {
    relay.frame().await.unwrap().unwrap().into_data().unwrap().to_vec()
}

async fn next_trailers(relay: &mut (impl Body<Data = Bytes, Error = Infallible> + Unpin)) -> HeaderMap {
    let trailers = relay.frame().await.unwrap().unwrap().into_trailers().unwrap();
    assert!(relay.is_end_stream());
    assert!(relay.frame().await.is_none());
    trailers
}

#[tokio::test(start_paused = true)]
async fn messages_and_trailers_pass_untouched() {
    let (upstream, mut relay, recorder) = relay(settings(), EndSignal::never());
    let two = [message(b"one"), message(b"")].concat();
    upstream.send(data(&two)).await.unwrap();
    assert_eq!(next_data(&mut relay).await, two);
    upstream.send(Ok(Frame::trailers(trailers("5")))).await.unwrap();
    assert_eq!(next_trailers(&mut relay).await, trailers("5"));
    drop(relay);
    let seen = recorder.seen();
    assert_eq!(seen.messages, [b"one".to_vec(), b"".to_vec()]);
    assert_eq!(seen.trailers, Some(trailers("5")));
    let summary = seen.summary.unwrap();
    assert_eq!((summary.outcome, summary.events, summary.bytes), (StreamOutcome::Finished, 2, 13));
}

#[tokio::test(start_paused = true)]
async fn an_end_by_the_gateway_drops_the_half_message() {
    let streams = OpenStreams::new();
    let (upstream, mut relay, recorder) = relay(settings(), streams.open("key"));
    let whole = message(b"one");
    upstream.send(data(&[&whole[..], &message(b"two")[..6]].concat())).await.unwrap();
    assert_eq!(next_data(&mut relay).await, whole);
    streams.end_all(EndReason::Revoked);
    assert_eq!(next_trailers(&mut relay).await["why"], "revoked");
    drop(relay);
    assert_eq!(recorder.seen().summary.unwrap().outcome, StreamOutcome::Ended(EndReason::Revoked));
    assert!(upstream.is_closed(), "the agent's side is dropped");
}

#[tokio::test(start_paused = true)]
async fn a_silent_agent_a_long_life_and_a_deadline_end_with_a_status() {
    let all = MessageRelaySettings {
        idle_timeout: 30 * SECOND,
        max_duration: Some(10 * SECOND),
        deadline: Some(clock::now() + 5 * SECOND),
        ..settings()
    };
    let without_deadline = MessageRelaySettings { deadline: None, ..all.clone() };
    let idle_alone = MessageRelaySettings { max_duration: None, ..without_deadline.clone() };
    for (settings, why, after) in
        [(all, "deadline", 5), (without_deadline, "max_duration", 10), (idle_alone, "upstream_idle", 30)]
    {
        let start = clock::now();
        let (_upstream, mut relay, _) = relay(settings, EndSignal::never());
        assert_eq!(next_trailers(&mut relay).await["why"], why);
        assert_eq!(clock::now() - start, after * SECOND);
    }
}

#[tokio::test(start_paused = true)]
async fn an_oversized_message_passes_as_it_comes_and_its_answer_ends_after_it() {
    let streams = OpenStreams::new();
    let (upstream, mut relay, recorder) = relay(settings(), streams.open("key"));
    let large = message(&[7; 100]);
    upstream.send(data(&large[..80])).await.unwrap();
    assert_eq!(next_data(&mut relay).await, large[..80]);
    streams.end_all(EndReason::Draining);
    let rest = [&large[80..], &message(b"next")[..], b"\0\0"].concat();
    upstream.send(data(&rest)).await.unwrap();
    assert_eq!(next_data(&mut relay).await, rest[..rest.len() - 2]);
    assert_eq!(next_trailers(&mut relay).await["why"], "draining");
    assert_eq!(recorder.seen().messages, [b"next".to_vec()], "what was passed on in part is not shown");
}

#[tokio::test(start_paused = true)]
async fn an_oversized_message_that_does_not_end_is_waited_for_but_a_little() {
    let streams = OpenStreams::new();
    let (upstream, mut relay, _) = relay(settings(), streams.open("key"));
    upstream.send(data(&message(&[7; 100])[..80])).await.unwrap();
    next_data(&mut relay).await;
    streams.end_all(EndReason::Draining);
    let start = clock::now();
    assert_eq!(next_trailers(&mut relay).await["why"], "draining");
    assert_eq!(clock::now() - start, MESSAGE_END_TIMEOUT);
}

#[tokio::test(start_paused = true)]
async fn what_breaks_off_ends_with_a_status() {
    let half = &message(b"one")[..7];
    let broken: [Vec<Sent>; 5] = [
        vec![Err(Reset)],
        vec![data(half), Err(Reset)],
        vec![data(half), Ok(Frame::trailers(trailers("0")))],
        vec![data(half)],
        vec![data(&[9, 0, 0, 0, 0])],
    ];
    for sent in broken {
        let body = StreamBody::new(stream::iter(sent));
        let mut relay =
            MessageRelay::new(Bytes::new(), body, Recorder::default(), settings(), EndSignal::never());
        assert_eq!(next_trailers(&mut relay).await["why"], "upstream_lost");
    }
    let body = StreamBody::new(stream::iter(vec![data(half), Ok(Frame::trailers(trailers("13")))]));
    let mut relay =
        MessageRelay::new(Bytes::new(), body, Recorder::default(), settings(), EndSignal::never());
    assert_eq!(next_trailers(&mut relay).await, trailers("13"), "the agent's own error says more");
}

#[tokio::test(start_paused = true)]
async fn compressed_messages_pass_unread() {
    let mut compressed = message(b"zip");
    compressed[0] = 1;
    let (upstream, mut relay, recorder) = relay(settings(), EndSignal::never());
    upstream.send(data(&compressed)).await.unwrap();
    assert_eq!(next_data(&mut relay).await, compressed);
    drop(relay);
    let seen = recorder.seen();
    let summary = seen.summary.unwrap();
    assert_eq!((seen.messages.len(), summary.events, summary.outcome), (0, 1, StreamOutcome::CallerLeft));
}

/// Messages of up to a few hundred bytes, cut into chunks anywhere, and how many of the chunks come.
fn chunked() -> impl Strategy<Value = (Vec<u8>, Vec<usize>, bool)> {
    let messages = proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..200), 0..8);
    (messages, proptest::collection::vec(1_usize..90, 1..40), any::<bool>()).prop_map(
        |(messages, cuts, ends)| {
            let all = messages.iter().flat_map(|payload| message(payload)).collect();
            (all, cuts, ends)
        },
    )
}

proptest! {
    /// Whatever the chunks: the caller gets all and the agent's trailers, or a beginning that ends between two messages
    /// (or inside a large one) and the error.
    #[test]
    fn the_caller_sees_whole_messages_and_then_a_status((all, cuts, ends) in chunked()) {
        let mut rest = &all[..];
        let mut frames = Vec::new();
        for cut in cuts {
            let (chunk, after) = rest.split_at(cut.min(rest.len()));
            frames.push(data(chunk));
            rest = after;
        }
        let sent = all.len() - rest.len();
        if ends {
            frames.push(Ok(Frame::trailers(trailers("0"))));
        }
        let runtime =
            tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        let (bytes, end) = runtime.block_on(async {
            let body = StreamBody::new(stream::iter(frames));
            let relay = MessageRelay::new(Bytes::new(), body, Recorder::default(), settings(), EndSignal::never());
            let (mut bytes, mut end) = (Vec::new(), None);
            let mut frames = std::pin::pin!(relay.into_data_stream_with_trailers());
            while let Some(frame) = frames.next().await {
                match frame.into_data() {
                    Ok(data) => bytes.extend_from_slice(&data),
                    Err(frame) => end = frame.into_trailers().ok(),
                }
            }
            (bytes, end.unwrap())
        });
        let mut splitter = Splitter::new(u32::MAX);
        let boundary = splitter.feed(&all[..sent]).unwrap().boundary.unwrap_or(0);
        prop_assert!(all.starts_with(&bytes) && bytes.len() >= boundary && bytes.len() <= sent);
        if ends && splitter.is_at_boundary() {
            prop_assert_eq!(end, trailers("0"));
            prop_assert_eq!(bytes.len(), sent);
        } else {
            prop_assert_eq!(&end["why"], "upstream_lost");
        }
    }
}

trait Frames: Body<Data = Bytes, Error = Infallible> + Unpin + Sized {
    /// All frames, trailers included.
    fn into_data_stream_with_trailers(self) -> impl futures_util::Stream<Item = Frame<Bytes>> {
        stream::unfold(self, |mut body| async move { Some((body.frame().await?.unwrap(), body)) })
    }
}

impl<B: Body<Data = Bytes, Error = Infallible> + Unpin> Frames for B {}

#[test]
fn the_state_of_a_relay_is_small() {
    type Whole = http_body_util::Full<Bytes>;
    let stream = size_of::<Stream<Whole, Recorder>>() - size_of::<Whole>() - size_of::<Recorder>();
    assert!(stream <= 264, "{stream} bytes without upstream and observer");
    assert_eq!(size_of::<MessageRelay<Whole, Recorder>>(), size_of::<usize>());
}

#[tokio::test(start_paused = true)]
async fn what_had_been_read_goes_first() {
    let all = message(&[7; 100]);
    let body = StreamBody::new(stream::iter(vec![data(&all[80..]), Ok(Frame::trailers(trailers("0")))]));
    let start = Bytes::copy_from_slice(&all[..80]);
    let mut relay = MessageRelay::new(start, body, Recorder::default(), settings(), EndSignal::never());
    assert_eq!([next_data(&mut relay).await, next_data(&mut relay).await].concat(), all);
    assert_eq!(next_trailers(&mut relay).await, trailers("0"));
}
