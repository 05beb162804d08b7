//! A JSON-RPC call: one typed pass over its body.

use http::Method;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use hyper::body::Incoming;

use super::{Buffered, Named, ReadCall, note_call, settle_dialect, whole_body};
use crate::a2a::version::requested;
use crate::a2a::{Binding, Operation, alias, jsonrpc};
use crate::error::{Code, Dialect, GatewayError};
use crate::http::content::check_json_body;
use crate::pipeline::enter::Routed;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::gateway::Worker;

/// JSON-RPC is POST.
///
/// # Errors
/// `MethodNotAllowed`.
pub(super) fn check_head(parts: &Parts) -> Result<(), GatewayError> {
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
    let Buffered { bytes, reservation } = whole_body(worker, exchange, routed, body).await?;
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
    Ok(ReadCall {
        binding: Binding::JsonRpc,
        operation,
        version: requested.effective(),
        requested,
        naming: call.naming,
        has_push_config: call.has_push_config,
        named: Named::of(routed, &call),
        is_blocking_send: call.is_blocking_send(),
        method: Method::POST,
        below: String::new(),
        is_below_server: false,
        deadline: None,
        body: forwarded,
        _reservation: reservation,
    })
}
