//! Answering a request that failed.

use http::Response;
use http::header::{CONNECTION, HeaderValue};
use http::request::Parts;
use hyper::body::Incoming;

use super::body;
use super::exchange::Exchange;
use super::response::Body;
use crate::a2a::Version;
use crate::a2a::version::requested;
use crate::error::{Code, Dialect, GatewayError, Shape};
use crate::http::respond::respond;

/// How a JSON-RPC caller reads errors that come before its call has been read: a version that is not named is 0.3. The
/// other bindings know by their paths.
pub(super) fn expect_dialect(exchange: &mut Exchange, parts: &Parts) {
    if exchange.shape == Shape::JsonRpc && exchange.version.is_none() {
        let named = requested(&parts.headers, parts.uri.query()).ok().and_then(|requested| requested.version);
        exchange.dialect = named.map_or(Dialect::V0, Version::dialect);
    }
}

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
