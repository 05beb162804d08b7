//! What must hold for any bytes that an agent sends: HTTP/1.1 answers and event streams. Shared by the fuzz targets and
//! the replay of their corpora. The first byte of the data says how long the pieces are in which the rest arrives.

#![expect(clippy::expect_used, reason = "a failed expectation is the finding")]

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, StatusCode};
use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;
use signalbox_data_plane::stream::sse::{Splitter, for_each_event};
use signalbox_data_plane::upstream::error::UpstreamErrorKind;
use signalbox_data_plane::upstream::http1::send;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

fn pieces(data: &[u8]) -> (&[u8], usize) {
    data.split_first().map_or((data, 1), |(first, rest)| (rest, usize::from(*first).max(1)))
}

/// Pieces change nothing: neither the events nor where they end.
pub(crate) fn event_stream(data: &[u8]) {
    let (stream, piece_bytes) = pieces(data);
    let mut whole = Splitter::new();
    let at_once = whole.feed(stream);
    let mut splitter = Splitter::new();
    let (mut events, mut boundary, mut offset) = (0, None, 0);
    for piece in stream.chunks(piece_bytes) {
        let progress = splitter.feed(piece);
        events += progress.events;
        boundary = progress.boundary.map(|length| offset + length).or(boundary);
        assert!(progress.first_boundary <= progress.boundary.unwrap_or(0));
        offset += piece.len();
    }
    assert_eq!((events, boundary), (at_once.events, at_once.boundary));
    assert_eq!(splitter.is_at_boundary(), whole.is_at_boundary());
    let mut seen = 0;
    for_each_event(stream, |_| seen += 1);
    assert_eq!(seen, at_once.events);
}

/// An answer as a client understood it.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Vec<u8>,
}

/// What this client accepts, hyper's understands in the same way; what it refuses and hyper accepts, it refuses because
/// it is stricter.
pub(crate) fn http1_answer(data: &[u8]) {
    let (answer, piece_bytes) = pieces(data);
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let (own, hyper) =
        runtime.block_on(async { (own(answer, piece_bytes).await, hyper(answer, piece_bytes).await) });
    match (own, hyper) {
        (Ok(own), Ok(hyper)) => assert_eq!(own, hyper),
        (Ok(own), Err(error)) => assert!(error.is_user(), "hyper refuses {own:?}: {error:?}"),
        (Err(kind), Ok(hyper)) => {
            let is_strict = matches!(kind, UpstreamErrorKind::Malformed | UpstreamErrorKind::HeadTooLarge);
            assert!(is_strict, "{kind:?} where hyper finds {hyper:?}");
        }
        (Err(_), Err(_)) => {}
    }
}

async fn own(answer: &[u8], piece_bytes: usize) -> Result<Answer, UpstreamErrorKind> {
    let request = Request::post("/").body(Bytes::from_static(b"{}")).expect("a request");
    let host = HeaderValue::from_static("agent.example");
    let sent = send(Script::new(answer, piece_bytes), &request, &host).await;
    let (head, mut exchange) = sent.map_err(|error| error.kind())?;
    let mut body = exchange.take_whole().map(|whole| whole.to_vec()).unwrap_or_default();
    while let Some(data) = std::future::poll_fn(|cx| exchange.poll_data(cx)).await {
        body.extend_from_slice(&data.map_err(|error| error.kind())?);
    }
    Ok(Answer { status: head.status, headers: head.headers, body })
}

async fn hyper(answer: &[u8], piece_bytes: usize) -> Result<Answer, hyper::Error> {
    let stream = TokioIo::new(Script::new(answer, piece_bytes));
    let (mut sender, connection) = hyper::client::conn::http1::handshake(stream).await?;
    tokio::spawn(connection);
    let request = Request::post("/").body(Full::new(Bytes::from_static(b"{}"))).expect("a request");
    let (parts, body) = sender.send_request(request).await?.into_parts();
    Ok(Answer {
        status: parts.status,
        headers: parts.headers,
        body: body.collect().await?.to_bytes().to_vec(),
    })
}

/// A connection that plays an answer in pieces once something has been written to it, and then ends.
struct Script {
    pieces: VecDeque<Bytes>,
    is_asked: bool,
    waiting: Option<Waker>,
}

impl Script {
    fn new(answer: &[u8], piece_bytes: usize) -> Self {
        let pieces = answer.chunks(piece_bytes).map(Bytes::copy_from_slice).collect();
        Self { pieces, is_asked: false, waiting: None }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.is_asked {
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(piece) = self.pieces.pop_front() {
            buffer.put_slice(&piece);
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.is_asked = true;
        self.waiting.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}
