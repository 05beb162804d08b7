//! One HTTP/2 connection to an agent, shared by many streams.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http::header::{HOST, HeaderName};
use http::uri::Parts;
use http::{Request, Response, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, Connection, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use super::endpoint::Endpoint;
use super::error::{UpstreamError, UpstreamErrorKind};
use super::transport::Transport;

/// Streams assumed to be allowed until the agent's own settings have arrived.
const STREAMS_BEFORE_SETTINGS: usize = 16;
/// Streams put on one connection, whatever the agent allows.
const STREAMS_MAX: u32 = 100;
/// Most bytes that one stream may have in flight towards the gateway.
const STREAM_WINDOW_BYTES: u32 = 128 * 1024;
/// Most bytes that one connection may have in flight towards the gateway: enough for all its streams, so that callers
/// who do not read hold up their own streams alone.
const CONNECTION_WINDOW_BYTES: u32 = STREAMS_MAX * STREAM_WINDOW_BYTES;
/// Largest response head.
const HEADER_LIST_BYTES_MAX: u32 = 32 * 1024;
/// Silence after which an agent with open streams is asked for a sign of life.
const PING_INTERVAL: Duration = Duration::from_secs(30);
/// Time for that sign of life.
const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Headers that HTTP/2 does not know (RFC 9113, 8.2.2), or that the client sets itself.
const NOT_PASSED_ON: [HeaderName; 8] = [
    HOST,
    http::header::CONTENT_LENGTH,
    http::header::EXPECT,
    http::header::CONNECTION,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// One HTTP/2 connection; clones share it. It ends when the last clone is gone and its streams have ended.
#[derive(Debug, Clone)]
pub(super) struct Http2Connection {
    sender: SendRequest<Full<Bytes>>,
    load: Arc<Load>,
}

/// What the pool and the connection's task tell each other.
#[derive(Debug)]
struct Load {
    streams_open: AtomicUsize,
    streams_allowed: AtomicUsize,
}

/// One stream's place on a connection; dropping it frees the place.
#[derive(Debug)]
pub(super) struct StreamPlace(Arc<Load>);

impl Drop for StreamPlace {
    fn drop(&mut self) {
        self.0.streams_open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Http2Connection {
    pub(super) async fn start(transport: Transport) -> Result<Self, UpstreamError> {
        let failed =
            |source: hyper::Error| UpstreamError::before_sending(UpstreamErrorKind::Reset).because(source);
        let (sender, connection) = Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_max_send_streams(STREAMS_BEFORE_SETTINGS)
            .initial_stream_window_size(STREAM_WINDOW_BYTES)
            .initial_connection_window_size(CONNECTION_WINDOW_BYTES)
            .max_header_list_size(HEADER_LIST_BYTES_MAX)
            .keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .handshake(TokioIo::new(transport))
            .await
            .map_err(failed)?;
        let load = Arc::new(Load {
            streams_open: AtomicUsize::new(0),
            streams_allowed: AtomicUsize::new(STREAMS_BEFORE_SETTINGS),
        });
        tokio::spawn(Driver { connection, load: Arc::clone(&load) });
        Ok(Self { sender, load })
    }

    /// Whether the agent has closed it or said GOAWAY; open streams may still be served.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed()
    }

    /// Streams open now.
    pub(super) fn streams_open(&self) -> usize {
        self.load.streams_open.load(Ordering::Relaxed)
    }

    /// Takes a place for one more stream, if the agent allows one more.
    pub(super) fn take_place(&self) -> Option<StreamPlace> {
        let allowed = self.load.streams_allowed.load(Ordering::Relaxed).min(STREAMS_MAX as usize);
        (self.streams_open() < allowed).then(|| self.force_place())
    }

    /// Takes a place even where the stream then has to wait for another to end.
    pub(super) fn force_place(&self) -> StreamPlace {
        self.load.streams_open.fetch_add(1, Ordering::Relaxed);
        StreamPlace(Arc::clone(&self.load))
    }

    /// Sends a request and waits for the response head.
    ///
    /// Cancelling resets the stream and leaves the connection to the others.
    pub(super) async fn send(
        &mut self,
        endpoint: &Endpoint,
        request: &Request<Bytes>,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let request = prepare(endpoint, request)?;
        self.sender.try_send_request(request).await.map_err(|error| {
            let is_unsent = error.message().is_some();
            let error = error.into_error();
            let nothing_sent = is_unsent || was_not_processed(&error);
            classify(error, nothing_sent)
        })
    }
}

/// hyper's error in the gateway's terms.
fn classify(error: hyper::Error, nothing_sent: bool) -> UpstreamError {
    let kind = if error.is_user() { UpstreamErrorKind::InvalidRequest } else { UpstreamErrorKind::Reset };
    let classified =
        if nothing_sent { UpstreamError::before_sending(kind) } else { UpstreamError::after_sending(kind) };
    classified.because(error)
}

/// Whether the agent promises that it has not acted on the request (RFC 9113, 8.7).
fn was_not_processed(error: &hyper::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if let Some(error) = cause.downcast_ref::<h2::Error>() {
            return error.is_remote() && error.reason() == Some(h2::Reason::REFUSED_STREAM);
        }
        source = cause.source();
    }
    false
}

/// The request in the form that HTTP/2 wants: scheme and authority in the target, no connection headers.
fn prepare(endpoint: &Endpoint, request: &Request<Bytes>) -> Result<Request<Full<Bytes>>, UpstreamError> {
    let invalid = || UpstreamError::before_sending(UpstreamErrorKind::InvalidRequest);
    let mut parts = Parts::default();
    parts.scheme = Some(endpoint.scheme().clone());
    parts.authority = Some(endpoint.authority().cloned().ok_or_else(invalid)?);
    parts.path_and_query = Some(request.uri().path_and_query().cloned().ok_or_else(invalid)?);
    let mut prepared = Request::new(Full::new(request.body().clone()));
    *prepared.method_mut() = request.method().clone();
    *prepared.uri_mut() = Uri::from_parts(parts).map_err(|source| invalid().because(source))?;
    *prepared.version_mut() = http::Version::HTTP_2;
    *prepared.headers_mut() = request.headers().clone();
    for name in &NOT_PASSED_ON {
        prepared.headers_mut().remove(name);
    }
    Ok(prepared)
}

/// The connection's task: hyper's own future, and a note of how many streams the agent allows after each turn.
struct Driver {
    connection: Connection<TokioIo<Transport>, Full<Bytes>, TokioExecutor>,
    load: Arc<Load>,
}

impl Future for Driver {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        let done = Pin::new(&mut self.connection).poll(cx);
        self.load.streams_allowed.store(self.connection.current_max_send_streams(), Ordering::Relaxed);
        done.map(|result| {
            if let Err(error) = result {
                tracing::trace!(%error, "connection to an agent ended");
            }
        })
    }
}
