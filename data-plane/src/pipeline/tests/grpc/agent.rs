//! A gRPC agent that answers every call by the same script.

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures_util::stream;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto::Builder;
use tokio::net::TcpListener;
use tokio::sync::{Notify, mpsc};

/// A step of an answer.
#[derive(Clone, Debug)]
pub(super) enum Script {
    /// The head, with these headers besides the content type. First, if at all.
    Head(HeaderMap),
    /// An answer of headers alone.
    Only(HeaderMap),
    /// An answer with this HTTP status and content type.
    Foreign(u16, &'static str),
    /// Bytes of messages.
    Data(Vec<u8>),
    /// The same bytes without end.
    Endless(Vec<u8>),
    /// The end.
    Trailers(HeaderMap),
    /// Nothing, until the test says so: a reset overtakes what was sent before it.
    Wait(Arc<Notify>),
    /// The stream is reset.
    Reset,
    /// Nothing more.
    Hang,
}

/// A call as it came.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) path: String,
    pub(super) authority: String,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

pub(super) struct GrpcAgent {
    pub(super) address: SocketAddr,
    calls: Arc<Mutex<Vec<Asked>>>,
    /// Hears of every answer that is let go of.
    pub(super) ended: mpsc::Receiver<()>,
    /// Bytes of endless answers that were taken.
    pub(super) taken: Arc<std::sync::atomic::AtomicUsize>,
}

impl GrpcAgent {
    pub(super) async fn start(script: Vec<Script>) -> Self {
        Self::at(TcpListener::bind("127.0.0.1:0").await.unwrap(), script)
    }

    pub(super) fn at(listener: TcpListener, script: Vec<Script>) -> Self {
        let address = listener.local_addr().unwrap();
        let (calls, taken) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::default());
        let (hears, ended) = mpsc::channel(64);
        let shared = Shared { script, calls: Arc::clone(&calls), hears, taken: Arc::clone(&taken) };
        tokio::spawn(async move {
            loop {
                let (socket, _) = listener.accept().await.unwrap();
                let shared = shared.clone();
                let service = service_fn(move |request| {
                    let shared = shared.clone();
                    async move { Ok::<_, Infallible>(answer(request, shared).await) }
                });
                tokio::spawn(async move {
                    let server = Builder::new(TokioExecutor::new());
                    // What fails is the gateway's to report.
                    let _ = server.serve_connection(TokioIo::new(socket), service).await;
                });
            }
        });
        Self { address, calls, ended, taken }
    }

    pub(super) fn calls(&self) -> Vec<Asked> {
        self.calls.lock().unwrap().clone()
    }
}

#[derive(Clone)]
struct Shared {
    script: Vec<Script>,
    calls: Arc<Mutex<Vec<Asked>>>,
    hears: mpsc::Sender<()>,
    taken: Arc<std::sync::atomic::AtomicUsize>,
}

struct OnDrop(mpsc::Sender<()>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        // The test may be over.
        let _ = self.0.try_send(());
    }
}

type Body = UnsyncBoxBody<Bytes, io::Error>;

/// Its card names one server for everything, which takes JSON-RPC below a path.
fn card(request: &Request<Incoming>) -> Response<Body> {
    let host = request.headers()["host"].to_str().unwrap();
    let card = format!(
        r#"{{"name":"a","description":"d","version":"1","capabilities":{{}},"defaultInputModes":[],"defaultOutputModes":[],"skills":[],"supportedInterfaces":[{{"url":"http://{host}/rpc","protocolBinding":"JSONRPC","protocolVersion":"1.0"}},{{"url":"{host}","protocolBinding":"GRPC","protocolVersion":"1.0"}}]}}"#
    );
    json(card)
}

fn json(text: impl Into<Bytes>) -> Response<Body> {
    let body = http_body_util::Full::new(text.into()).map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(body);
    response.headers_mut().insert("content-type", HeaderValue::from_static("application/json"));
    response
}

async fn answer(request: Request<Incoming>, shared: Shared) -> Response<Body> {
    if request.method() == http::Method::GET {
        return card(&request);
    }
    if request.version() < http::Version::HTTP_2 {
        assert_eq!(request.uri().path(), "/rpc");
        return json(r#"{"jsonrpc":"2.0","id":1,"result":{"id":"t","contextId":"c"}}"#);
    }
    let on_drop = OnDrop(shared.hears.clone());
    let (parts, body) = request.into_parts();
    let body = body.collect().await.unwrap().to_bytes().to_vec();
    let authority = parts.uri.authority().unwrap().to_string();
    let asked = Asked { path: parts.uri.path().to_owned(), authority, headers: parts.headers, body };
    shared.calls.lock().unwrap().push(asked);
    let mut steps = shared.script.into_iter().peekable();
    let empty = http_body_util::Empty::new().map_err(|never| match never {}).boxed_unsync();
    let mut response = Response::new(empty);
    let grpc = HeaderValue::from_static("application/grpc");
    match steps.next() {
        Some(Script::Head(headers)) => {
            *response.headers_mut() = headers;
            response.headers_mut().insert("content-type", grpc);
        }
        Some(Script::Only(headers)) => {
            *response.headers_mut() = headers;
            response.headers_mut().insert("content-type", grpc);
            return response;
        }
        Some(Script::Foreign(status, content_type)) => {
            *response.status_mut() = status.try_into().unwrap();
            let headers = response.headers_mut();
            headers.insert("content-type", HeaderValue::from_static(content_type));
            headers.insert("www-authenticate", HeaderValue::from_static("Basic"));
            headers.insert("location", HeaderValue::from_static("http://inside/"));
            return response;
        }
        _ => std::future::pending().await,
    }
    let taken = shared.taken;
    let frames = stream::unfold((steps, on_drop), move |(mut steps, on_drop)| {
        let taken = Arc::clone(&taken);
        async move {
            if let Some(Script::Endless(data)) = steps.peek() {
                taken.fetch_add(data.len(), std::sync::atomic::Ordering::SeqCst);
                return Some((Ok(Frame::data(Bytes::from(data.clone()))), (steps, on_drop)));
            }
            if let Some(Script::Wait(signal)) = steps.next_if(|step| matches!(step, Script::Wait(_))) {
                signal.notified().await;
            }
            let frame = match steps.next()? {
                Script::Data(data) => Ok(Frame::data(Bytes::from(data))),
                Script::Trailers(trailers) => Ok(Frame::trailers(trailers)),
                Script::Reset => Err(io::Error::other("as the test says")),
                _ => std::future::pending().await,
            };
            Some((frame, (steps, on_drop)))
        }
    });
    response.map(|_| StreamBody::new(frames).boxed_unsync())
}
