//! One request and its response on one connection.

use std::future::poll_fn;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use http::header::HeaderValue;
use http::{Method, Request};
use tokio::io::{AsyncRead, AsyncWrite};

use super::framing::{Decoded, Framing};
use super::head::{Head, HeadReader};
use super::{request, scratch};
use crate::upstream::error::{UpstreamError, UpstreamErrorKind};

/// A body up to this size goes out in one piece with its head.
const JOINED_BODY_BYTES_MAX: usize = 16 * 1024;

/// An exchange whose response head has come. Owns the connection; dropping it closes the socket.
#[derive(Debug)]
pub struct Exchange<T> {
    stream: T,
    outgoing: Outgoing,
    /// Received and not decoded yet.
    input: Bytes,
    framing: Framing,
    is_keep_alive: bool,
}

/// What of the request has not left yet.
#[derive(Debug)]
enum Outgoing {
    /// First the rest of the head, then the rest of the body.
    Parts(Bytes, Bytes),
    /// All is written; the stream may hold some of it.
    Flush,
    Done,
    /// The agent takes no more. It may still have answered.
    Failed,
}

/// Sends a request and waits for the head of its response.
///
/// # Errors
/// The connection is closed with every error. Only one before the first byte was written says that nothing was sent.
pub async fn send<T: AsyncRead + AsyncWrite + Unpin>(
    stream: T,
    request: &Request<Bytes>,
    host: &HeaderValue,
) -> Result<(Head, Exchange<T>), UpstreamError> {
    let mut exchange = Exchange {
        stream,
        outgoing: Outgoing::Done,
        input: Bytes::new(),
        framing: Framing::Empty,
        is_keep_alive: false,
    };
    let mut reader = HeadReader::default();
    let is_head_request = request.method() == Method::HEAD;
    let mut is_started = false;
    let head = poll_fn(|cx| {
        if !is_started {
            is_started = true;
            exchange.start(cx, request, host)?;
        }
        exchange.poll_head(cx, &mut reader, is_head_request)
    });
    let head = head.await?;
    Ok((head, exchange))
}

fn reset(source: io::Error) -> UpstreamError {
    UpstreamError::after_sending(UpstreamErrorKind::Reset).because(source)
}

fn closed() -> UpstreamError {
    UpstreamError::after_sending(UpstreamErrorKind::Reset)
}

impl<T: AsyncRead + AsyncWrite + Unpin> Exchange<T> {
    /// Writes as much of the request as the connection takes at once: mostly all of it, without an allocation.
    fn start(
        &mut self,
        cx: &mut Context<'_>,
        request: &Request<Bytes>,
        host: &HeaderValue,
    ) -> Result<(), UpstreamError> {
        scratch::with_write_buffer(|buffer| {
            request::encode_head(request, host, buffer);
            let mut body = request.body().clone();
            if body.len() <= JOINED_BODY_BYTES_MAX {
                buffer.extend_from_slice(&std::mem::take(&mut body));
            }
            let written = match Pin::new(&mut self.stream).poll_write(cx, buffer) {
                Poll::Ready(Ok(written)) => written,
                Poll::Ready(Err(source)) => {
                    return Err(UpstreamError::before_sending(UpstreamErrorKind::Reset).because(source));
                }
                Poll::Pending => 0,
            };
            self.outgoing = Outgoing::Parts(Bytes::copy_from_slice(&buffer[written..]), body);
            Ok(())
        })
    }

    /// Goes on sending. Never fails: an agent that takes no more may have answered already.
    fn poll_outgoing(&mut self, cx: &mut Context<'_>) {
        loop {
            match &mut self.outgoing {
                Outgoing::Done | Outgoing::Failed => return,
                Outgoing::Flush => match Pin::new(&mut self.stream).poll_flush(cx) {
                    Poll::Pending => return,
                    Poll::Ready(Ok(())) => self.outgoing = Outgoing::Done,
                    Poll::Ready(Err(_)) => self.outgoing = Outgoing::Failed,
                },
                Outgoing::Parts(first, second) => {
                    if first.is_empty() {
                        *first = std::mem::take(second);
                    }
                    if first.is_empty() {
                        self.outgoing = Outgoing::Flush;
                        continue;
                    }
                    match Pin::new(&mut self.stream).poll_write(cx, first) {
                        Poll::Pending => return,
                        Poll::Ready(Ok(written @ 1..)) => drop(first.split_to(written)),
                        Poll::Ready(Ok(0) | Err(_)) => self.outgoing = Outgoing::Failed,
                    }
                }
            }
        }
    }

    fn poll_head(
        &mut self,
        cx: &mut Context<'_>,
        reader: &mut HeadReader,
        is_head_request: bool,
    ) -> Poll<Result<Head, UpstreamError>> {
        loop {
            self.poll_outgoing(cx);
            let bytes = ready!(scratch::poll_read(&mut self.stream, cx)).map_err(reset)?;
            if bytes.is_empty() {
                return Poll::Ready(Err(closed()));
            }
            if let Some((head, rest)) = reader.push(bytes, is_head_request)? {
                self.framing = head.framing;
                self.is_keep_alive = head.is_keep_alive;
                self.input = rest;
                return Poll::Ready(Ok(head));
            }
        }
    }

    /// The next piece of the body; `None` at its end.
    ///
    /// # Errors
    /// `Reset` if the connection ends too early, `Malformed` if a chunk is not valid.
    pub fn poll_data(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Bytes, UpstreamError>>> {
        loop {
            match self.framing.decode(&mut self.input) {
                Ok(Decoded::Data(data)) => return Poll::Ready(Some(Ok(data))),
                Ok(Decoded::End) => return Poll::Ready(None),
                Ok(Decoded::More) => {}
                Err(error) => {
                    let error = UpstreamError::after_sending(UpstreamErrorKind::Malformed).because(error);
                    return Poll::Ready(Some(Err(error)));
                }
            }
            self.poll_outgoing(cx);
            match ready!(scratch::poll_read(&mut self.stream, cx)) {
                Ok(bytes) if !bytes.is_empty() => self.input = bytes,
                Ok(_) if self.framing == Framing::Close => return Poll::Ready(None),
                Ok(_) => return Poll::Ready(Some(Err(closed()))),
                Err(source) => return Poll::Ready(Some(Err(reset(source)))),
            }
        }
    }

    /// Whether the body is complete.
    pub fn is_end(&self) -> bool {
        self.framing.is_end()
    }

    /// Bytes of the body that are still to come to the reader, where that is known.
    pub fn bytes_left(&self) -> Option<u64> {
        self.framing.bytes_left()
    }

    /// The rest of the body, if all of it has been received.
    pub fn take_whole(&mut self) -> Option<Bytes> {
        let Framing::Length(left) = self.framing else { return None };
        let left = usize::try_from(left).ok().filter(|left| *left <= self.input.len())?;
        self.framing = Framing::Length(0);
        Some(self.input.split_to(left))
    }

    /// The connection for the next exchange, if this one is complete and left nothing behind.
    pub fn into_reusable(self) -> Option<T> {
        let is_complete =
            self.framing.is_end() && self.input.is_empty() && matches!(self.outgoing, Outgoing::Done);
        (is_complete && self.is_keep_alive).then_some(self.stream)
    }
}
