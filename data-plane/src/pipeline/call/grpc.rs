//! A gRPC call: one message, read whole. Every request of A2A is one message.

use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use http::{Method as HttpMethod, Version as HttpVersion};
use hyper::body::Incoming;

use super::{Buffered, Named, ReadCall, note_call, settle_dialect, whole_body};
use crate::a2a::operation::Naming;
use crate::a2a::protobuf::{Method, call};
use crate::a2a::version::requested;
use crate::a2a::{Binding, Version};
use crate::clock::Instant;
use crate::error::{Code, GatewayError};
use crate::http::content::check_not_encoded;
use crate::http::grpc::{self, Codec};
use crate::pipeline::enter::Routed;
use crate::pipeline::exchange::{Exchange, note};
use crate::pipeline::gateway::Worker;
use crate::pipeline::grpc::within;
use crate::stream::grpc::frame;

/// gRPC is POST over HTTP/2, of protobuf, to one of the services of A2A. Other services are never forwarded.
///
/// # Errors
/// `HttpVersionNotSupported`, `MethodNotAllowed`, `UnsupportedEncoding`, `InvalidRequest`, or `MethodNotFound`.
pub(super) fn check_head(parts: &Parts, path: &str) -> Result<(), GatewayError> {
    if parts.version < HttpVersion::HTTP_2 {
        return Err(Code::HttpVersionNotSupported.into());
    }
    if parts.method != HttpMethod::POST {
        return Err(GatewayError::new(Code::MethodNotAllowed).header(ALLOW, HeaderValue::from_static("POST")));
    }
    if grpc::codec(&parts.headers) != Some(Codec::Protobuf) {
        return Err(GatewayError::new(Code::InvalidRequest)
            .detail("Its messages are not protobuf: send content-type application/grpc."));
    }
    check_not_encoded(&parts.headers)?;
    method(path).map(drop)
}

/// Reads the message and what it asks for. `path`: what follows the agent's address.
///
/// # Errors
/// Whatever is wrong with head or body, as the caller will read it.
pub(super) async fn read(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    parts: &Parts,
    body: &mut Option<Incoming>,
    path: &str,
) -> Result<ReadCall, GatewayError> {
    let method = method(path)?;
    exchange.operation = Some(method.operation);
    exchange.a2a_method = Some(note(path.trim_start_matches('/')));
    let naming = method.package.naming();
    let requested = requested(&parts.headers, parts.uri.query())?;
    settle_dialect(exchange, requested.version, Some(naming));
    // The package says it where the caller does not.
    let of_package = if naming == Naming::V10 { Version::V1_0 } else { Version::V0_3 };
    let version = requested.version.unwrap_or(of_package);
    exchange.version = Some(version);
    let deadline = deadline(exchange, parts)?;
    let Buffered { bytes, reservation } =
        within(deadline, whole_body(worker, exchange, routed, body)).await??;
    let message = message(&bytes)?;
    let call = call::classify(method, message)?;
    note_call(exchange, &call);
    exchange.a2a_method = Some(note(path.trim_start_matches('/')));
    Ok(ReadCall {
        binding: Binding::Grpc,
        operation: call.operation,
        requested,
        version,
        naming: call.naming,
        has_push_config: call.has_push_config,
        named: Named::of(routed, &call),
        is_blocking_send: call.is_blocking_send(),
        method: HttpMethod::POST,
        below: path.to_owned(),
        is_below_server: false,
        deadline,
        body: bytes.clone(),
        _reservation: reservation,
    })
}

/// The method that a call asks for, and its message.
///
/// # Errors
/// A call that is not gRPC.
pub(in crate::pipeline) fn asked(call: &ReadCall) -> Result<(Method<'_>, &[u8]), GatewayError> {
    Ok((method(&call.below)?, message(&call.body)?))
}

fn method(path: &str) -> Result<Method<'_>, GatewayError> {
    Method::of_path(path).ok_or_else(|| {
        GatewayError::new(Code::MethodNotFound)
            .detail("The gRPC services here are lf.a2a.v1.A2AService and a2a.v1.A2AService.")
    })
}

/// When the caller gives up. Far deadlines that no clock holds are none.
fn deadline(exchange: &Exchange, parts: &Parts) -> Result<Option<Instant>, GatewayError> {
    let timeout = grpc::timeout(&parts.headers)?;
    Ok(timeout.and_then(|timeout| exchange.started().checked_add(timeout)))
}

/// The one message of a body.
fn message(body: &[u8]) -> Result<&[u8], GatewayError> {
    let frame = frame::single(body, u32::MAX).map_err(|error| {
        GatewayError::new(Code::InvalidRequest)
            .detail(format!("It is not exactly one gRPC message: {error}."))
    })?;
    if frame.is_compressed { Err(Code::CompressedMessage.into()) } else { Ok(frame.message) }
}
