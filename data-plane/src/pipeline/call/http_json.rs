//! An HTTP+JSON call: the path says what it asks for, the body is read all the same.

use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use hyper::body::{Body as _, Incoming};

use super::{Buffered, Named, ReadCall, body_of, note_call, settle_dialect, whole_body};
use crate::a2a::http_json::{Body, Route, read_body, without_version};
use crate::a2a::operation::Naming;
use crate::a2a::version::{Requested, requested};
use crate::a2a::{Binding, Version};
use crate::error::{Code, GatewayError};
use crate::http::content::{check_json_body, check_not_encoded};
use crate::pipeline::enter::Routed;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::gateway::Worker;

/// Settles in which generation refusals are read that come before the head has been judged.
pub(super) fn expect_dialect(parts: &Parts, exchange: &mut Exchange, naming: Naming) {
    let named = requested(&parts.headers, parts.uri.query()).ok().and_then(|requested| requested.version);
    settle_dialect(exchange, named, Some(naming));
}

/// The path is for other methods.
pub(super) fn not_allowed(allow: &str) -> GatewayError {
    let error = GatewayError::new(Code::MethodNotAllowed);
    match HeaderValue::try_from(allow) {
        Ok(allow) => error.header(ALLOW, allow),
        Err(_) => error,
    }
}

/// Reads the body, where the operation has one, and what it asks for.
///
/// # Errors
/// Whatever is wrong with head or body, as the caller will read it.
pub(super) async fn read(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    parts: &Parts,
    body: &mut Option<Incoming>,
    route: &Route,
) -> Result<ReadCall, GatewayError> {
    exchange.operation = Some(route.operation);
    exchange.a2a_method = Some(route.label.into());
    let requested = requested(&parts.headers, parts.uri.query())?;
    let version = version(&requested, route.naming);
    exchange.version = Some(version);
    let Buffered { bytes, reservation } = buffer(worker, exchange, routed, parts, body, route).await?;
    let path = parts.uri.path().get(routed.prefix.len()..).unwrap_or_default();
    let call = read_body(route, path, parts.uri.query(), &bytes)?;
    note_call(exchange, &call);
    let (naming, has_push_config) = (call.naming, call.has_push_config);
    let (is_blocking_send, named) = (call.is_blocking_send(), Named::of(routed, &call));
    let below = match parts.uri.query().and_then(without_version) {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    Ok(ReadCall {
        binding: Binding::HttpJson,
        operation: route.operation,
        requested,
        version,
        naming,
        has_push_config,
        named,
        is_blocking_send,
        method: parts.method.clone(),
        below,
        is_below_server: route.is_below_server,
        deadline: None,
        body: bytes,
        _reservation: reservation,
    })
}

/// Without a version, 0.3's paths mean 0.3 and those without prefix 1.0, which alone has them.
fn version(requested: &Requested, naming: Naming) -> Version {
    let of_path = if naming == Naming::V10 { Version::V1_0 } else { Version::V0_3 };
    requested.version.unwrap_or(of_path)
}

/// The body, which may be none. One that the operation does not have is not read, and never passed on.
async fn buffer(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    parts: &Parts,
    body: &mut Option<Incoming>,
    route: &Route,
) -> Result<Buffered, GatewayError> {
    if route.body == Body::None {
        check_not_encoded(&parts.headers)?;
        // A chunked body can turn out to be empty.
        return body_of(worker, exchange, body, 0).await.map_err(|error| match error.code() {
            Code::BodyTooLarge => {
                GatewayError::new(Code::InvalidRequest).detail("This operation takes no body.")
            }
            _ => error,
        });
    }
    let is_none = body.as_ref().is_none_or(Incoming::is_end_stream);
    if route.body == Body::Optional && is_none {
        check_not_encoded(&parts.headers)?;
    } else {
        check_json_body(&parts.headers)?;
    }
    whole_body(worker, exchange, routed, body).await
}
