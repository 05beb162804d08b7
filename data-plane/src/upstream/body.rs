//! A response body that owns its connection until it has been read to the exact end.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use hyper::body::Incoming;
use tokio::time::Sleep;

use super::error::{UpstreamError, UpstreamErrorKind};
use super::http1::Http1Connection;
use super::http2::StreamPlace;
use super::pool::Home;
use crate::clock;

/// The body of an agent's response.
///
/// Read to its exact end it gives an HTTP/1.1 connection back to the pool; dropped before, it closes the connection, or
/// resets the HTTP/2 stream.
#[derive(Debug)]
pub struct ResponseBody {
    incoming: Incoming,
    hold: Hold,
    stillness: Option<Box<Stillness>>,
}

/// What keeps the connection alive while the body is read.
#[derive(Debug)]
enum Hold {
    Http1(Http1Connection, Home),
    Http2 { _place: StreamPlace },
    Released,
}

/// Watches for a body that stands still.
#[derive(Debug)]
struct Stillness {
    limit: Duration,
    sleep: Pin<Box<Sleep>>,
    is_armed: bool,
}

impl ResponseBody {
    pub(super) fn http1(
        incoming: Incoming,
        connection: Http1Connection,
        home: Home,
        limit: Option<Duration>,
    ) -> Self {
        Self::new(incoming, Hold::Http1(connection, home), limit)
    }

    pub(super) fn http2(incoming: Incoming, place: StreamPlace, limit: Option<Duration>) -> Self {
        Self::new(incoming, Hold::Http2 { _place: place }, limit)
    }

    fn new(incoming: Incoming, hold: Hold, limit: Option<Duration>) -> Self {
        let mut body = Self { incoming, hold, stillness: None };
        if body.incoming.is_end_stream() {
            body.release();
        } else {
            body.stillness = limit.map(|limit| Box::new(Stillness::new(limit)));
        }
        body
    }

    /// The body is complete: the connection may serve the next exchange.
    fn release(&mut self) {
        if let Hold::Http1(connection, home) = std::mem::replace(&mut self.hold, Hold::Released) {
            home.take_back(connection);
        }
    }

    /// The body is broken: the connection must not be used again.
    fn abandon(&mut self) {
        self.hold = Hold::Released;
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
        let Poll::Ready(frame) = Pin::new(&mut this.incoming).poll_frame(cx) else {
            let Some(stillness) = &mut this.stillness else { return Poll::Pending };
            ready!(stillness.poll(cx));
            this.abandon();
            return Poll::Ready(Some(Err(UpstreamError::after_sending(UpstreamErrorKind::BodyTimeout))));
        };
        if let Some(stillness) = &mut this.stillness {
            stillness.is_armed = false;
        }
        Poll::Ready(match frame {
            Some(Ok(frame)) => {
                if this.incoming.is_end_stream() {
                    this.release();
                }
                Some(Ok(frame))
            }
            Some(Err(source)) => {
                this.abandon();
                Some(Err(UpstreamError::after_sending(UpstreamErrorKind::Reset).because(source)))
            }
            None => {
                this.release();
                None
            }
        })
    }

    fn is_end_stream(&self) -> bool {
        self.incoming.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.incoming.size_hint()
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
