//! Passes an event stream from an agent to a caller, keeps it alive, and ends it so that the caller understands.
//!
//! Complete events pass untouched and at once. The beginning of an event whose end has not come yet waits in the
//! gateway, up to a bound: a client can do nothing with it, and while it is not sent, the stream towards the caller
//! stands between two events. So heartbeats reach the caller even while the agent dawdles inside an event, and a
//! stream that breaks there still ends with a readable error: neither half an event nor a silent close. An event larger
//! than the bound passes as it comes; a stream that has to end inside one is cut, which the caller's HTTP library
//! reports as a broken transfer.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::{Buf, Bytes};
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::alarm::{Alarm, after};
use super::hold::Hold;
use super::open::{EndReason, EndSignal};
use super::sse::{self, Splitter};
use crate::clock::{self, Instant};

/// A comment that every client ignores, with the blank line that makes buffering intermediaries pass it on.
const HEARTBEAT: Bytes = Bytes::from_static(b":\n\n");
/// Time that an oversized event gets to end once its stream has to.
const EVENT_END_TIMEOUT: Duration = Duration::from_secs(2);
/// Default of [`RelaySettings::held_bytes_max`].
pub const HELD_BYTES_MAX: usize = 64 * 1024;

/// What a relay watches over.
#[derive(Debug, Clone)]
pub struct RelaySettings {
    /// Idle time towards the caller after which a comment is sent; `None`: never.
    pub heartbeat_interval: Option<Duration>,
    /// Longest silence of the agent.
    pub idle_timeout: Duration,
    /// Longest life of the stream; `None`: no limit.
    pub max_duration: Option<Duration>,
    /// Most bytes of an unfinished event that wait for its end.
    pub held_bytes_max: usize,
    /// The stream has a content coding: it passes as it comes, without heartbeats, and can only be cut.
    pub is_encoded: bool,
}

/// What whoever opened a stream wants to know of it, and how its errors look.
pub trait StreamObserver: Unpin {
    /// The data of one complete event or message that is on its way to the caller. Called only for those within
    /// [`RelaySettings::held_bytes_max`] and if [`wants_events`](Self::wants_events).
    fn event(&mut self, data: &[u8]);

    /// Whether [`event`](Self::event) is called at all.
    fn wants_events(&self) -> bool {
        true
    }

    /// A heartbeat is on its way to the caller.
    fn heartbeat(&mut self) {}

    /// The agent's trailers are on their way to the caller.
    fn trailers(&mut self, _trailers: &HeaderMap) {}

    /// A reason to end the stream besides the end signal, or none and the task will be woken when there is one.
    fn poll_end(&mut self, _cx: &mut Context<'_>) -> Option<EndReason> {
        None
    }

    /// The end of a stream that the gateway ends: its last event, complete with its blank line, or, for gRPC, the
    /// trailers. Called at most once.
    fn ending(&mut self, reason: EndReason) -> Frame<Bytes>;

    /// The agent's side failed; `ending` or a cut follows.
    fn upstream_failed(&mut self, error: &(dyn Error + 'static));

    /// The stream is over, however that came. Called exactly once, when the relay is dropped.
    fn finished(&mut self, summary: &StreamSummary);
}

/// How a stream ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StreamOutcome {
    /// The agent finished it.
    Finished,
    /// The gateway ended it with an error in the stream.
    Ended(EndReason),
    /// The gateway had to cut it inside an event.
    Cut(EndReason),
    /// The caller left.
    CallerLeft,
}

/// A stream in figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StreamSummary {
    /// How it ended.
    pub outcome: StreamOutcome,
    /// Events with data passed on.
    pub events: u64,
    /// Bytes passed on, heartbeats and the final error included.
    pub bytes: u64,
    /// Heartbeats sent.
    pub heartbeats: u64,
    /// From the agent's response head to the end.
    pub duration: Duration,
}

/// The transfer was cut: the stream had to end inside an event that had been passed on in part.
#[derive(Debug, thiserror::Error)]
#[error("event stream cut inside an event: {}", reason.as_str())]
pub struct RelayCut {
    /// Why it had to end.
    pub reason: EndReason,
}

/// A response body that relays an event stream. One pointer; the state is boxed.
///
/// Dropping it drops the upstream body, which closes or resets the agent's side.
pub struct Relay<B, O: StreamObserver> {
    stream: Box<Stream<B, O>>,
}

struct Stream<B, O: StreamObserver> {
    upstream: Option<B>,
    observer: O,
    settings: RelaySettings,
    end: EndSignal,
    splitter: Splitter,
    hold: Hold,
    is_started: bool,
    /// Set once the stream has to end and only waits for the event to.
    ending: Option<(EndReason, Instant)>,
    state: State,
    alarm: Alarm,
    started: Instant,
    last_from_upstream: Instant,
    last_to_caller: Instant,
    events: u64,
    bytes: u64,
    heartbeats: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Over(StreamOutcome),
}

type Turn = Poll<Option<Result<Bytes, RelayCut>>>;

impl<B, O> Relay<B, O>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
    O: StreamObserver,
{
    /// Starts the relay at the agent's response head.
    pub fn new(upstream: B, observer: O, settings: RelaySettings, end: EndSignal) -> Self {
        let now = clock::now();
        let held_bytes_max = settings.held_bytes_max;
        let mut stream = Stream {
            upstream: Some(upstream),
            observer,
            settings,
            end,
            splitter: Splitter::new(),
            hold: Hold::new(held_bytes_max),
            is_started: false,
            ending: None,
            state: State::Open,
            alarm: Alarm::new(now),
            started: now,
            last_from_upstream: now,
            last_to_caller: now,
            events: 0,
            bytes: 0,
            heartbeats: 0,
        };
        let first = stream.next_deadline();
        stream.alarm.set(first);
        Self { stream: Box::new(stream) }
    }
}

impl<B, O> Body for Relay<B, O>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
    O: StreamObserver,
{
    type Data = Bytes;
    type Error = RelayCut;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, RelayCut>>> {
        let stream = &mut self.get_mut().stream;
        loop {
            let turn = match stream.turn(cx) {
                Poll::Pending => stream.on_time(cx),
                ready => ready,
            };
            match turn {
                Poll::Pending => return Poll::Pending,
                Poll::Ready(Some(Ok(bytes))) if bytes.is_empty() => {}
                Poll::Ready(Some(Ok(bytes))) => {
                    stream.bytes += bytes.len() as u64;
                    return Poll::Ready(Some(Ok(Frame::data(bytes))));
                }
                Poll::Ready(Some(Err(cut))) => return Poll::Ready(Some(Err(cut))),
                Poll::Ready(None) => return Poll::Ready(None),
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.stream.state, State::Over(_))
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::default()
    }
}

impl<B, O> Stream<B, O>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
    O: StreamObserver,
{
    /// One step: what to pass on now, nothing yet (an empty frame), or pending on the agent.
    fn turn(&mut self, cx: &mut Context<'_>) -> Turn {
        if let State::Over(_) = self.state {
            return Poll::Ready(None);
        }
        match self.ending {
            Some((reason, _)) if !self.hold.is_passing() => return self.end_now(reason),
            Some(_) => {}
            None => {
                let reason = self.end.poll_reason(cx).or_else(|| self.observer.poll_end(cx));
                if let Some(reason) = reason {
                    return self.end(reason);
                }
            }
        }
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(None) };
        match Pin::new(upstream).poll_frame(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(Some(Ok(frame))) => self.on_data(frame.into_data().unwrap_or_default()),
            Poll::Ready(Some(Err(error))) => {
                self.observer.upstream_failed(&error);
                self.upstream = None;
                self.end(EndReason::UpstreamLost)
            }
            Poll::Ready(None) => self.on_upstream_end(),
        }
    }

    fn on_data(&mut self, mut chunk: Bytes) -> Turn {
        let now = clock::now();
        self.last_from_upstream = now;
        if self.settings.is_encoded {
            self.last_to_caller = now;
            return Poll::Ready(Some(Ok(chunk)));
        }
        let progress = self.splitter.feed(&chunk);
        self.events += u64::from(progress.events);
        let Some(boundary) = progress.boundary else { return self.on_part_of_event(chunk, now) };
        let tail = chunk.split_off(boundary);
        // The rest of an event that was passed on in part cannot be shown; those after it can.
        let from = if self.hold.is_passing() { progress.first_boundary } else { 0 };
        let complete = self.hold.complete(chunk);
        if self.observer.wants_events() {
            sse::for_each_event(&complete[from..], |data| self.observer.event(data));
        }
        self.last_to_caller = now;
        if self.ending.is_none() {
            self.hold.begin(&tail);
        }
        Poll::Ready(Some(Ok(self.without_mark(complete))))
    }

    /// Holds what has no boundary yet, or passes it on where it is too much.
    fn on_part_of_event(&mut self, chunk: Bytes, now: Instant) -> Turn {
        let Some(bytes) = self.hold.part(chunk) else { return Poll::Ready(Some(Ok(Bytes::new()))) };
        self.last_to_caller = now;
        Poll::Ready(Some(Ok(self.without_mark(bytes))))
    }

    /// The stream without its byte order mark, which a heartbeat may have displaced from the beginning.
    fn without_mark(&mut self, mut bytes: Bytes) -> Bytes {
        if !std::mem::replace(&mut self.is_started, true) && bytes.starts_with(sse::BYTE_ORDER_MARK) {
            bytes.advance(sse::BYTE_ORDER_MARK.len());
        }
        bytes
    }

    fn on_upstream_end(&mut self) -> Turn {
        self.upstream = None;
        if self.settings.is_encoded || self.splitter.is_at_boundary() {
            let outcome = match self.ending {
                // The event that was waited for has ended with the stream.
                Some((reason, _)) => return self.end_now(reason),
                None => StreamOutcome::Finished,
            };
            self.state = State::Over(outcome);
            return Poll::Ready(None);
        }
        self.end(EndReason::UpstreamLost)
    }

    /// Ends the stream now if it stands between two events towards the caller, else as soon as it does.
    fn end(&mut self, reason: EndReason) -> Turn {
        if !self.settings.is_encoded && !self.hold.is_passing() {
            return self.end_now(reason);
        }
        if self.settings.is_encoded || self.upstream.is_none() {
            return self.cut(reason);
        }
        self.ending = Some((reason, clock::now() + EVENT_END_TIMEOUT));
        Poll::Ready(Some(Ok(Bytes::new())))
    }

    fn end_now(&mut self, reason: EndReason) -> Turn {
        self.upstream = None;
        // Half an event that nobody has seen.
        self.hold.forget();
        self.state = State::Over(StreamOutcome::Ended(reason));
        Poll::Ready(Some(Ok(self.observer.ending(reason).into_data().unwrap_or_default())))
    }

    fn cut(&mut self, reason: EndReason) -> Turn {
        self.upstream = None;
        self.hold.forget();
        self.state = State::Over(StreamOutcome::Cut(reason));
        Poll::Ready(Some(Err(RelayCut { reason })))
    }

    /// What time brings: a heartbeat, an end, or nothing until the next deadline.
    fn on_time(&mut self, cx: &mut Context<'_>) -> Turn {
        loop {
            let now = clock::now();
            if let Some(turn) = self.overdue(now) {
                return turn;
            }
            if self.heartbeat_deadline().is_some_and(|deadline| now >= deadline) {
                self.last_to_caller = now;
                self.heartbeats += 1;
                self.observer.heartbeat();
                return Poll::Ready(Some(Ok(HEARTBEAT)));
            }
            let next = self.next_deadline();
            std::task::ready!(self.alarm.poll(next, cx));
        }
    }

    fn overdue(&mut self, now: Instant) -> Option<Turn> {
        if let Some((reason, deadline)) = self.ending {
            return (now >= deadline).then(|| self.cut(reason));
        }
        if self.settings.max_duration.is_some_and(|limit| now - self.started >= limit) {
            return Some(self.end(EndReason::MaxDuration));
        }
        let is_idle = now - self.last_from_upstream >= self.settings.idle_timeout;
        is_idle.then(|| self.end(EndReason::UpstreamIdle))
    }

    fn heartbeat_deadline(&self) -> Option<Instant> {
        let is_possible = !self.settings.is_encoded && !self.hold.is_passing();
        let interval = self.settings.heartbeat_interval.filter(|_| is_possible)?;
        Some(after(self.last_to_caller, interval))
    }

    fn next_deadline(&self) -> Instant {
        if let Some((_, deadline)) = self.ending {
            return deadline;
        }
        let idle = after(self.last_from_upstream, self.settings.idle_timeout);
        let over = self.settings.max_duration.map(|limit| after(self.started, limit));
        [over, self.heartbeat_deadline()].into_iter().flatten().fold(idle, Instant::min)
    }
}

impl<B, O: StreamObserver> Drop for Stream<B, O> {
    fn drop(&mut self) {
        let outcome = match self.state {
            State::Open => StreamOutcome::CallerLeft,
            State::Over(outcome) => outcome,
        };
        let summary = StreamSummary {
            outcome,
            events: self.events,
            bytes: self.bytes,
            heartbeats: self.heartbeats,
            duration: clock::now() - self.started,
        };
        self.observer.finished(&summary);
    }
}

#[cfg(test)]
mod tests;
