//! One connection from its first byte to its last.
//!
//! Establishing (TLS, sniffing) and serving are tasks of their own: a task is as large as the largest protocol that it
//! can become, for as long as it lives.

use std::convert::Infallible;
use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::FutureExt as _;
use hyper::rt::{Read, Write};
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

use super::activity::{Activity, BusyBody};
use super::closing::{CloseSignal, Closing};
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
    let failed = &context.listener.settings.counters.failed;
    match established {
        Ok(Ok(Established::Plain(stream))) => start(stream, context),
        Ok(Ok(Established::Tls(stream))) => start(stream, context),
        Ok(Err(error)) => {
            failed.increment();
            tracing::debug!(%error, peer = %context.info.peer_address, "a connection was not established");
        }
        Err(_) => {
            failed.increment();
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

fn start<T, H>(stream: T, opened: Opened<H>)
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    H: Handler,
{
    match opened.info.protocol {
        ConnectionProtocol::Http1 => tokio::spawn(serve_http1(TokioIo::new(stream), opened)),
        ConnectionProtocol::Http2 => tokio::spawn(serve_http2(TokioIo::new(stream), opened)),
    };
}

fn serve_http1<T, H>(stream: T, opened: Opened<H>) -> Driven<impl Graceful>
where
    T: Read + Write + Unpin + Send + 'static,
    H: Handler,
{
    let Opened { info, listener, handler, closing, place } = opened;
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
    Driven { connection, idle: None, closing: closing.signal(), is_asked: false, _place: place }
}

fn serve_http2<T, H>(stream: T, opened: Opened<H>) -> Driven<impl Graceful>
where
    T: Read + Write + Unpin + Send + 'static,
    H: Handler,
{
    let Opened { info, listener, handler, closing, place } = opened;
    let settings = &listener.settings;
    let activity = Activity::new();
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
        .serve_connection(stream, service_fn(answer_busy(handler, Arc::new(info), Arc::clone(&activity))));
    let timeout = settings.keep_alive_timeout;
    let idle: Idle = Box::pin(async move { activity.idle_for(timeout).await });
    let connection = Box::pin(connection);
    Driven { connection, idle: Some(idle), closing: closing.signal(), is_asked: false, _place: place }
}

/// The handler as hyper wants it. Its future is boxed: hyper keeps the place for one as long as the connection lives.
fn answer<H: Handler>(
    handler: Arc<H>,
    info: Arc<ConnectionInfo>,
) -> impl Fn(http::Request<hyper::body::Incoming>) -> BoxedAnswer<H::Body> {
    move |request| {
        // Mapped and not awaited in an async block, which would hold the handler's future twice.
        Box::pin(Arc::clone(&handler).handle(request, Arc::clone(&info)).map(Ok))
    }
}

/// The same, and the connection counts as in use until the response body has ended.
fn answer_busy<H: Handler>(
    handler: Arc<H>,
    info: Arc<ConnectionInfo>,
    activity: Arc<Activity>,
) -> impl Fn(http::Request<hyper::body::Incoming>) -> BoxedAnswer<BusyBody<H::Body>> {
    move |request| {
        let busy = activity.begin();
        let answer = Arc::clone(&handler).handle(request, Arc::clone(&info));
        Box::pin(answer.map(|answer| Ok(answer.map(|body| busy.with(body)))))
    }
}

type BoxedAnswer<B> = Pin<Box<dyn Future<Output = Result<http::Response<B>, Infallible>> + Send>>;

/// A connection of hyper's that can be asked to close after its exchange.
trait Graceful: Future<Output = hyper::Result<()>> + Send + Unpin + 'static {
    fn close_after_exchange(&mut self);
}

impl<T, S, B> Graceful for http1::Connection<T, S>
where
    Self: Future<Output = hyper::Result<()>> + Send + Unpin + 'static,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    T: Read + Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    fn close_after_exchange(&mut self) {
        Pin::new(self).graceful_shutdown();
    }
}

impl<T, S, B, E> Graceful for Pin<Box<http2::Connection<T, S, E>>>
where
    Self: Future<Output = hyper::Result<()>> + Send + Unpin + 'static,
    S: hyper::service::HttpService<hyper::body::Incoming, ResBody = B>,
    S::Error: Into<Box<dyn Error + Send + Sync>>,
    T: Read + Write + Unpin,
    B: http_body::Body + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
    E: hyper::rt::bounds::Http2ServerConnExec<S::Future, B>,
{
    fn close_after_exchange(&mut self) {
        self.as_mut().graceful_shutdown();
    }
}

type Idle = Pin<Box<dyn Future<Output = ()> + Send>>;

/// The task of a connection: drives it to its end, and asks it once to close, when the worker closes or when it has been
/// idle for too long. Written by hand, since an async function would hold the connection's kilobyte twice.
struct Driven<C> {
    connection: C,
    idle: Option<Idle>,
    closing: CloseSignal,
    is_asked: bool,
    _place: Place,
}

impl<C: Graceful> Future for Driven<C> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.is_asked {
            let is_idle = self.idle.as_mut().is_some_and(|idle| idle.as_mut().poll(cx).is_ready());
            if is_idle || self.closing.is_set(cx.waker()) {
                self.is_asked = true;
                self.idle = None;
                self.connection.close_after_exchange();
            }
        }
        Pin::new(&mut self.connection).poll(cx).map(|end| {
            if let Err(error) = end {
                tracing::debug!(%error, "a connection ended with an error");
            }
        })
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use http_body_util::Full;

    use super::*;

    struct Nothing;

    impl Handler for Nothing {
        type Body = Full<Bytes>;

        async fn handle(
            self: Arc<Self>,
            _: http::Request<hyper::body::Incoming>,
            _: Arc<ConnectionInfo>,
        ) -> http::Response<Full<Bytes>> {
            http::Response::default()
        }
    }

    fn size_of_future<A, B, F: Future>(_: fn(A, B) -> F) -> usize {
        size_of::<F>()
    }

    #[test]
    fn the_task_of_a_plain_connection_is_small() {
        let size = size_of_future(serve_http1::<TokioIo<TcpStream>, Nothing>);
        assert!(size <= 1_024, "{size} bytes for as long as the connection lives");
    }
}
