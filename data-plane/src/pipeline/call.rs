//! Reading the call: the head, and the body once, whatever binding carries it.
//!
//! Each binding has a module that reads; what it gives is the same, so that the stages after it need not know.

pub(super) mod grpc;
mod http_json;
mod json_rpc;

use std::borrow::Cow;

use bytes::Bytes;
use http::Method;
use http::header::{
    HeaderName, IF_MATCH, IF_MODIFIED_SINCE, IF_NONE_MATCH, IF_RANGE, IF_UNMODIFIED_SINCE, RANGE,
};
use http::request::Parts;
use hyper::body::Incoming;
use signalbox_proto::model::agent::TaskOwnership;

use super::body::{self, BodyLimits, Buffered};
use super::budget::Reservation;
use super::enter::Routed;
use super::exchange::{Exchange, note};
use super::gateway::Worker;
use crate::a2a::http_json::Route;
use crate::a2a::operation::Naming;
use crate::a2a::version::Requested;
use crate::a2a::{Binding, Call, Operation, Version};
use crate::clock::Instant;
use crate::error::{Code, Dialect, GatewayError, Shape};

/// What carries a call, as host, path and method tell it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Carrier {
    /// JSON-RPC; on the streaming alias, a call that must stream.
    JsonRpc {
        /// Whether it is the streaming alias.
        streams: bool,
    },
    /// HTTP+JSON.
    HttpJson(Route),
    /// A path of HTTP+JSON with a method that it is not for.
    HttpJsonWithout {
        /// The generation of the path.
        naming: Naming,
        /// The methods that it is for.
        allow: String,
    },
    /// gRPC.
    Grpc {
        /// The path below the agent's address: service and method.
        path: Box<str>,
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
    /// The version in effect: the one named, else what the absence of one means in this binding.
    pub(super) version: Version,
    /// The generation of the name or path that asked; `None` for a method that is unknown.
    pub(super) naming: Option<Naming>,
    /// Whether it hands over a webhook, alone or inside a send.
    pub(super) has_push_config: bool,
    /// What it names, where the agent asks whose that is.
    pub(super) named: Option<Box<Named>>,
    /// Whether a unary answer may take minutes.
    pub(super) is_blocking_send: bool,
    /// The HTTP method towards the agent.
    pub(super) method: Method,
    /// Raw path and query below the agent's interface; empty for the interface itself.
    pub(super) below: String,
    /// Whether that is below the server's own base instead: the extended card of 0.2.
    pub(super) is_below_server: bool,
    /// When the caller gives up; `None`: it does not say.
    pub(super) deadline: Option<Instant>,
    /// The bytes to send.
    pub(super) body: Bytes,
    /// The body's share of the budget, given back when it has been sent.
    pub(super) _reservation: Reservation,
}

/// The task and the context that a call names, whole: what is noted for the account may be cut.
#[derive(Debug)]
pub(super) struct Named {
    /// The task.
    pub(super) task: Option<Box<str>>,
    /// The context.
    pub(super) context: Option<Box<str>>,
}

impl Named {
    /// Kept only for an agent that asks for it.
    fn of(routed: &Routed, call: &Call<'_>) -> Option<Box<Self>> {
        if routed.agent.spec.task_ownership == TaskOwnership::Off {
            return None;
        }
        let kept = |id: &Option<Cow<'_, str>>| id.as_deref().filter(|id| !id.is_empty()).map(Into::into);
        Some(Box::new(Self { task: kept(&call.task_id), context: kept(&call.context_id) }))
    }
}

/// Headers by which some frameworks take a request for another one than its method and path say.
static OVERRIDES: [HeaderName; 5] = [
    HeaderName::from_static("x-http-method"),
    HeaderName::from_static("x-http-method-override"),
    HeaderName::from_static("x-method-override"),
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
];

/// Conditions and ranges, which would be on the agent's card and not on the one that is answered.
static CONDITIONS: [HeaderName; 6] =
    [IF_MATCH, IF_NONE_MATCH, IF_MODIFIED_SINCE, IF_UNMODIFIED_SINCE, IF_RANGE, RANGE];

impl ReadCall {
    /// Headers that must not go on with this call.
    pub(super) fn unwanted_headers(&self) -> impl Iterator<Item = &'static HeaderName> {
        let is_rest = self.binding == Binding::HttpJson;
        let is_card = self.operation == Operation::GetExtendedAgentCard;
        let overrides = OVERRIDES.iter().filter(move |_| is_rest);
        overrides.chain(CONDITIONS.iter().filter(move |_| is_rest && is_card))
    }
}

impl Carrier {
    /// The binding.
    pub(super) fn binding(&self) -> Binding {
        match self {
            Self::JsonRpc { .. } => Binding::JsonRpc,
            Self::HttpJson(_) | Self::HttpJsonWithout { .. } => Binding::HttpJson,
            Self::Grpc { .. } => Binding::Grpc,
        }
    }

    /// The form in which its callers read errors.
    pub(super) fn shape(&self) -> Shape {
        match self {
            Self::JsonRpc { .. } => Shape::JsonRpc,
            Self::HttpJson(_) | Self::HttpJsonWithout { .. } => Shape::HttpJson,
            Self::Grpc { .. } => Shape::Grpc,
        }
    }

    /// Whether the head may carry such a call at all. Settles in which generation refusals are read, as far as the head
    /// tells.
    ///
    /// # Errors
    /// `MethodNotAllowed`, with the methods that are; for gRPC also what else its heads have to be.
    pub(super) fn check_head(&self, parts: &Parts, exchange: &mut Exchange) -> Result<(), GatewayError> {
        match self {
            Self::JsonRpc { .. } => json_rpc::check_head(parts),
            Self::HttpJson(route) => {
                http_json::expect_dialect(parts, exchange, route.naming);
                Ok(())
            }
            Self::HttpJsonWithout { naming, allow } => {
                http_json::expect_dialect(parts, exchange, *naming);
                Err(http_json::not_allowed(allow))
            }
            Self::Grpc { path } => grpc::check_head(parts, path),
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
        Carrier::HttpJson(route) => http_json::read(worker, exchange, routed, parts, body, route).await,
        Carrier::HttpJsonWithout { allow, .. } => Err(http_json::not_allowed(allow)),
        // Boxed: a call should not be as large as what it might have been.
        Carrier::Grpc { path } => Box::pin(grpc::read(worker, exchange, routed, parts, body, path)).await,
    }
}

/// Reads the whole body, at most as large as the agent's calls may be.
async fn whole_body(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    body: &mut Option<Incoming>,
) -> Result<Buffered, GatewayError> {
    body_of(worker, exchange, body, routed.agent.spec.limits.max_body_bytes).await
}

/// Reads a body of at most so many bytes.
async fn body_of(
    worker: &Worker,
    exchange: &mut Exchange,
    body: &mut Option<Incoming>,
    max_bytes: u64,
) -> Result<Buffered, GatewayError> {
    let Some(incoming) = body.as_mut() else { return Err(Code::Internal.into()) };
    let limits = BodyLimits { max_bytes, timeout: worker.gateway.settings.body_timeout };
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
        (None, Some(Naming::V01)) => Dialect::V01,
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
