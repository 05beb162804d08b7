//! Reading the call: the body once, one typed pass over it.

use bytes::Bytes;
use http::Method;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use hyper::body::Incoming;

use super::body::{self, BodyLimits, Buffered};
use super::budget::Reservation;
use super::enter::Routed;
use super::exchange::{Exchange, note};
use super::gateway::Worker;
use crate::a2a::operation::Naming;
use crate::a2a::version::{Requested, requested};
use crate::a2a::{Binding, Call, Operation, Version, alias, jsonrpc};
use crate::error::{Code, Dialect, GatewayError};
use crate::http::content::check_json_body;

/// A call that is ready to be sent on.
#[derive(Debug)]
pub(super) struct ReadCall {
    /// The canonical operation.
    pub(super) operation: Operation,
    /// What the request says about its version.
    pub(super) requested: Requested,
    /// Whether a unary answer may take minutes.
    pub(super) is_blocking_send: bool,
    /// The bytes to send.
    pub(super) body: Bytes,
    /// The body's share of the budget, given back when it has been sent.
    pub(super) _reservation: Reservation,
}

/// JSON-RPC is POST.
///
/// # Errors
/// `MethodNotAllowed`.
pub(super) fn check_method(parts: &Parts, exchange: &mut Exchange) -> Result<(), GatewayError> {
    exchange.binding = Some(Binding::JsonRpc);
    if parts.method == Method::POST {
        return Ok(());
    }
    Err(GatewayError::new(Code::MethodNotAllowed).header(ALLOW, HeaderValue::from_static("POST")))
}

/// Reads the body and what it asks for. `streams`: the request came to the streaming alias.
///
/// # Errors
/// Whatever is wrong with head or body, as the caller will read it.
pub(super) async fn read(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    parts: &Parts,
    body: &mut Option<Incoming>,
    streams: bool,
) -> Result<ReadCall, GatewayError> {
    exchange.dialect = Dialect::V0;
    let requested = requested(&parts.headers, parts.uri.query())?;
    if let Some(version) = requested.version {
        exchange.dialect = version.dialect();
    }
    exchange.version = Some(requested.effective());
    check_json_body(&parts.headers)?;
    let Some(incoming) = body.as_mut() else { return Err(Code::Internal.into()) };
    let limits = BodyLimits {
        max_bytes: routed.agent.spec.limits.max_body_bytes,
        timeout: worker.gateway.settings.body_timeout,
    };
    let Buffered { bytes, reservation } = body::read(incoming, limits, &worker.gateway.budget).await?;
    *body = None;
    exchange.request_bytes = bytes.len() as u64;
    let call = jsonrpc::classify(&bytes).map_err(|refusal| {
        exchange.id = refusal.id.map(Into::into);
        settle_dialect(exchange, requested.version, refusal.naming);
        refusal.error
    })?;
    settle_dialect(exchange, requested.version, call.naming);
    note_call(exchange, &call);
    let (mut operation, mut forwarded) = (call.operation, bytes.clone());
    if streams {
        let streaming = alias::to_streaming(&bytes, &call)?;
        operation = Operation::SendStreamingMessage;
        exchange.operation = Some(operation);
        forwarded = streaming.body;
    }
    let is_blocking_send = call.is_blocking_send();
    Ok(ReadCall { operation, requested, is_blocking_send, body: forwarded, _reservation: reservation })
}

/// The version that a caller names decides how it reads errors; else the spelling of its method does.
fn settle_dialect(exchange: &mut Exchange, named: Option<Version>, naming: Option<Naming>) {
    exchange.dialect = match (named, naming) {
        (Some(version), _) => version.dialect(),
        (None, Some(Naming::V10)) => Dialect::V1,
        (None, _) => Dialect::V0,
    };
}

fn note_call(exchange: &mut Exchange, call: &Call<'_>) {
    exchange.id = call.id.map(Into::into);
    exchange.operation = Some(call.operation);
    exchange.a2a_method = Some(note(&call.method));
    exchange.task = call.task_id.as_deref().map(note);
    exchange.context = call.context_id.as_deref().map(note);
}
