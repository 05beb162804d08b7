//! A gRPC caller over HTTP/2 with prior knowledge.

use std::net::SocketAddr;

use base64::Engine as _;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Request, Response};
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper::client::conn::http2::{Builder, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use prost::Message as _;
use tokio::net::TcpStream;

use super::{HOST, PATIENCE};

pub(super) struct Caller(SendRequest<Full<Bytes>>);

/// A whole answer.
#[derive(Debug)]
pub(super) struct Heard {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) data: Vec<u8>,
    pub(super) trailers: Option<HeaderMap>,
    pub(super) is_reset: bool,
}

impl Heard {
    /// A trailer or, where there are none, a header.
    pub(super) fn word(&self, name: &str) -> Option<&HeaderValue> {
        self.trailers.as_ref().and_then(|trailers| trailers.get(name)).or_else(|| self.headers.get(name))
    }

    /// The reason of the `ErrorInfo` in the details.
    pub(super) fn reason(&self) -> String {
        let details = self.word("grpc-status-details-bin").expect("details");
        let details = base64::engine::general_purpose::STANDARD_NO_PAD.decode(details).unwrap();
        reason(&details)
    }
}

#[derive(Clone, PartialEq, prost::Message)]
struct Status {
    #[prost(message, repeated, tag = "3")]
    details: Vec<Any>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Any {
    #[prost(string, tag = "1")]
    type_url: String,
    #[prost(bytes = "vec", tag = "2")]
    value: Vec<u8>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct ErrorInfo {
    #[prost(string, tag = "1")]
    reason: String,
}

fn reason(details: &[u8]) -> String {
    let status = Status::decode(details).unwrap();
    assert!(status.details[0].type_url.ends_with("/google.rpc.ErrorInfo"));
    ErrorInfo::decode(&*status.details[0].value).unwrap().reason
}

impl Caller {
    pub(super) async fn connect(address: SocketAddr) -> Self {
        let socket = TcpStream::connect(address).await.unwrap();
        let (sender, connection) =
            Builder::new(TokioExecutor::new()).handshake(TokioIo::new(socket)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends a request with gRPC's own headers, which `headers` may replace, and waits for the head.
    pub(super) async fn open(&mut self, path: &str, headers: HeaderMap, body: &[u8]) -> Response<Incoming> {
        self.send("POST", HOST, path, headers, body).await
    }

    pub(super) async fn send(
        &mut self,
        method: &str,
        host: &str,
        path: &str,
        headers: HeaderMap,
        body: &[u8],
    ) -> Response<Incoming> {
        let request = Request::builder().method(method).uri(format!("http://{host}{path}"));
        let mut request = request.body(Full::new(Bytes::copy_from_slice(body))).unwrap();
        request.headers_mut().insert("content-type", HeaderValue::from_static("application/grpc"));
        request.headers_mut().insert("te", HeaderValue::from_static("trailers"));
        for (name, value) in &headers {
            request.headers_mut().insert(name, value.clone());
        }
        tokio::time::timeout(PATIENCE, self.0.send_request(request)).await.unwrap().unwrap()
    }

    /// A call and its whole answer.
    pub(super) async fn call(&mut self, path: &str, headers: HeaderMap, body: &[u8]) -> Heard {
        hear(self.open(path, headers, body).await).await
    }
}

/// The rest of an answer.
pub(super) async fn hear(response: Response<Incoming>) -> Heard {
    let (parts, mut body) = response.into_parts();
    let mut heard = Heard {
        status: parts.status.as_u16(),
        headers: parts.headers,
        data: Vec::new(),
        trailers: None,
        is_reset: false,
    };
    while let Some(frame) = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap() {
        match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) => heard.data.extend_from_slice(&data),
                Err(frame) => heard.trailers = frame.into_trailers().ok(),
            },
            Err(_) => {
                heard.is_reset = true;
                return heard;
            }
        }
    }
    heard
}

/// The next bytes of an answer.
pub(super) async fn next(body: &mut Incoming) -> Vec<u8> {
    let frame = tokio::time::timeout(PATIENCE, body.frame()).await.unwrap();
    frame.unwrap().unwrap().into_data().unwrap().to_vec()
}
