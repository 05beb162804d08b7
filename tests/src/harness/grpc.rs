//! gRPC as it lies on the wire: a client over HTTP/2 with prior knowledge that sees metadata, every message and the
//! trailers, and (in [`upstream`]) an agent made of a closure.

pub mod upstream;

use std::{net::SocketAddr, sync::mpsc, time::Duration};

use bytes::{Buf as _, Bytes, BytesMut};
use http::HeaderMap;
use http_body_util::{BodyExt as _, Full};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::{net::TcpStream, sync::oneshot};

pub use upstream::{GrpcRequest, GrpcUpstream, Reply};

use super::PATIENCE;

/// Bytes in front of each message: a flag for compression, and its length.
const PREFIX_BYTES: usize = 5;

/// Headers or trailers: names in lower case and values, in order.
pub type Metadata = Vec<(String, String)>;

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Answer {
    /// HTTP status.
    pub http_status: u16,
    /// Headers.
    pub headers: Metadata,
    /// Messages without their prefixes.
    pub messages: Vec<Vec<u8>>,
    /// Trailers; of an answer without a body these are its headers.
    pub trailers: Metadata,
    /// Whether the stream was reset instead of ending.
    pub reset: bool,
}

impl Answer {
    /// The gRPC status, from the trailers or, without a body, the headers.
    #[must_use]
    pub fn status(&self) -> Option<u32> {
        self.word("grpc-status")?.parse().ok()
    }

    /// The first trailer or, without trailers, header of a name.
    #[must_use]
    pub fn word(&self, name: &str) -> Option<&str> {
        find(&self.trailers, name).or_else(|| find(&self.headers, name))
    }
}

/// The first value of a name.
#[must_use]
pub fn find<'metadata>(metadata: &'metadata Metadata, name: &str) -> Option<&'metadata str> {
    metadata.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
}

/// A message with its prefix.
#[must_use]
pub fn frame(message: &[u8]) -> Vec<u8> {
    let length = u32::try_from(message.len()).expect("a message of a test is small");
    let mut framed = vec![0];
    framed.extend_from_slice(&length.to_be_bytes());
    framed.extend_from_slice(message);
    framed
}

/// Takes the first whole message off a buffer.
pub fn unframe(buffer: &mut BytesMut) -> Option<Vec<u8>> {
    let prefix = buffer.get(..PREFIX_BYTES)?;
    let length = u32::from_be_bytes(prefix[1..].try_into().expect("four bytes")) as usize;
    if buffer.len() < PREFIX_BYTES + length {
        return None;
    }
    buffer.advance(PREFIX_BYTES);
    Some(buffer.split_to(length).to_vec())
}

/// What comes from the other side.
enum Item {
    Head(u16, Metadata),
    Message(Vec<u8>),
    Trailers(Metadata),
    End,
    Reset(String),
}

/// A call whose answer is read bit by bit. Dropped early, it cancels the call.
pub struct GrpcStream {
    /// HTTP status.
    pub http_status: u16,
    /// Headers of the answer.
    pub headers: Metadata,
    items: mpsc::Receiver<Item>,
    _cancel: oneshot::Sender<()>,
}

/// How the messages of a stream ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// With these trailers, or none.
    Trailers(Metadata),
    /// With a reset.
    Reset(String),
}

impl GrpcStream {
    /// Sends a call with one message on a connection of its own, and reads the head of the answer.
    #[must_use]
    pub fn open(
        address: SocketAddr,
        authority: &str,
        path: &str,
        metadata: &[(&str, &str)],
        message: &[u8],
    ) -> Self {
        Self::open_raw(address, authority, path, metadata, &frame(message))
    }

    /// Sends a call with any bytes as its body.
    #[must_use]
    pub fn open_raw(
        address: SocketAddr,
        authority: &str,
        path: &str,
        metadata: &[(&str, &str)],
        body: &[u8],
    ) -> Self {
        let mut request = http::Request::post(format!("http://{authority}{path}"));
        if !metadata.iter().any(|(name, _)| *name == "content-type") {
            request = request.header("content-type", "application/grpc");
        }
        request = request.header("te", "trailers");
        for (name, value) in metadata {
            request = request.header(*name, *value);
        }
        let request = request.body(Full::new(Bytes::copy_from_slice(body))).expect("a right request");
        let (sender, items) = mpsc::channel();
        let (cancel, cancelled) = oneshot::channel();
        std::thread::spawn(move || {
            let runtime =
                tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
            runtime.block_on(async {
                tokio::select! {
                    () = exchange(address, request, &sender) => (),
                    _ = cancelled => (),
                }
            });
            // The connection says goodbye before its runtime goes.
            runtime.block_on(async { tokio::time::sleep(Duration::from_millis(5)).await });
        });
        match items.recv_timeout(PATIENCE) {
            Ok(Item::Head(http_status, headers)) => Self { http_status, headers, items, _cancel: cancel },
            Ok(Item::Reset(error)) => {
                Self { http_status: 0, headers: vec![("reset".to_owned(), error)], items, _cancel: cancel }
            }
            _ => panic!("no answer to {path}"),
        }
    }

    /// The next message, or how they ended.
    ///
    /// # Errors
    /// With the end, when there is no further message.
    pub fn message(&mut self) -> Result<Vec<u8>, End> {
        match self.items.recv_timeout(PATIENCE) {
            Ok(Item::Message(message)) => Ok(message),
            Ok(Item::Trailers(trailers)) => Err(End::Trailers(trailers)),
            Ok(Item::End) => Err(End::Trailers(Vec::new())),
            Ok(Item::Reset(error)) => Err(End::Reset(error)),
            Ok(Item::Head(..)) => panic!("a second head"),
            Err(mpsc::RecvTimeoutError::Disconnected) => Err(End::Reset("the call is over".to_owned())),
            Err(mpsc::RecvTimeoutError::Timeout) => panic!("neither message nor end for {PATIENCE:?}"),
        }
    }

    /// All that is left.
    #[must_use]
    pub fn whole(mut self) -> Answer {
        let mut messages = Vec::new();
        if self.http_status == 0 {
            let trailers = Vec::new();
            return Answer { http_status: 0, headers: self.headers, messages, trailers, reset: true };
        }
        let end = loop {
            match self.message() {
                Ok(message) => messages.push(message),
                Err(end) => break end,
            }
        };
        let (trailers, reset) = match end {
            End::Trailers(trailers) => (trailers, false),
            End::Reset(_) => (Vec::new(), true),
        };
        Answer { http_status: self.http_status, headers: self.headers, messages, trailers, reset }
    }
}

/// Makes one call and gives its whole answer.
#[must_use]
pub fn call(
    address: SocketAddr,
    authority: &str,
    path: &str,
    metadata: &[(&str, &str)],
    message: &[u8],
) -> Answer {
    GrpcStream::open(address, authority, path, metadata, message).whole()
}

async fn exchange(address: SocketAddr, request: http::Request<Full<Bytes>>, items: &mpsc::Sender<Item>) {
    let socket = TcpStream::connect(address).await.unwrap_or_else(|error| panic!("{address}: {error}"));
    socket.set_nodelay(true).expect("the delay can be turned off");
    let handshake = hyper::client::conn::http2::Builder::new(TokioExecutor::new());
    let (mut sender, connection) =
        handshake.handshake(TokioIo::new(socket)).await.expect("the other side speaks HTTP/2");
    tokio::spawn(connection);
    let item = match sender.send_request(request).await {
        Ok(answer) => {
            let (parts, body) = answer.into_parts();
            // The test may have let go of the call.
            let _ = items.send(Item::Head(parts.status.as_u16(), metadata_of(&parts.headers)));
            read(body, items).await
        }
        Err(error) => Item::Reset(error.to_string()),
    };
    let _ = items.send(item);
}

async fn read(mut body: Incoming, items: &mpsc::Sender<Item>) -> Item {
    let mut buffer = BytesMut::new();
    while let Some(frame) = body.frame().await {
        match frame {
            Ok(frame) => match frame.into_data() {
                Ok(data) => buffer.extend_from_slice(&data),
                Err(frame) => {
                    let trailers = frame.into_trailers().unwrap_or_default();
                    return Item::Trailers(metadata_of(&trailers));
                }
            },
            Err(error) => return Item::Reset(error.to_string()),
        }
        while let Some(message) = unframe(&mut buffer) {
            let _ = items.send(Item::Message(message));
        }
    }
    Item::End
}

pub(super) fn metadata_of(headers: &HeaderMap) -> Metadata {
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect()
}
