//! The body of every response.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::{Body as HttpBody, Frame, SizeHint};

use super::exchange::Exchange;
use super::grpc::MessageObserver;
use super::relay::Observer;
use crate::clock;
use crate::stream::grpc::relay::MessageRelay;
use crate::stream::relay::{Relay, RelayCut};
use crate::telemetry::{Outcome, Termination};
use crate::upstream::body::ResponseBody;
use crate::upstream::error::UpstreamError;

/// The body of a response. Dropping it before its end tells the agent's side that the client has gone.
#[derive(Debug)]
pub struct Body(Kind);

enum Kind {
    Whole(Option<Bytes>),
    Copy(Box<Copy>),
    Stream(Relay<ResponseBody, Observer>),
    /// What is left of the body, then the trailers.
    Trailed(Bytes, Option<Box<HeaderMap>>),
    Messages(MessageRelay<ResponseBody, MessageObserver>),
}

impl std::fmt::Debug for Kind {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Copy(_) => "Copy",
            Self::Stream(_) => "Stream",
            Self::Trailed(..) => "Trailed",
            Self::Messages(_) => "Messages",
        })
    }
}

/// A unary answer that passes unread.
struct Copy {
    start: Bytes,
    rest: ResponseBody,
    exchange: Exchange,
}

/// The transfer broke off; the connection to the client is closed so that the client notices.
#[derive(Debug, thiserror::Error)]
pub enum BodyError {
    /// The agent's answer broke off.
    #[error("the agent's answer broke off")]
    Upstream(#[source] UpstreamError),
    /// An event stream had to be cut.
    #[error("the event stream was cut")]
    Cut(#[source] RelayCut),
}

impl Body {
    /// A body in memory. The exchange is over: all of it is in the hands of the connection.
    pub(super) fn whole(bytes: Bytes, mut exchange: Exchange) -> Self {
        exchange.termination = Termination::Complete;
        exchange.response_bytes = bytes.len() as u64;
        Self(Kind::Whole(Some(bytes).filter(|bytes| !bytes.is_empty())))
    }

    /// A body that is copied: what has been read of it, then the rest.
    pub(super) fn copy(start: Bytes, rest: ResponseBody, exchange: Exchange) -> Self {
        Self(Kind::Copy(Box::new(Copy { start, rest, exchange })))
    }

    /// A body in memory with its trailers. The exchange is over, as with [`whole`](Self::whole).
    pub(super) fn trailed(bytes: Bytes, trailers: Box<HeaderMap>, mut exchange: Exchange) -> Self {
        exchange.termination = Termination::Complete;
        exchange.response_bytes = bytes.len() as u64;
        Self(Kind::Trailed(bytes, Some(trailers)))
    }

    /// A gRPC answer that is relayed.
    pub(super) fn messages(relay: MessageRelay<ResponseBody, MessageObserver>) -> Self {
        Self(Kind::Messages(relay))
    }

    /// An event stream.
    pub(super) fn stream(relay: Relay<ResponseBody, Observer>) -> Self {
        Self(Kind::Stream(relay))
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        match &mut self.get_mut().0 {
            Kind::Whole(bytes) => Poll::Ready(bytes.take().map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Copy(copy) => copy.poll_frame(cx),
            Kind::Trailed(bytes, trailers) => Poll::Ready(match bytes.is_empty() {
                false => Some(Ok(Frame::data(std::mem::take(bytes)))),
                true => trailers.take().map(|trailers| Ok(Frame::trailers(*trailers))),
            }),
            Kind::Messages(relay) => Pin::new(relay)
                .poll_frame(cx)
                .map(|frame| frame.map(|frame| frame.map_err(|never| match never {}))),
            Kind::Stream(relay) => {
                Pin::new(relay).poll_frame(cx).map(|frame| frame.map(|frame| frame.map_err(BodyError::Cut)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Whole(bytes) => bytes.is_none(),
            Kind::Copy(copy) => copy.start.is_empty() && copy.rest.is_end_stream(),
            Kind::Stream(relay) => relay.is_end_stream(),
            Kind::Trailed(_, trailers) => trailers.is_none(),
            Kind::Messages(relay) => relay.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.0 {
            Kind::Whole(bytes) => SizeHint::with_exact(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Kind::Copy(copy) => copy.size_hint(),
            Kind::Stream(relay) => relay.size_hint(),
            Kind::Trailed(bytes, _) => SizeHint::with_exact(bytes.len() as u64),
            Kind::Messages(relay) => relay.size_hint(),
        }
    }
}

impl Copy {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if !self.start.is_empty() {
            let start = Frame::data(std::mem::take(&mut self.start));
            return Poll::Ready(Some(Ok(self.pass(start))));
        }
        Poll::Ready(match std::task::ready!(Pin::new(&mut self.rest).poll_frame(cx)) {
            Some(Ok(frame)) => Some(Ok(self.pass(frame))),
            Some(Err(error)) => {
                self.exchange.outcome = Outcome::UpstreamError;
                self.exchange.termination = Termination::UpstreamLost;
                self.exchange.reason = Some(error.to_string());
                Some(Err(BodyError::Upstream(error)))
            }
            None => {
                self.exchange.termination = Termination::Complete;
                None
            }
        })
    }

    fn pass(&mut self, frame: Frame<Bytes>) -> Frame<Bytes> {
        self.exchange.response_bytes += frame.data_ref().map_or(0, |data| data.len() as u64);
        if self.exchange.first_byte.is_none() {
            self.exchange.first_byte = Some(clock::now());
        }
        if self.start.is_empty() && self.rest.is_end_stream() {
            self.exchange.termination = Termination::Complete;
        }
        frame
    }

    fn size_hint(&self) -> SizeHint {
        let start = self.start.len() as u64;
        let rest = self.rest.size_hint();
        let mut hint = SizeHint::new();
        hint.set_lower(rest.lower() + start);
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + start);
        }
        hint
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        if self.exchange.termination == Termination::ClientGone {
            self.exchange.outcome = Outcome::ClientGone;
        }
    }
}
