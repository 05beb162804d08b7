//! Sending a call on: which server, which request, which deadline.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT_ENCODING, CONTENT_LENGTH, EXPECT, HOST, HeaderValue, TE};
use http::request::Parts;
use http::uri::{InvalidUri, PathAndQuery};
use http::{Request, Response, Uri};
use signalbox_proto::model::agent::A2aVersion;

use super::call::ReadCall;
use super::card::Interface;
use super::enter::{Admitted, Routed};
use super::exchange::Exchange;
use super::gateway::{Listener, Worker};
use super::grpc;
use crate::a2a::version::{A2A_VERSION, not_supported};
use crate::a2a::{Binding, Operation, Version};
use crate::clock;
use crate::config::{Agent, Target};
use crate::error::{Code, GatewayError};
use crate::http::forwarded::{Outward, set_towards_agent};
use crate::telemetry;
use crate::upstream::body::ResponseBody;
use crate::upstream::error::{UpstreamError, UpstreamErrorKind};
use crate::upstream::pool::{Retry, SendOptions};

/// Where a call goes.
#[derive(Debug)]
pub(super) struct Chosen {
    pub(super) target: Arc<Target>,
    /// Path and query on the agent's server.
    path: PathAndQuery,
}

/// Picks the agent's server for the caller's version, and the path at which it takes the call.
///
/// # Errors
/// `VersionNotSupported` with the versions on offer, `NotFound` (gRPC: `MethodNotFound`) for a binding that the agent
/// does not offer, or `UpstreamUnavailable` if no server is meant for this data plane.
pub(super) async fn target(
    worker: &Worker,
    agent: &Arc<Agent>,
    call: &ReadCall,
) -> Result<Chosen, GatewayError> {
    let version = call.version;
    // The extended card of 0.2 belongs to JSON-RPC, the only binding then.
    let binding = if call.is_below_server { Binding::JsonRpc } else { call.binding };
    let target = Arc::clone(by_version(agent, binding, call.requested.version, version)?);
    if call.is_below_server {
        let path = target.endpoint.target(&call.below).map_err(unreadable_path)?;
        return Ok(Chosen { target, path });
    }
    if call.binding == Binding::Grpc && target.is_told(Binding::Grpc) {
        let path = call.below.parse().map_err(unreadable_path)?;
        return Ok(Chosen { target, path });
    }
    let path = match worker.gateway.cards.interface(worker, agent, &target, call.binding, version).await {
        Interface::NotOffered if call.binding != Binding::JsonRpc => return Err(not_offered(call.binding)),
        // A gRPC address has no path, whatever that of the server's other interfaces.
        _ if call.binding == Binding::Grpc => call.below.parse(),
        Interface::At(path) => below(path, &call.below),
        _ => target.endpoint.target(&call.below),
    };
    let path = path.map_err(unreadable_path)?;
    Ok(Chosen { target, path })
}

fn unreadable_path(error: InvalidUri) -> GatewayError {
    GatewayError::new(Code::Internal).internal("the upstream's path").caused_by(error)
}

fn not_offered(binding: Binding) -> GatewayError {
    let code = if binding == Binding::Grpc { Code::MethodNotFound } else { Code::NotFound };
    GatewayError::new(code).detail("The agent does not offer this binding.")
}

/// A path and query below that of an interface.
fn below(interface: PathAndQuery, rest: &str) -> Result<PathAndQuery, InvalidUri> {
    if rest.is_empty() {
        return Ok(interface);
    }
    let base = interface.path().trim_end_matches('/');
    let Some(own) = interface.query() else { return format!("{base}{rest}").parse() };
    match rest.split_once('?') {
        Some((path, query)) => format!("{base}{path}?{own}&{query}").parse(),
        None => format!("{base}{rest}?{own}").parse(),
    }
}

fn by_version(
    agent: &Agent,
    binding: Binding,
    named: Option<Version>,
    version: Version,
) -> Result<&Arc<Target>, GatewayError> {
    let wanted = A2aVersion { major: version.major, minor: version.minor };
    if let Some(target) = agent.target(binding, wanted) {
        return Ok(target);
    }
    let takers = || agent.targets.iter().filter(|target| target.may_take(binding));
    // An absent header means 0.3, but 0.1 and 0.2 had no header to send either.
    let is_0_x = |target: &&Arc<Target>| target.upstream.versions.iter().any(|offered| offered.major == 0);
    if named.is_none()
        && version.major == 0
        && let Some(target) = takers().find(is_0_x)
    {
        return Ok(target);
    }
    if agent.targets.is_empty() {
        return Err(GatewayError::new(Code::UpstreamUnavailable)
            .internal("no upstream of the agent selects this data plane"));
    }
    if takers().next().is_none() {
        return Err(not_offered(binding));
    }
    let mut offered: Vec<Version> = takers()
        .flat_map(|target| &target.upstream.versions)
        .map(|offered| Version { major: offered.major, minor: offered.minor })
        .collect();
    offered.sort_unstable();
    offered.dedup();
    Err(not_supported(version, &offered))
}

/// The request as the agent gets it: the caller's, less what was meant for the gateway.
///
/// # Errors
/// `Internal` if it cannot be written, `DeadlineExceeded` if the caller's time is over.
pub(super) fn request(
    listener: &Listener,
    exchange: &mut Exchange,
    routed: &Routed,
    admitted: &Admitted,
    parts: &mut Parts,
    call: &ReadCall,
    chosen: &Chosen,
) -> Result<Request<Bytes>, GatewayError> {
    let mut headers = std::mem::take(&mut parts.headers);
    for name in &admitted.admission.consumed {
        headers.remove(name);
    }
    // JSON has no use for trailers, and TE would concern the next connection only.
    for name in [HOST, CONTENT_LENGTH, EXPECT, TE] {
        headers.remove(name);
    }
    for name in call.unwanted_headers() {
        headers.remove(name);
    }
    if let Some(version) = &call.requested.replace {
        headers.insert(A2A_VERSION, version.clone());
    }
    if call.binding == Binding::Grpc {
        grpc::dress(&mut headers, call, exchange.claimant.is_some())?;
    } else if let Some(codings) = readable_codings(call.operation, exchange.claimant.is_some()) {
        headers.insert(ACCEPT_ENCODING, codings);
    }
    let outward = outward(listener, routed);
    let by_trusted_proxy = routed.forwarded.by_trusted_proxy;
    set_towards_agent(&mut headers, exchange.peer_address(), by_trusted_proxy, outward.as_deref());
    let mut request = Request::new(call.body.clone());
    *request.method_mut() = call.method.clone();
    *request.uri_mut() = Uri::from(chosen.path.clone());
    *request.headers_mut() = headers;
    Ok(request)
}

/// The content codings to ask for where the gateway has to read the answer, or is told to; else they are the caller's affair.
fn readable_codings(operation: Operation, is_read: bool) -> Option<HeaderValue> {
    if operation == Operation::GetExtendedAgentCard {
        return Some(HeaderValue::from_static("gzip, identity"));
    }
    (is_read || operation.is_streaming()).then(|| HeaderValue::from_static("identity"))
}

/// Where the caller reached the gateway, as the agent is told it. Made anew only where it is not the listener's own.
fn outward<'a>(listener: &'a Listener, routed: &Routed) -> Option<Cow<'a, Outward>> {
    let is_listeners_own =
        routed.agent.public_url.is_none() && routed.own_host.is_none() && !routed.forwarded.by_trusted_proxy;
    if is_listeners_own {
        return listener.outward.as_ref().map(Cow::Borrowed);
    }
    let base = super::card::public_base(listener, routed).ok()?;
    Outward::from_public_url(&base).map(Cow::Owned)
}

/// Sends it and waits for the head of the answer.
///
/// # Errors
/// What became of the connection, as the caller will read it.
pub(super) async fn send(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    call: &ReadCall,
    chosen: &Chosen,
    request: &mut Request<Bytes>,
) -> Result<Response<ResponseBody>, GatewayError> {
    let target = &chosen.target;
    exchange.upstream = Some(Arc::clone(&target.upstream.url.text));
    let Some(endpoint) = target.endpoint_for(call.binding) else {
        return Err(GatewayError::new(Code::Internal).internal("a server that does not speak HTTP/2"));
    };
    let options = options(&routed.agent, call);
    let span = exchange.trace.upstream(request.headers_mut(), clock::system_now());
    exchange.sent = Some(clock::now());
    let result = worker.pool.send(endpoint, request, options).await;
    exchange.answered = Some(clock::now());
    let (status, error) = match &result {
        Ok(response) => (Some(response.status().as_u16()), None),
        Err(error) => (None, Some(error.kind().as_str())),
    };
    span.finish(call.method.as_str(), target.endpoint.host(), status, error);
    result.map_err(|error| {
        let error = failure(error, &routed.agent);
        // Whose time it was makes a difference to who has to change something.
        if call.deadline.is_some_and(|deadline| clock::now() >= deadline)
            && error.code() == Code::UpstreamTimeout
        {
            return GatewayError::new(Code::DeadlineExceeded).caused_by(error);
        }
        error
    })
}

fn options(agent: &Agent, call: &ReadCall) -> SendOptions {
    let limits = &agent.spec.limits;
    let waits = call.is_blocking_send || call.operation == Operation::SendStreamingMessage;
    let own = if waits { limits.send_timeout } else { limits.unary_timeout };
    let left = call.deadline.map(|deadline| deadline.saturating_duration_since(clock::now()));
    let head_timeout = left.map_or(own, |left| left.min(own));
    let retry = if call.operation.is_safe_to_repeat() { Retry::Idempotent } else { Retry::IfNothingSent };
    // Streams are watched by their relay; a unary body may stand still as long as its head may take.
    let body_timeout: Option<Duration> = if grpc::may_stream(call) { None } else { Some(own) };
    SendOptions { head_timeout, body_timeout, retry }
}

/// A failed call, as the caller will read it; counted for the agent.
pub(super) fn failure(error: UpstreamError, agent: &Agent) -> GatewayError {
    use telemetry::UpstreamErrorKind as Counted;
    let (code, counted) = match error.kind() {
        UpstreamErrorKind::Dns => (Code::UpstreamUnavailable, Counted::Resolve),
        UpstreamErrorKind::Refused | UpstreamErrorKind::Unreachable | UpstreamErrorKind::Overloaded => {
            (Code::UpstreamUnavailable, Counted::Connect)
        }
        UpstreamErrorKind::Forbidden => (Code::UpstreamForbidden, Counted::Forbidden),
        UpstreamErrorKind::ConnectTimeout => (Code::UpstreamConnectTimeout, Counted::Timeout),
        UpstreamErrorKind::Tls => (Code::UpstreamTls, Counted::Tls),
        UpstreamErrorKind::HeadTimeout | UpstreamErrorKind::BodyTimeout => {
            (Code::UpstreamTimeout, Counted::Timeout)
        }
        UpstreamErrorKind::Reset => (Code::UpstreamReset, Counted::Reset),
        UpstreamErrorKind::Malformed => (Code::InvalidAgentResponse, Counted::Invalid),
        UpstreamErrorKind::HeadTooLarge => (Code::UpstreamResponseTooLarge, Counted::TooLarge),
        UpstreamErrorKind::InvalidRequest => (Code::Internal, Counted::Invalid),
    };
    agent.metrics.upstream_error(counted);
    GatewayError::new(code).caused_by(error)
}
