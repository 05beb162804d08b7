//! A real listener on loopback, and clients of all kinds.

mod http;
mod http2;
mod shutdown;
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use ::http::{Request, Response};
use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::accept::accept;
use super::listener::{Listener, ListenerSettings};
use super::worker::{ConnectionInfo, Handler, Workers};
use crate::drain::Drain;

/// Longer than any test; tests wait for events, never for this.
const PATIENCE: Duration = Duration::from_secs(20);

/// A handler made of a function.
struct Answer<F>(F);

impl<F, R> Handler for Answer<F>
where
    F: Fn(Request<Incoming>, Arc<ConnectionInfo>) -> R + Send + Sync + 'static,
    R: Future<Output = Response<Full<Bytes>>> + Send + 'static,
{
    type Body = Full<Bytes>;

    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Arc<ConnectionInfo>,
    ) -> impl Future<Output = Response<Full<Bytes>>> + Send {
        (self.0)(request, connection)
    }
}

/// A running server.
struct Server {
    address: SocketAddr,
    workers: Arc<Workers>,
    drain: Drain,
}

impl Server {
    fn start<H: Handler>(
        settings: ListenerSettings,
        workers: usize,
        make: impl Fn(usize) -> H + Send + Sync + 'static,
    ) -> Self {
        let listener = Listener::bind(7, "127.0.0.1:0".parse().unwrap(), settings).unwrap();
        let address = listener.local_address();
        let workers = Arc::new(Workers::start(workers, make).unwrap());
        let drain = Drain::new();
        tokio::spawn(accept(listener, Arc::clone(&workers), drain.clone()));
        Self { address, workers, drain }
    }

    /// Answers every request with what is known of its connection.
    fn telling(settings: ListenerSettings) -> Self {
        Self::start(settings, 1, |_| {
            Answer(|request: Request<Incoming>, connection: Arc<ConnectionInfo>| async move {
                let length = request.into_body().collect().await.map_or(0, |body| body.to_bytes().len());
                let ConnectionInfo { listener, is_tls, server_name, protocol, .. } = &*connection;
                let name = server_name.as_deref().unwrap_or("-");
                text(format!("{listener} {protocol:?} tls={is_tls} name={name} body={length}"))
            })
        })
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

fn text(text: impl Into<String>) -> Response<Full<Bytes>> {
    Response::new(Full::new(Bytes::from(text.into())))
}

/// Sends one HTTP/1.1 request and reads its answer, which must have a length.
async fn exchange(stream: &mut TcpStream, request: &str) -> String {
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&answer).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
            if body.len() >= length.map_or(0, |length| length.parse().unwrap()) {
                return text;
            }
        }
        assert!(stream.read_buf(&mut answer).await.unwrap() > 0, "closed after {text:?}");
    }
}

/// Reads until the server closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    // A reset is a close, too.
    let _ = stream.read_to_end(&mut rest).await;
    String::from_utf8(rest).unwrap()
}

/// Calls with HTTP/2 over any stream.
async fn call_http2<T>(stream: T) -> String
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let executor = hyper_util::rt::TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, hyper_util::rt::TokioIo::new(stream)).await.unwrap();
    tokio::spawn(connection);
    let request =
        Request::post("http://gateway.example/").body(Full::new(Bytes::from_static(b"abc"))).unwrap();
    let response = sender.send_request(request).await.unwrap();
    String::from_utf8(response.into_body().collect().await.unwrap().to_bytes().to_vec()).unwrap()
}

/// A body that the handler's test controls.
type Frames = http_body_util::combinators::UnsyncBoxBody<Bytes, Infallible>;
