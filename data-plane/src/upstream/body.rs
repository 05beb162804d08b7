//! A response body that owns its connection until it has been read to the exact end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::error::{UpstreamError, UpstreamErrorKind};
use super::http1::{Exchange, Http1Connection};
use super::http2::StreamPlace;
use super::pool::Home;
use super::transport::Transport;
use crate::clock;

/// The body of an agent's response.
///
/// Read to its exact end it gives an HTTP/1.1 connection back to the pool; dropped before, it closes the connection, or
/// resets the HTTP/2 stream.
#[derive(Debug)]
pub struct ResponseBody {
    source: Source,
    stillness: Option<Box<Stillness>>,
}

#[derive(Debug)]
enum Source {
    /// Came with the head. The connection is back in the pool.
    Whole(Bytes),
    Http1(Exchange<Transport>, Home),
    Http2 {
        incoming: Incoming,
        _place: StreamPlace,
    },
    /// Read to the end, or broken.
    Over,
}

/// Watches for a body that stands still.
#[derive(Debug)]
struct Stillness {
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
    is_armed: bool,
}

impl ResponseBody {
    pub(super) fn http1(mut exchange: Exchange<Transport>, home: Home, limit: Option<Duration>) -> Self {
        let whole = if exchange.is_end() { Some(Bytes::new()) } else { exchange.take_whole() };
        if let Some(whole) = whole {
            give_back(exchange, &home);
            return Self { source: Source::Whole(whole), stillness: None };
        }
        Self::watched(Source::Http1(exchange, home), limit)
    }

    pub(super) fn http2(incoming: Incoming, place: StreamPlace, limit: Option<Duration>) -> Self {
        if incoming.is_end_stream() {
            return Self { source: Source::Over, stillness: None };
        }
        Self::watched(Source::Http2 { incoming, _place: place }, limit)
    }

    fn watched(source: Source, limit: Option<Duration>) -> Self {
        Self { source, stillness: limit.map(|limit| Box::new(Stillness::new(limit))) }
    }

    /// From now on the body may stand still for at most `limit`. For a reader that meant to watch over it itself.
    pub fn watch(&mut self, limit: Duration) {
        let is_open = matches!(self.source, Source::Http1(..) | Source::Http2 { .. });
        if is_open && self.stillness.is_none() {
            self.stillness = Some(Box::new(Stillness::new(limit)));
        }
    }

    /// The body is complete: the connection may serve the next exchange.
    fn release(&mut self) {
        if let Source::Http1(exchange, home) = std::mem::replace(&mut self.source, Source::Over) {
            give_back(exchange, &home);
        }
    }

    fn poll_source(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        match &mut self.source {
            Source::Over => Poll::Ready(None),
            Source::Whole(bytes) => {
                let bytes = std::mem::take(bytes);
                self.source = Source::Over;
                Poll::Ready((!bytes.is_empty()).then(|| Ok(Frame::data(bytes))))
            }
            Source::Http1(exchange, _) => exchange.poll_data(cx).map_ok(Frame::data),
            Source::Http2 { incoming, .. } => Pin::new(incoming)
                .poll_frame(cx)
                .map_err(|source| UpstreamError::after_sending(UpstreamErrorKind::Reset).because(source)),
        }
    }
}

fn give_back(exchange: Exchange<Transport>, home: &Home) {
    if let Some(transport) = exchange.into_reusable() {
        home.take_back(Http1Connection(transport));
    }
}

impl Body for ResponseBody {
    type Data = Bytes;
    type Error = UpstreamError;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, UpstreamError>>> {
        let this = self.get_mut();
        let Poll::Ready(frame) = this.poll_source(cx) else {
            let Some(stillness) = &mut this.stillness else { return Poll::Pending };
            ready!(stillness.poll(cx));
            this.source = Source::Over;
            return Poll::Ready(Some(Err(UpstreamError::after_sending(UpstreamErrorKind::BodyTimeout))));
        };
        if let Some(stillness) = &mut this.stillness {
            stillness.is_armed = false;
        }
        match &frame {
            Some(Ok(_)) if !this.is_end_stream() => {}
            Some(Ok(_)) | None => this.release(),
            Some(Err(_)) => this.source = Source::Over,
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        match &self.source {
            Source::Over => true,
            Source::Whole(bytes) => bytes.is_empty(),
            Source::Http1(exchange, _) => exchange.is_end(),
            Source::Http2 { incoming, .. } => incoming.is_end_stream(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        match &self.source {
            Source::Over => SizeHint::with_exact(0),
            Source::Whole(bytes) => SizeHint::with_exact(bytes.len() as u64),
            Source::Http1(exchange, _) => {
                exchange.bytes_left().map_or_else(SizeHint::default, SizeHint::with_exact)
            }
            Source::Http2 { incoming, .. } => incoming.size_hint(),
        }
    }
}

impl Stillness {
    fn new(limit: Duration) -> Self {
        Self { limit, sleep: Box::pin(tokio::time::sleep(limit)), is_armed: true }
    }

    /// Ready when nothing has come for the limit. Re-armed only when the reader has to wait again.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_armed {
            self.is_armed = true;
            self.sleep.as_mut().reset(clock::now() + self.limit);
        }
        self.sleep.as_mut().poll(cx)
    }
}
