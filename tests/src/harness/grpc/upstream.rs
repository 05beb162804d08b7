//! A gRPC agent made of a closure: it keeps the calls that arrive, and answers with any head, messages and trailers.

use std::{
    net::SocketAddr,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue};
use http_body_util::{BodyExt as _, Either, Empty, StreamBody};
use hyper::{
    body::{Frame, Incoming},
    service::service_fn,
};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{
    net::{TcpListener, TcpStream},
    sync::{mpsc, oneshot},
};
use tokio_stream::wrappers::ReceiverStream;

use super::{Metadata, find, frame, metadata_of, unframe};

/// Frames that wait to be taken; then the closure waits.
const FRAMES_MAX: usize = 64;

/// A call as it arrived, whole.
#[derive(Debug, Clone)]
pub struct GrpcRequest {
    /// `/package.Service/Method`.
    pub path: String,
    /// The authority that was called.
    pub authority: String,
    /// Names in lower case and values, in order.
    pub headers: Metadata,
    /// Messages without their prefixes.
    pub messages: Vec<Vec<u8>>,
}

impl GrpcRequest {
    /// The first header of a name.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }

    /// The method's name without its service.
    #[must_use]
    pub fn method(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }
}

/// Whether anything follows the head.
type HasBody = bool;
type Frames = mpsc::Sender<Result<Frame<Bytes>, std::io::Error>>;

/// The answer in the making.
pub struct Reply {
    head: Option<oneshot::Sender<(http::response::Parts, HasBody)>>,
    frames: Frames,
}

impl Reply {
    /// Sends the head with metadata.
    pub fn head(&mut self, metadata: &[(&str, &str)]) {
        self.send_head(metadata, true);
    }

    fn send_head(&mut self, metadata: &[(&str, &str)], has_body: HasBody) {
        let (mut parts, ()) = http::Response::new(()).into_parts();
        parts.headers.insert("content-type", HeaderValue::from_static("application/grpc"));
        parts.headers.extend(headers_of(metadata));
        // The caller may have gone.
        let _ = self.head.take().expect("one head").send((parts, has_body));
    }

    /// Sends a message; the head too if it has not gone.
    pub fn message(&mut self, message: &[u8]) {
        self.bytes(&frame(message));
    }

    /// Sends bytes as they are, such as a part of a message.
    pub fn bytes(&mut self, bytes: &[u8]) {
        if self.head.is_some() {
            self.head(&[]);
        }
        let _ = self.frames.blocking_send(Ok(Frame::data(Bytes::copy_from_slice(bytes))));
    }

    /// Ends the answer with trailers.
    pub fn end(&mut self, trailers: &[(&str, &str)]) {
        if self.head.is_some() {
            self.head(&[]);
        }
        let _ = self.frames.blocking_send(Ok(Frame::trailers(headers_of(trailers))));
    }

    /// Ends the answer before it began: the trailers are its head.
    pub fn trailers_only(&mut self, trailers: &[(&str, &str)]) {
        self.send_head(trailers, false);
    }

    /// Breaks the stream off.
    pub fn reset(&mut self) {
        let _ = self.frames.blocking_send(Err(std::io::Error::other("as the test says")));
    }

    /// Waits until the caller has gone.
    pub fn wait_until_cancelled(&self) {
        while !self.frames.is_closed() {
            std::thread::sleep(crate::harness::LOOK_INTERVAL);
        }
    }
}

fn headers_of(metadata: &[(&str, &str)]) -> HeaderMap {
    let pair = |(name, value): &(&str, &str)| {
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a right name");
        (name, HeaderValue::from_bytes(value.as_bytes()).expect("a right value"))
    };
    metadata.iter().map(pair).collect()
}

type Answer = dyn Fn(&GrpcRequest, &mut Reply) + Send + Sync;

/// A running scripted gRPC agent. Its threads end with the test's process.
pub struct GrpcUpstream {
    address: SocketAddr,
    calls: Arc<Mutex<Vec<GrpcRequest>>>,
    open: Arc<AtomicUsize>,
}

impl GrpcUpstream {
    /// Listens on a free port of loopback and answers each call by the closure, in a thread of its own.
    #[must_use]
    pub fn start(answer: impl Fn(&GrpcRequest, &mut Reply) + Send + Sync + 'static) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let (calls, open) = (Arc::default(), Arc::default());
        let shared = Shared { answer: Arc::new(answer), calls: Arc::clone(&calls), open: Arc::clone(&open) };
        std::thread::spawn(move || {
            runtime.block_on(async move {
                while let Ok((socket, _)) = listener.accept().await {
                    tokio::spawn(serve(socket, shared.clone()));
                }
            });
        });
        Self { address, calls, open }
    }

    /// Base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The calls that have arrived so far.
    #[must_use]
    pub fn calls(&self) -> Vec<GrpcRequest> {
        self.calls.lock().expect("no holder has panicked").clone()
    }

    /// Calls whose closure is still running.
    #[must_use]
    pub fn open(&self) -> usize {
        self.open.load(Ordering::SeqCst)
    }
}

#[derive(Clone)]
struct Shared {
    answer: Arc<Answer>,
    calls: Arc<Mutex<Vec<GrpcRequest>>>,
    open: Arc<AtomicUsize>,
}

async fn serve(socket: TcpStream, shared: Shared) {
    socket.set_nodelay(true).expect("the delay can be turned off");
    let own = service_fn(|request| {
        let shared = shared.clone();
        async move { respond(request, shared).await }
    });
    // A connection that fails is the gateway's to report.
    let _ = hyper::server::conn::http2::Builder::new(TokioExecutor::new())
        .serve_connection(TokioIo::new(socket), own)
        .await;
}

type Messages = StreamBody<ReceiverStream<Result<Frame<Bytes>, std::io::Error>>>;
type Body = Either<Messages, Empty<Bytes>>;

/// Answers a call; an error, which resets it, where the closure sends not even a head.
async fn respond(
    request: http::Request<Incoming>,
    shared: Shared,
) -> Result<http::Response<Body>, std::io::Error> {
    let path = request.uri().path().to_owned();
    let authority = request.uri().authority().map(ToString::to_string).unwrap_or_default();
    let headers = metadata_of(request.headers());
    let body = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
    let mut buffer = BytesMut::from(&body[..]);
    let messages = std::iter::from_fn(|| unframe(&mut buffer)).collect();
    let call = GrpcRequest { path, authority, headers, messages };
    shared.calls.lock().expect("no holder has panicked").push(call.clone());

    let (frames, received) = mpsc::channel(FRAMES_MAX);
    let (head, parts) = oneshot::channel();
    let mut reply = Reply { head: Some(head), frames };
    shared.open.fetch_add(1, Ordering::SeqCst);
    std::thread::spawn(move || {
        (shared.answer)(&call, &mut reply);
        shared.open.fetch_sub(1, Ordering::SeqCst);
    });
    let (parts, has_body) = parts.await.map_err(std::io::Error::other)?;
    let messages = StreamBody::new(ReceiverStream::new(received));
    let body = if has_body { Either::Left(messages) } else { Either::Right(Empty::new()) };
    Ok(http::Response::from_parts(parts, body))
}
