//! Reading the call: the head, and the body once, whatever binding carries it.
//!
//! Each binding has a module that reads; what it gives is the same, so that the stages after it need not know.

mod json_rpc;

use bytes::Bytes;
use http::Method;
use http::request::Parts;
use hyper::body::Incoming;

use super::body::{self, BodyLimits, Buffered};
use super::budget::Reservation;
use super::enter::Routed;
use super::exchange::{Exchange, note};
use super::gateway::Worker;
use crate::a2a::operation::Naming;
use crate::a2a::version::Requested;
use crate::a2a::{Binding, Call, Operation, Version};
use crate::error::{Code, Dialect, GatewayError, Shape};

/// What carries a call, as host, path and method tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// JSON-RPC; on the streaming alias, a call that must stream.
    JsonRpc {
        /// Whether it is the streaming alias.
        streams: bool,
    },
}

/// A call that is ready to be sent on.
#[derive(Debug)]
pub(super) struct ReadCall {
    /// What carries it.
    pub(super) binding: Binding,
    /// The canonical operation.
    pub(super) operation: Operation,
    /// What the request says about its version.
    pub(super) requested: Requested,
    /// Whether a unary answer may take minutes.
    pub(super) is_blocking_send: bool,
    /// The HTTP method towards the agent.
    pub(super) method: Method,
    /// Raw path and query below the agent's interface; empty for the interface itself.
    pub(super) below: String,
    /// The bytes to send.
    pub(super) body: Bytes,
    /// The body's share of the budget, given back when it has been sent.
    pub(super) _reservation: Reservation,
}

impl Carrier {
    /// The binding.
    pub(super) fn binding(&self) -> Binding {
        match self {
            Self::JsonRpc { .. } => Binding::JsonRpc,
        }
    }

    /// The form in which its callers read errors.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::JsonRpc { .. } => Shape::JsonRpc,
        }
    }

    /// Whether the head may carry such a call at all.
    ///
    /// # Errors
    /// `MethodNotAllowed`, with the methods that are.
    pub(super) fn check_head(&self, parts: &Parts) -> Result<(), GatewayError> {
        match self {
            Self::JsonRpc { .. } => json_rpc::check_head(parts),
        }
    }
}

/// Reads the body and what it asks for.
///
/// # Errors
/// Whatever is wrong with head or body, as the caller will read it.
pub(super) async fn read(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    parts: &Parts,
    body: &mut Option<Incoming>,
    carrier: &Carrier,
) -> Result<ReadCall, GatewayError> {
    match carrier {
        Carrier::JsonRpc { streams } => json_rpc::read(worker, exchange, routed, parts, body, *streams).await,
    }
}

/// Reads the whole body, within the agent's bounds.
async fn whole_body(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    body: &mut Option<Incoming>,
) -> Result<Buffered, GatewayError> {
    let Some(incoming) = body.as_mut() else { return Err(Code::Internal.into()) };
    let limits = BodyLimits {
        max_bytes: routed.agent.spec.limits.max_body_bytes,
        timeout: worker.gateway.settings.body_timeout,
    };
    let buffered = body::read(incoming, limits, &worker.gateway.budget).await?;
    *body = None;
    exchange.request_bytes = buffered.bytes.len() as u64;
    Ok(buffered)
}

/// The version that a caller names decides how it reads errors; else the generation of its spelling does.
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
