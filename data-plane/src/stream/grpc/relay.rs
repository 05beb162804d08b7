//! Passes the messages of a gRPC answer from an agent to a caller, and ends it so that the caller understands.
//!
//! Complete messages pass untouched and at once, and so do the agent's trailers. The beginning of a message whose end
//! has not come yet waits in the gateway, up to a bound, so that the answer towards the caller stands between two
//! messages; there an end of the gateway's own is a status in trailers. A message larger than the bound passes as it
//! comes; an answer that has to end inside one ends with the same trailers, since what is missing is plain to see.

use std::convert::Infallible;
use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body, Frame, SizeHint};

use super::frame::{Splitter, for_each_message};
use crate::clock::{self, Instant};
use crate::http::grpc;
use crate::stream::alarm::{Alarm, after};
use crate::stream::hold::Hold;
use crate::stream::open::{EndReason, EndSignal};
use crate::stream::relay::{StreamObserver, StreamOutcome, StreamSummary};

/// Time that an oversized message gets to end once its answer has to.
const MESSAGE_END_TIMEOUT: Duration = Duration::from_secs(2);

/// What a relay of messages watches over.
#[derive(Debug, Clone)]
pub struct MessageRelaySettings {
    /// Longest silence of the agent.
    pub idle_timeout: Duration,
    /// Longest life of the answer; `None`: no limit.
    pub max_duration: Option<Duration>,
    /// When the caller's own deadline passes; `None`: it set none.
    pub deadline: Option<Instant>,
    /// Most bytes of an unfinished message that wait for its end.
    pub held_bytes_max: usize,
}

/// A response body that relays gRPC messages and trailers. One pointer; the state is boxed.
///
/// Dropping it drops the upstream body, which resets the agent's side.
pub struct MessageRelay<B, O: StreamObserver> {
    stream: Box<Stream<B, O>>,
}

struct Stream<B, O: StreamObserver> {
    /// What had been read of the answer before; goes first.
    start: Bytes,
    upstream: Option<B>,
    observer: O,
    settings: MessageRelaySettings,
    end: EndSignal,
    splitter: Splitter,
    hold: Hold,
    /// Set once the answer has to end and only waits for the message to.
    ending: Option<(EndReason, Instant)>,
    state: State,
    alarm: Alarm,
    started: Instant,
    last_from_upstream: Instant,
    messages: u64,
    bytes: u64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Open,
    Over(StreamOutcome),
}

/// One step of a relay.
enum Step {
    /// To be passed on.
    Pass(Frame<Bytes>),
    /// Nothing yet, but something may be ready.
    Again,
    /// Nothing any more.
    Over,
}

impl<B, O> MessageRelay<B, O>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
    O: StreamObserver,
{
    /// Starts the relay after `start`, which has been read of the agent's body already.
    pub fn new(
        start: Bytes,
        upstream: B,
        observer: O,
        settings: MessageRelaySettings,
        end: EndSignal,
    ) -> Self {
        let now = clock::now();
        let held_bytes_max = settings.held_bytes_max;
        let mut stream = Stream {
            start,
            upstream: Some(upstream),
            observer,
            settings,
            end,
            splitter: Splitter::new(u32::MAX),
            hold: Hold::new(held_bytes_max),
            ending: None,
            state: State::Open,
            alarm: Alarm::new(now),
            started: now,
            last_from_upstream: now,
            messages: 0,
            bytes: 0,
        };
        let first = stream.next_deadline();
        stream.alarm.set(first);
        Self { stream: Box::new(stream) }
    }
}

impl<B, O> Body for MessageRelay<B, O>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Error + 'static,
    O: StreamObserver,
{
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let stream = &mut self.get_mut().stream;
        loop {
            let step = match stream.step(cx) {
                Poll::Pending => std::task::ready!(stream.on_time(cx)),
                Poll::Ready(step) => step,
            };
            match step {
                Step::Again => {}
                Step::Pass(frame) => {
                    stream.bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
                    return Poll::Ready(Some(Ok(frame)));
                }
                Step::Over => return Poll::Ready(None),
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
    fn step(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        if let State::Over(_) = self.state {
            return Poll::Ready(Step::Over);
        }
        match self.ending {
            Some((reason, _)) if !self.hold.is_passing() => return Poll::Ready(self.end_now(reason)),
            Some(_) => {}
            None => {
                let reason = self.end.poll_reason(cx).or_else(|| self.observer.poll_end(cx));
                if let Some(reason) = reason {
                    return Poll::Ready(self.end(reason));
                }
            }
        }
        if !self.start.is_empty() {
            let start = std::mem::take(&mut self.start);
            return Poll::Ready(self.on_data(start));
        }
        let Some(upstream) = &mut self.upstream else { return Poll::Ready(Step::Over) };
        let frame = std::task::ready!(Pin::new(upstream).poll_frame(cx));
        Poll::Ready(match frame {
            Some(Ok(frame)) => match frame.into_data() {
                Ok(chunk) => self.on_data(chunk),
                Err(frame) => self.on_trailers(frame.into_trailers().unwrap_or_default()),
            },
            Some(Err(error)) => {
                self.observer.upstream_failed(&error);
                self.end_now(EndReason::UpstreamLost)
            }
            // Without trailers there is no status: it broke off, whatever it says.
            None => self.end_now(EndReason::UpstreamLost),
        })
    }

    fn on_data(&mut self, mut chunk: Bytes) -> Step {
        self.last_from_upstream = clock::now();
        let progress = match self.splitter.feed(&chunk) {
            Ok(progress) => progress,
            Err(error) => {
                self.observer.upstream_failed(&error);
                return self.end_now(EndReason::UpstreamLost);
            }
        };
        self.messages += u64::from(progress.messages);
        let Some(boundary) = progress.boundary else { return self.on_part_of_message(chunk) };
        let tail = chunk.split_off(boundary);
        // The rest of a message that was passed on in part cannot be shown; those after it can.
        let from = if self.hold.is_passing() { progress.first_boundary } else { 0 };
        let complete = self.hold.complete(chunk);
        if self.observer.wants_events() {
            let longest = u32::try_from(self.settings.held_bytes_max).unwrap_or(u32::MAX);
            for_each_message(&complete[from..], longest, |frame| {
                if !frame.is_compressed {
                    self.observer.event(frame.message);
                }
            });
        }
        if self.ending.is_none() {
            self.hold.begin(&tail);
        }
        Step::Pass(Frame::data(complete))
    }

    /// Holds what has no boundary yet, or passes it on where it is too much.
    fn on_part_of_message(&mut self, chunk: Bytes) -> Step {
        if chunk.is_empty() {
            return Step::Again;
        }
        self.hold.part(chunk).map_or(Step::Again, |bytes| Step::Pass(Frame::data(bytes)))
    }

    /// The agent's status passes as it is, unless it calls complete what is not.
    fn on_trailers(&mut self, trailers: HeaderMap) -> Step {
        if grpc::status(&trailers).is_none_or(|status| status == 0 && !self.splitter.is_at_boundary()) {
            return self.end_now(EndReason::UpstreamLost);
        }
        self.upstream = None;
        self.hold.forget();
        self.observer.trailers(&trailers);
        self.state = State::Over(StreamOutcome::Finished);
        Step::Pass(Frame::trailers(trailers))
    }

    /// Ends the answer now if it stands between two messages towards the caller, else as soon as it does.
    fn end(&mut self, reason: EndReason) -> Step {
        if !self.hold.is_passing() {
            return self.end_now(reason);
        }
        self.ending = Some((reason, clock::now() + MESSAGE_END_TIMEOUT));
        Step::Again
    }

    fn end_now(&mut self, reason: EndReason) -> Step {
        self.upstream = None;
        // Half a message that nobody has seen.
        self.hold.forget();
        self.state = State::Over(StreamOutcome::Ended(reason));
        Step::Pass(self.observer.ending(reason))
    }

    /// What time brings: an end, or nothing until the next deadline.
    fn on_time(&mut self, cx: &mut Context<'_>) -> Poll<Step> {
        loop {
            if let Some(step) = self.overdue(clock::now()) {
                return Poll::Ready(step);
            }
            let next = self.next_deadline();
            std::task::ready!(self.alarm.poll(next, cx));
        }
    }

    fn overdue(&mut self, now: Instant) -> Option<Step> {
        if let Some((reason, deadline)) = self.ending {
            return (now >= deadline).then(|| self.end_now(reason));
        }
        if self.settings.deadline.is_some_and(|deadline| now >= deadline) {
            return Some(self.end(EndReason::Deadline));
        }
        if self.settings.max_duration.is_some_and(|limit| now - self.started >= limit) {
            return Some(self.end(EndReason::MaxDuration));
        }
        let is_idle = now - self.last_from_upstream >= self.settings.idle_timeout;
        is_idle.then(|| self.end(EndReason::UpstreamIdle))
    }

    fn next_deadline(&self) -> Instant {
        if let Some((_, deadline)) = self.ending {
            return deadline;
        }
        let idle = after(self.last_from_upstream, self.settings.idle_timeout);
        let over = self.settings.max_duration.map(|limit| after(self.started, limit));
        [over, self.settings.deadline].into_iter().flatten().fold(idle, Instant::min)
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
            events: self.messages,
            bytes: self.bytes,
            heartbeats: 0,
            duration: clock::now() - self.started,
        };
        self.observer.finished(&summary);
    }
}

#[cfg(test)]
mod tests;
