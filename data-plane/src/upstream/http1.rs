//! One HTTP/1.1 connection to an agent.

use bytes::Bytes;
use http::header::{HOST, HeaderName};
use http::{Request, Response, StatusCode, Uri};
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::task::AbortHandle;

use super::endpoint::Endpoint;
use super::error::{UpstreamError, UpstreamErrorKind};
use super::pool::Failure;
use super::transport::Transport;

/// Most bytes of unread response that one connection holds, and the largest response head. Bounded since flattened
/// writes would otherwise let one stalled caller hold half a megabyte.
const BUFFER_BYTES_MAX: usize = 32 * 1024;
/// Headers that belong to a connection; those of a request are the gateway's own.
const CONNECTION_HEADERS: [HeaderName; 4] = [
    http::header::CONNECTION,
    http::header::TRANSFER_ENCODING,
    http::header::UPGRADE,
    HeaderName::from_static("keep-alive"),
];

/// One HTTP/1.1 connection. Dropping it closes the socket.
#[derive(Debug)]
pub(super) struct Http1Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: AbortOnDrop,
}

/// Ends the connection's task, which owns the socket.
#[derive(Debug)]
struct AbortOnDrop(AbortHandle);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Http1Connection {
    pub(super) async fn start(transport: Transport) -> Result<Self, UpstreamError> {
        let failed =
            |source: hyper::Error| UpstreamError::before_sending(UpstreamErrorKind::Reset).because(source);
        let (sender, connection) = Builder::new()
            .writev(false)
            .max_buf_size(BUFFER_BYTES_MAX)
            .handshake(TokioIo::new(transport))
            .await
            .map_err(failed)?;
        let driver = tokio::spawn(async move {
            // Whoever waits for the response gets the error; on an idle connection it only means that it is gone.
            if let Err(error) = connection.await {
                tracing::trace!(%error, "connection to an agent ended");
            }
        });
        Ok(Self { sender, driver: AbortOnDrop(driver.abort_handle()) })
    }

    /// Whether it is known to be unusable.
    pub(super) fn is_closed(&self) -> bool {
        self.sender.is_closed() || self.driver.0.is_finished()
    }

    /// Waits until the previous exchange has been put away; false if the connection is gone instead.
    pub(super) async fn is_usable(&mut self) -> bool {
        self.sender.ready().await.is_ok() && !self.is_closed()
    }

    /// Sends a request made by [`prepare`] and waits for the response head.
    ///
    /// Cancelling closes the connection.
    pub(super) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Failure> {
        let response = match self.sender.try_send_request(request).await {
            Ok(response) => response,
            Err(mut error) => {
                let request = error.take_message();
                return Err(Failure { error: classify(error.into_error(), request.is_some()), request });
            }
        };
        if response.status() == StatusCode::SWITCHING_PROTOCOLS {
            let error = UpstreamError::after_sending(UpstreamErrorKind::Malformed)
                .because("the agent switched protocols without being asked to");
            return Err(Failure { error, request: None });
        }
        Ok(response)
    }
}

/// Gives the request the form that HTTP/1.1 wants: a target in origin form, and the endpoint's Host.
pub(super) fn prepare(endpoint: &Endpoint, request: &mut Request<Full<Bytes>>) -> Result<(), UpstreamError> {
    let target = request.uri().path_and_query().cloned().ok_or_else(invalid)?;
    *request.uri_mut() = Uri::from(target);
    let headers = request.headers_mut();
    for name in &CONNECTION_HEADERS {
        headers.remove(name);
    }
    headers.insert(HOST, endpoint.host_header().clone());
    *request.version_mut() = http::Version::HTTP_11;
    Ok(())
}

fn invalid() -> UpstreamError {
    UpstreamError::before_sending(UpstreamErrorKind::InvalidRequest)
}

/// hyper's error in the gateway's terms.
pub(super) fn classify(error: hyper::Error, nothing_sent: bool) -> UpstreamError {
    let kind = if error.is_parse_too_large() {
        UpstreamErrorKind::HeadTooLarge
    } else if error.is_parse() {
        UpstreamErrorKind::Malformed
    } else if error.is_user() {
        UpstreamErrorKind::InvalidRequest
    } else {
        UpstreamErrorKind::Reset
    };
    let classified =
        if nothing_sent { UpstreamError::before_sending(kind) } else { UpstreamError::after_sending(kind) };
    classified.because(error)
}
