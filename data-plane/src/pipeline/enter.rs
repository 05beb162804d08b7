//! From the head alone: which agent, which caller, and whether the limits have room.

use std::sync::Arc;

use http::HeaderName;
use http::header::{HOST, HeaderValue, WWW_AUTHENTICATE};
use http::request::Parts;
use signalbox_proto::model::agent::CardVisibility;

use super::call::Carrier;
use super::exchange::Exchange;
use super::gateway::Gateway;
use crate::auth::{Admission, Denied, authenticate};
use crate::clock;
use crate::config::{Agent, Plan};
use crate::error::{Code, GatewayError, Shape};
use crate::http::forwarded::{self, Forwarded};
use crate::http::grpc::is_grpc;
use crate::limit::{StreamGuard, Subject, rate_limit, refusal};
use crate::route::Form;
use crate::telemetry::AuthRefusal;

/// `RateLimit` (draft-ietf-httpapi-ratelimit-headers-10).
const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// `RateLimit-Policy` of the same draft.
const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// What is asked of the agent, by path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Its card.
    Card,
    /// A call.
    Call(Carrier),
    /// Nothing that the gateway knows; never forwarded.
    Nowhere,
}

/// Where a request goes.
#[derive(Debug)]
pub(super) struct Routed {
    /// The agent.
    pub(super) agent: Arc<Agent>,
    /// What is asked of it.
    pub(super) place: Place,
    /// The part of the path that is the agent's address.
    pub(super) prefix: String,
    /// The host that the caller named, if it belongs to the agent alone.
    pub(super) own_host: Option<String>,
    /// What trusted proxies say of the caller.
    pub(super) forwarded: Forwarded,
}

/// A caller that may call.
#[derive(Debug)]
pub(super) struct Admitted {
    /// Headers that must not reach the agent.
    pub(super) admission: Admission,
}

/// Finds the agent at this host and path.
///
/// # Errors
/// `NotFound`, `NotReady` while there is no configuration at all, or `InvalidRequest` for two hosts.
pub(super) fn route(
    gateway: &Gateway,
    exchange: &mut Exchange,
    parts: &Parts,
) -> Result<Routed, GatewayError> {
    if parts.headers.get_all(HOST).iter().nth(1).is_some() {
        // RFC 9112, 3.2. A proxy in front may have decided by the other one.
        return Err(GatewayError::new(Code::InvalidRequest).detail("It has more than one Host header."));
    }
    let forwarded = forwarded::read(exchange.client, &parts.headers, &gateway.settings.trusted_proxies);
    exchange.client = forwarded.client;
    let authority = parts
        .uri
        .authority()
        .map(http::uri::Authority::as_str)
        .or_else(|| parts.headers.get(HOST).and_then(|host| host.to_str().ok()));
    let host = forwarded.host.as_deref().or(authority);
    let runtime = gateway.config.load();
    exchange.config_revision = runtime.cursors.config.revision;
    let Some(found) = runtime.routes.find(host, parts.uri.path()) else {
        return Err(if gateway.config.is_configured() { Code::NotFound } else { Code::NotReady }.into());
    };
    let place = if is_grpc(&parts.headers) {
        Place::Call(Carrier::Grpc { path: found.rest.as_str().into() })
    } else {
        super::place(&parts.method, found.rest, parts.uri.path())
    };
    let agent = Arc::clone(found.target);
    exchange.agent = Some(Arc::clone(&agent));
    exchange.is_card = place == Place::Card;
    if let Place::Call(carrier) = &place {
        // Over HTTP/1.1 nobody reads a gRPC status.
        exchange.shape = match carrier {
            Carrier::Grpc { .. } if exchange.is_http1() => Shape::Plain,
            carrier => carrier.shape(),
        };
        exchange.binding = Some(carrier.binding());
    }
    let own_host = if found.form == Form::Host {
        host.map(|host| crate::route::host_name(host).into_owned())
    } else {
        None
    };
    Ok(Routed { agent, place, prefix: found.prefix.to_owned(), own_host, forwarded })
}

/// Whether the card of this agent needs what its plans need.
pub(super) fn card_is_protected(agent: &Agent) -> bool {
    agent.spec.card.visibility == CardVisibility::Plan
}

/// Finds the plan that admits the caller.
///
/// # Errors
/// Why nobody admits it; default deny.
pub(super) fn admit(
    gateway: &Gateway,
    exchange: &mut Exchange,
    routed: &Routed,
    parts: &Parts,
) -> Result<Admitted, GatewayError> {
    let agent = &routed.agent;
    let runtime = gateway.config.load();
    let known = |name: &_| runtime.knows_plan(name);
    let verdict = authenticate(&parts.headers, agent.gates(), &runtime.keys, known, clock::unix_seconds());
    drop(runtime);
    let admission = verdict.map_err(|denied| denial(denied, agent))?;
    exchange.principal = admission.principal.clone();
    exchange.plan = agent.plans.get(admission.plan).cloned();
    Ok(Admitted { admission })
}

fn denial(denied: Denied, agent: &Agent) -> GatewayError {
    let (code, counted) = match denied {
        Denied::NoPlan | Denied::NotSubscribed => (Code::PermissionDenied, AuthRefusal::WrongPlan),
        Denied::MissingCredential => (Code::Unauthenticated, AuthRefusal::Missing),
        Denied::InvalidCredential => (Code::InvalidCredential, AuthRefusal::Unknown),
        Denied::ExpiredCredential => (Code::KeyExpired, AuthRefusal::Expired),
        Denied::ConflictingCredentials => (Code::AmbiguousCredential, AuthRefusal::Unknown),
        Denied::PlanClosed => (Code::PlanClosed, AuthRefusal::WrongPlan),
        Denied::PlanNotReady => (Code::PlanNotReady, AuthRefusal::NotReady),
    };
    agent.metrics.auth_refusal(counted);
    let error = GatewayError::new(code).caused_by(denied);
    if code.row().http == 401 {
        error.header(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"signalbox\""))
    } else {
        error
    }
}

/// Draws the request from the plan's rate limits.
///
/// # Errors
/// `RateLimited`, with the time to come back.
pub(super) fn limit(gateway: &Gateway, exchange: &mut Exchange, routed: &Routed) -> Result<(), GatewayError> {
    let Some(plan) = exchange.plan.clone() else { return Ok(()) };
    let verdicts = plan.limits.check(&subject(exchange, &routed.agent), gateway.limit_time());
    let headers = rate_limit(&verdicts).map(|value| (RATE_LIMIT, value));
    let policy = plan.limits.policy(&verdicts).map(|value| (RATE_LIMIT_POLICY, value));
    exchange.limit_headers.extend(headers.into_iter().chain(policy));
    let Some(refused) = refusal(&verdicts) else { return Ok(()) };
    plan.metrics.rate_limited();
    Err(GatewayError::new(Code::RateLimited)
        .retry_after(refused.retry_after.unwrap_or_default())
        .detail(format!("The limit {} is used up.", refused.name))
        .metadata("limit", &*refused.name))
}

/// Counts an event stream against the plan for as long as the guard lives.
///
/// # Errors
/// `TooManyStreams`.
pub(super) fn open_stream(exchange: &Exchange, routed: &Routed) -> Result<StreamGuard, GatewayError> {
    let plan = plan(exchange)?;
    plan.limits.open_stream(&subject(exchange, &routed.agent)).map_err(|too_many| {
        GatewayError::new(Code::TooManyStreams).detail(format!("The plan allows {}.", too_many.limit))
    })
}

/// The caller as limits count it.
pub(super) fn subject<'a>(exchange: &'a Exchange, agent: &'a Agent) -> Subject<'a> {
    Subject {
        agent: agent.name.as_str(),
        consumer: exchange.principal.consumer(),
        key: exchange.principal.key_name(),
        address: exchange.client,
    }
}

/// The plan that admitted the caller. Every call has one.
pub(super) fn plan(exchange: &Exchange) -> Result<Arc<Plan>, GatewayError> {
    exchange.plan.clone().ok_or_else(|| GatewayError::new(Code::Internal).internal("a call without a plan"))
}
