//! Answering a request that failed.

use http::Response;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;

use super::body;
use super::exchange::Exchange;
use super::response::Body;
use crate::error::{Code, GatewayError};
use crate::http::respond::respond;

/// Renders the error for its caller. What is left of the request's body is read away, or the connection closes.
///
/// `is_held_back` says that the client waits to be asked for its body. It will not send it now, and what it sends next
/// must not be taken for it (RFC 9110, 10.1.1).
pub(super) fn answer(
    error: &GatewayError,
    mut exchange: Exchange,
    body: Option<Incoming>,
    is_held_back: bool,
) -> Response<Body> {
    let (mut parts, bytes) = respond(error, exchange.caller()).into_parts();
    exchange.status = parts.status.as_u16();
    exchange.failed(error);
    for (name, value) in std::mem::take(&mut exchange.limit_headers) {
        parts.headers.insert(name, value);
    }
    let is_stuck = is_held_back || error.code() == Code::BodyTimeout;
    if body.is_some_and(|body| body::discard(body, is_stuck)) && exchange.is_http1() {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Response::from_parts(parts, Body::whole(bytes, exchange))
}
