//! The client over scripted streams: alone, and side by side with hyper's.

mod differential;

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use http::{HeaderValue, Method, Request};
use proptest::prelude::*;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::exchange::{Exchange, send};
use crate::upstream::error::{UpstreamError, UpstreamErrorKind};

/// A connection that plays a fixed answer, piece by piece, once something has been written to it, and then ends.
#[derive(Debug)]
struct Script {
    pieces: VecDeque<Bytes>,
    written: Vec<u8>,
    /// Bytes taken by one write.
    write_bytes: usize,
    waiting: Option<Waker>,
}

impl Script {
    fn new(pieces: &[&[u8]]) -> Self {
        let pieces = pieces.iter().filter(|piece| !piece.is_empty());
        Self {
            pieces: pieces.map(|piece| Bytes::copy_from_slice(piece)).collect(),
            written: Vec::new(),
            write_bytes: usize::MAX,
            waiting: None,
        }
    }
}

impl AsyncRead for Script {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.written.is_empty() {
            self.waiting = Some(cx.waker().clone());
            return Poll::Pending;
        }
        if let Some(mut piece) = self.pieces.pop_front() {
            let length = piece.len().min(buffer.remaining());
            buffer.put_slice(&piece.split_to(length));
            if !piece.is_empty() {
                self.pieces.push_front(piece);
            }
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Script {
    fn poll_write(mut self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        let length = bytes.len().min(self.write_bytes);
        self.written.extend_from_slice(&bytes[..length]);
        self.waiting.take().into_iter().for_each(Waker::wake);
        Poll::Ready(Ok(length))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

/// An answer that was understood.
#[derive(Debug, PartialEq, Eq)]
struct Answer {
    status: u16,
    headers: Vec<(String, Vec<u8>)>,
    body: Vec<u8>,
    is_reusable: bool,
}

fn request(method: Method) -> Request<Bytes> {
    Request::builder().method(method).uri("/rpc").body(Bytes::from_static(b"{}")).unwrap()
}

fn host() -> HeaderValue {
    HeaderValue::from_static("agent.example")
}

async fn read_all(exchange: &mut Exchange<Script>) -> Result<Vec<u8>, UpstreamError> {
    let mut body = exchange.take_whole().map(|whole| whole.to_vec()).unwrap_or_default();
    while let Some(data) = std::future::poll_fn(|cx| exchange.poll_data(cx)).await {
        body.extend_from_slice(&data?);
    }
    Ok(body)
}

async fn exchange(pieces: &[&[u8]], method: Method) -> Result<Answer, UpstreamError> {
    let (head, mut exchange) = send(Script::new(pieces), &request(method), &host()).await?;
    let body = read_all(&mut exchange).await?;
    let headers = head.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    Ok(Answer {
        status: head.status.as_u16(),
        headers,
        body,
        is_reusable: exchange.into_reusable().is_some(),
    })
}

/// Body and reuse of an answer to a POST.
async fn answer(text: &str) -> Result<(String, bool), UpstreamErrorKind> {
    let answer = exchange(&[text.as_bytes()], Method::POST).await.map_err(|error| error.kind())?;
    Ok((String::from_utf8(answer.body).unwrap(), answer.is_reusable))
}

fn ok(body: &str, is_reusable: bool) -> Result<(String, bool), UpstreamErrorKind> {
    Ok((body.to_owned(), is_reusable))
}

#[tokio::test]
async fn the_body_ends_where_its_framing_says() {
    for (text, body, is_reusable) in [
        ("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nab", "ab", true),
        ("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n", "", true),
        ("HTTP/1.1 200\r\nContent-Length:2\r\n\r\nab", "ab", true),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n1;x=y\r\nc\r\n0\r\n\r\n",
            "abc",
            true,
        ),
        (
            "HTTP/1.1 200 OK\r\ntransfer-encoding: Chunked\r\n\r\n00a  \r\n0123456789\r\n0\r\nx: y\r\n\r\n",
            "0123456789",
            true,
        ),
        ("HTTP/1.1 200 OK\r\n\r\nab", "ab", false),
        ("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nab", "ab", false),
        ("HTTP/1.1 204 No Content\r\n\r\n", "", true),
        ("HTTP/1.1 304 Not Modified\r\ncontent-length: 7\r\n\r\n", "", true),
        (
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nlink: x\r\n\r\nHTTP/1.1 200 OK\r\ncontent-length: 1\r\n\r\na",
            "a",
            true,
        ),
    ] {
        assert_eq!(answer(text).await, ok(body, is_reusable), "{text:?}");
    }
    let head = exchange(&[b"HTTP/1.1 200 OK\r\ncontent-length: 7\r\n\r\n"], Method::HEAD).await.unwrap();
    assert_eq!((head.body.len(), head.is_reusable), (0, true));
}

#[tokio::test]
async fn a_connection_that_leaves_anything_odd_is_not_used_again() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: foo, Close\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: foo\r\nconnection: close\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
    ] {
        assert_eq!(answer(text).await, ok("ab", false), "{text:?}");
    }
    assert_eq!(
        answer("HTTP/1.1 204 No Content\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n").await,
        ok("", false)
    );
}

#[tokio::test]
async fn what_two_readers_could_understand_differently_is_refused() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 2, 2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: +2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: -2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 0x2\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length:\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ncontent-length: 99999999999999999999\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: gzip\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.0 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\r\n folded\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx : a\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 200 OK\r\nx: a\0b\r\ncontent-length: 0\r\n\r\n",
        "HTTP/1.1 099 Odd\r\n\r\n",
        "HTTP/3.0 200 OK\r\n\r\n",
        "<html></html>",
    ] {
        assert_eq!(answer(text).await, Err(UpstreamErrorKind::Malformed), "{text:?}");
    }
    for chunks in [
        "x\r\n",
        "\r\n",
        "-1\r\n",
        "2\nab\r\n",
        "2\r\nabc\r\n",
        "2\r\nab\n",
        "1 1\r\n",
        " 1\r\na\r\n",
        "1000000000000000\r\n",
        "1;x\ny\r\na\r\n",
        "0\r\nx\n\r\n",
        "0\r\nx\r\n\r\n",
        "0\r\n x: y\r\n\r\n",
        "0\r\nx y: z\r\n\r\n",
        "0\r\nx: \x01\r\n\r\n",
        "0\r\n: x\r\n\r\n",
        "0\r\n\n",
    ] {
        let text = format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n{chunks}");
        assert_eq!(answer(&text).await, Err(UpstreamErrorKind::Malformed), "{chunks:?}");
    }
}

#[tokio::test]
async fn an_answer_that_ends_too_early_is_a_reset() {
    let whole = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n0\r\nx: y\r\n\r\n";
    for length in 0..whole.len() {
        assert_eq!(answer(&whole[..length]).await, Err(UpstreamErrorKind::Reset), "{length}");
    }
    assert_eq!(answer(whole).await, ok("ab", true));
}

#[tokio::test]
async fn heads_and_chunk_overhead_are_bounded() {
    let long = "y".repeat(40 * 1024);
    let many = "x: y\r\n".repeat(101);
    let interim = "HTTP/1.1 100 Continue\r\n\r\n".repeat(17);
    for (text, kind) in [
        (format!("HTTP/1.1 200 OK\r\nx: {long}\r\n\r\n"), UpstreamErrorKind::HeadTooLarge),
        (format!("HTTP/1.1 200 OK\r\nx: {long}"), UpstreamErrorKind::HeadTooLarge),
        (format!("HTTP/1.1 200 OK\r\n{many}\r\n"), UpstreamErrorKind::HeadTooLarge),
        (format!("{interim}HTTP/1.1 200 OK\r\n\r\n"), UpstreamErrorKind::Malformed),
        (
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1;{long}\r\na\r\n0\r\n\r\n"),
            UpstreamErrorKind::Malformed,
        ),
        (
            format!("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n0\r\nx: {long}\r\n\r\n"),
            UpstreamErrorKind::Malformed,
        ),
    ] {
        assert_eq!(answer(&text).await, Err(kind), "{}…", &text[..60]);
    }
    let most = "x: y\r\n".repeat(99);
    assert_eq!(answer(&format!("HTTP/1.1 200 OK\r\n{most}content-length: 1\r\n\r\na")).await, ok("a", true));
}

#[tokio::test]
async fn header_values_pass_byte_for_byte() {
    let answer = exchange(
        &[b"HTTP/1.1 200 OK\r\nA2A-Extensions:  caf\xe9, \"x\" \r\ncontent-length: 0\r\n\r\n"],
        Method::POST,
    );
    let headers = answer.await.unwrap().headers;
    assert_eq!(headers[0], ("a2a-extensions".to_owned(), b"caf\xe9, \"x\"".to_vec()));
}

#[tokio::test]
async fn a_stream_that_takes_little_gets_the_whole_request() {
    for body_bytes in [0, 100, 20_000] {
        let body = Bytes::from(vec![b'x'; body_bytes]);
        let request = Request::post("/rpc?a=b").header("x", "y").body(body).unwrap();
        for write_bytes in [1, 7, 30_000] {
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n";
            let script = Script { write_bytes, ..Script::new(&[answer]) };
            let (_, exchange) = send(script, &request, &host()).await.unwrap();
            let written = exchange.into_reusable().unwrap().written;
            let head = format!(
                "POST /rpc?a=b HTTP/1.1\r\nhost: agent.example\r\nx: y\r\ncontent-length: {body_bytes}\r\n\r\n"
            );
            let (written_head, written_body) = written.split_at(head.len());
            assert_eq!((written_head, written_body.len()), (head.as_bytes(), body_bytes));
        }
    }
}

#[tokio::test]
async fn a_get_without_a_body_has_no_length() {
    let request = Request::get("http://elsewhere.example").body(Bytes::new()).unwrap();
    let script = Script::new(&[b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n"]);
    let (_, exchange) = send(script, &request, &host()).await.unwrap();
    let written = exchange.into_reusable().unwrap().written;
    assert_eq!(String::from_utf8(written).unwrap(), "GET / HTTP/1.1\r\nhost: agent.example\r\n\r\n");
}

/// A stream that fails at the first write.
#[derive(Debug)]
struct Dead;

impl AsyncRead for Dead {
    fn poll_read(self: Pin<&mut Self>, _: &mut Context<'_>, _: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Dead {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, _: &[u8]) -> Poll<io::Result<usize>> {
        Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[tokio::test]
async fn only_a_request_of_which_nothing_was_written_counts_as_unsent() {
    let error = send(Dead, &request(Method::POST), &host()).await.unwrap_err();
    assert!(error.nothing_sent());
    let error = send(Script::new(&[]), &request(Method::POST), &host()).await.unwrap_err();
    assert!(!error.nothing_sent());
}

proptest! {
    /// Whatever arrives: no panic, and an end.
    #[test]
    fn random_bytes_do_no_harm(bytes in proptest::collection::vec(any::<u8>(), 0..200), is_chunked in any::<bool>()) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        let head: &[u8] = if is_chunked { b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n" } else { b"HTTP/1.1 " };
        let _ = runtime.block_on(exchange(&[head, &bytes], Method::POST));
    }
}
