//! One connection from its first byte to its last.
//!
//! Establishing (TLS, sniffing) and serving are tasks of their own: a task is as large as the largest protocol that it
//! can become, for as long as it lives.

use std::convert::Infallible;
use std::error::Error;
use std::future::{Future, poll_fn};
use std::io;
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::closing::Closing;
use super::head_timer::HeadTimer;
use super::listener::{ListenerSettings, ListenerShared};
use super::sniff;
use super::tls::ServerTls;
use super::worker::{ConnectionInfo, ConnectionProtocol, Handler, Place};

/// Resets by the client of streams that were not accepted yet, per HTTP/2 connection.
const HTTP2_PENDING_RESETS_MAX: usize = 20;
/// Resets caused by a client's errors, per HTTP/2 connection, before the connection closes.
const HTTP2_ERROR_RESETS_MAX: usize = 1024;
/// Bytes of one stream that an HTTP/2 client may send before they are read.
const HTTP2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
/// Bytes of one connection that an HTTP/2 client may send before they are read.
const HTTP2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;
/// Bytes of one stream that wait for an HTTP/2 client to take them.
const HTTP2_SEND_BUFFER_BYTES: usize = 64 * 1024;

/// Everything about a connection but its byte stream.
pub(super) struct Opened<H> {
    info: ConnectionInfo,
    listener: Arc<ListenerShared>,
    handler: Arc<H>,
    closing: Arc<Closing>,
    place: Place,
}

/// Finds out what the client speaks and starts the task that serves it.
pub(super) async fn establish<H: Handler>(
    stream: TcpStream,
    peer_address: SocketAddr,
    listener: Arc<ListenerShared>,
    place: Place,
    handler: Arc<H>,
    closing: Arc<Closing>,
) {
    let info = ConnectionInfo {
        listener: listener.index,
        peer_address,
        local_address: stream.local_addr().unwrap_or(listener.local_address),
        is_tls: false,
        server_name: None,
        protocol: ConnectionProtocol::Http1,
    };
    let mut context = Opened { info, listener, handler, closing, place };
    let closing = Arc::clone(&context.closing);
    let limit = context.listener.settings.handshake_timeout;
    let tls = context.listener.settings.tls.clone();
    let established = tokio::time::timeout(limit, async {
        match tls {
            None => sniff_plaintext(stream, &mut context.info).await.map(Established::Plain),
            Some(tls) => shake_hands(stream, &tls, &mut context.info).await.map(Established::Tls),
        }
    });
    let established = tokio::select! {
        biased;
        established = established => established,
        // It has asked for nothing yet.
        () = closing.wait() => return,
    };
    match established {
        Ok(Ok(Established::Plain(stream))) => start(stream, context),
        Ok(Ok(Established::Tls(stream))) => start(stream, context),
        Ok(Err(error)) => {
            tracing::debug!(%error, peer = %context.info.peer_address, "a connection was not established");
        }
        Err(_) => {
            tracing::debug!(peer = %context.info.peer_address, "a connection was not established in time")
        }
    }
}

enum Established {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

async fn sniff_plaintext(stream: TcpStream, info: &mut ConnectionInfo) -> io::Result<TcpStream> {
    if sniff::is_http2(&stream).await? {
        info.protocol = ConnectionProtocol::Http2;
    }
    Ok(stream)
}

async fn shake_hands(
    stream: TcpStream,
    tls: &ServerTls,
    info: &mut ConnectionInfo,
) -> io::Result<Box<TlsStream<TcpStream>>> {
    let stream = TlsAcceptor::from(tls.config()).accept(stream).await?;
    let session = stream.get_ref().1;
    info.is_tls = true;
    info.server_name = session.server_name().map(Into::into);
    if session.alpn_protocol() == Some(b"h2") {
        info.protocol = ConnectionProtocol::Http2;
    }
    Ok(Box::new(stream))
}

fn start<T, H>(stream: T, context: Opened<H>)
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    match context.info.protocol {
        ConnectionProtocol::Http1 => tokio::spawn(serve_http1(TokioIo::new(stream), context)),
        ConnectionProtocol::Http2 => tokio::spawn(serve_http2(TokioIo::new(stream), context)),
    };
}

async fn serve_http1<T, H>(stream: T, context: Opened<H>)
where
    T: Read + Write + Unpin + Send + 'static,
    H: Handler,
{
    let Opened { info, listener, handler, closing, place: _place } = context;
    let ListenerSettings { head_timeout, keep_alive_timeout, http1_buffer_bytes_max, .. } = listener.settings;
    let timer = HeadTimer::new(keep_alive_timeout, head_timeout);
    let stream = timer.watch(stream);
    let connection = http1::Builder::new()
        .timer(timer)
        .header_read_timeout(head_timeout)
        .keep_alive(true)
        // A client that leaves cancels its request.
        .half_close(false)
        // Together: one write a response, and a bound on what a client that does not read can hold.
        .writev(false)
        .max_buf_size(http1_buffer_bytes_max.max(8 * 1024))
        .serve_connection(stream, service_fn(answer(handler, Arc::new(info))));
    drive(connection, &closing).await;
}

async fn serve_http2<T, H>(stream: T, context: Opened<H>)
where
    T: Read + Write + Unpin + Send + 'static,
    H: Handler,
{
    let Opened { info, listener, handler, closing, place: _place } = context;
    let settings = &listener.settings;
    let connection = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(settings.http2_streams_max)
        .max_header_list_size(settings.http2_header_list_bytes_max)
        .max_pending_accept_reset_streams(HTTP2_PENDING_RESETS_MAX)
        .max_local_error_reset_streams(HTTP2_ERROR_RESETS_MAX)
        .initial_stream_window_size(HTTP2_STREAM_WINDOW_BYTES)
        .initial_connection_window_size(HTTP2_CONNECTION_WINDOW_BYTES)
        .max_send_buf_size(HTTP2_SEND_BUFFER_BYTES)
        .keep_alive_interval(settings.http2_ping_interval)
        .keep_alive_timeout(settings.http2_ping_timeout)
        .serve_connection(stream, service_fn(answer(handler, Arc::new(info))));
    drive(connection, &closing).await;
}

/// The handler as hyper wants it. Its future is boxed: hyper keeps the place for one as long as the connection lives.
fn answer<H: Handler>(
    handler: Arc<H>,
    info: Arc<ConnectionInfo>,
) -> impl Fn(http::Request<hyper::body::Incoming>) -> BoxedAnswer<H::Body> {
    move |request| {
        let answer = Arc::clone(&handler).handle(request, Arc::clone(&info));
        Box::pin(async move { Ok(answer.await) })
    }
}

type BoxedAnswer<B> = Pin<Box<dyn Future<Output = Result<http::Response<B>, Infallible>> + Send>>;

/// A connection of hyper's that can be asked to close after its exchange.
trait Graceful: Future<Output = hyper::Result<()>> {
    fn close_after_exchange(self: Pin<&mut Self>);
}

impl<T, S, B> Graceful for http1::Connection<T, S>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    T: Read + Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn close_after_exchange(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

impl<T, S, B, E> Graceful for http2::Connection<T, S, E>
where
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    T: Read + Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn close_after_exchange(self: Pin<&mut Self>) {
        self.graceful_shutdown();
    }
}

/// Drives a connection to its end, and asks it once to close when the worker does.
async fn drive<C: Graceful>(connection: C, closing: &Closing) {
    let mut connection = pin!(connection);
    let mut notified = pin!(closing.notified());
    let (mut is_registered, mut is_asked) = (false, false);
    let end = poll_fn(|cx: &mut Context<'_>| -> Poll<hyper::Result<()>> {
        // Polled once: it has this task's waker from then on, and the flag says the rest.
        if !is_registered {
            is_registered = true;
            let _ = notified.as_mut().poll(cx);
        }
        if !is_asked && closing.is_set() {
            is_asked = true;
            connection.as_mut().close_after_exchange();
        }
        connection.as_mut().poll(cx)
    });
    if let Err(error) = end.await {
        tracing::debug!(%error, "a connection ended with an error");
    }
}
