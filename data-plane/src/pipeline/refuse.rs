//! Answering a request that failed.

use http::Response;
use http::header::{CONNECTION, HeaderValue};
use hyper::body::Incoming;

use super::body;
use super::exchange::Exchange;
use super::response::Body;
use crate::error::GatewayError;
use crate::http::respond::respond;

/// Renders the error for its caller. What is left of the request's body is read away, or the connection closes.
pub(super) fn answer(error: &GatewayError, mut exchange: Exchange, body: Option<Incoming>) -> Response<Body> {
    let (mut parts, bytes) = respond(error, exchange.caller()).into_parts();
    exchange.status = parts.status.as_u16();
    exchange.failed(error);
    for (name, value) in std::mem::take(&mut exchange.limit_headers) {
        parts.headers.insert(name, value);
    }
    if body.is_some_and(body::discard) && exchange.is_http1() {
        parts.headers.insert(CONNECTION, HeaderValue::from_static("close"));
    }
    Response::from_parts(parts, Body::whole(bytes, exchange))
}
