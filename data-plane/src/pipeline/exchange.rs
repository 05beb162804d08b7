//! What is learned of one exchange, and the account given of it in the end.

mod answered;

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::SystemTime;

use http::request::Parts;
use http::{HeaderValue, Method, Uri, Version as HttpVersion};
use smallvec::SmallVec;

use super::gateway::Gateway;
use crate::a2a::response::TaskState;
use crate::a2a::{Binding, Operation, Version};
use crate::auth::Principal;
use crate::clock::{self, Instant};
use crate::config::{Agent, Plan};
use crate::error::{Caller, Code, Dialect, Fault, GatewayError, Shape};
use crate::http::grpc::is_grpc;
use crate::net::worker::ConnectionInfo;
use crate::ownership::{Claimant, Kind};
use crate::telemetry::{AccessRecord, Outcome, RequestTrace, Termination};

/// Longest text of a caller or an agent that is kept for the account, in bytes.
const MAX_NOTE_BYTES: usize = 256;

/// Operation name under which card requests are counted.
const CARD_OPERATION: &str = "GetAgentCard";

/// One exchange from its head to its end. Boxed once; moves into the body of the answer.
#[derive(Debug)]
pub(super) struct Exchange(Box<Facts>);

/// What is known of an exchange.
#[derive(Debug)]
pub(super) struct Facts {
    gateway: Arc<Gateway>,
    started: Instant,
    time: SystemTime,
    method: Method,
    uri: Uri,
    host: Option<HeaderValue>,
    http_version: HttpVersion,
    peer: SocketAddr,
    pub(super) client: IpAddr,
    pub(super) trace: RequestTrace,
    pub(super) config_revision: u64,
    pub(super) agent: Option<Arc<Agent>>,
    pub(super) plan: Option<Arc<Plan>>,
    pub(super) principal: Principal,
    /// Whose what the answer names becomes; `None`: the agent does not ask for it.
    pub(super) claimant: Option<Box<Claimant>>,
    pub(super) is_card: bool,
    pub(super) shape: Shape,
    pub(super) dialect: Dialect,
    /// The JSON-RPC id as raw JSON text.
    pub(super) id: Option<Box<str>>,
    pub(super) operation: Option<Operation>,
    pub(super) a2a_method: Option<Box<str>>,
    pub(super) binding: Option<Binding>,
    pub(super) version: Option<Version>,
    pub(super) task: Option<Box<str>>,
    pub(super) context: Option<Box<str>>,
    pub(super) task_state: Option<TaskState>,
    pub(super) rpc_error: Option<i64>,
    pub(super) upstream: Option<Arc<str>>,
    pub(super) sent: Option<Instant>,
    pub(super) answered: Option<Instant>,
    pub(super) first_byte: Option<Instant>,
    /// Headers that go on every answer from here on: what the limits said.
    pub(super) limit_headers: SmallVec<[(http::HeaderName, HeaderValue); 2]>,
    pub(super) status: u16,
    pub(super) outcome: Outcome,
    pub(super) error: Option<Code>,
    pub(super) reason: Option<String>,
    pub(super) termination: Termination,
    pub(super) request_bytes: u64,
    pub(super) response_bytes: u64,
    pub(super) events: Option<u64>,
    pub(super) heartbeats: u64,
}

impl std::ops::Deref for Exchange {
    type Target = Facts;

    fn deref(&self) -> &Facts {
        &self.0
    }
}

impl std::ops::DerefMut for Exchange {
    fn deref_mut(&mut self) -> &mut Facts {
        &mut self.0
    }
}

impl Exchange {
    /// Begins the account of a request. Until something else is known, its client has gone.
    pub(super) fn begin(gateway: &Arc<Gateway>, connection: &ConnectionInfo, parts: &Parts) -> Self {
        let time = clock::system_now();
        let peer = connection.peer_address;
        // Known before anything else is: whatever is refused, a gRPC client reads nothing but a gRPC status.
        let is_grpc = parts.version == HttpVersion::HTTP_2 && is_grpc(&parts.headers);
        let shape = if is_grpc { Shape::Grpc } else { Shape::Plain };
        Self(Box::new(Facts {
            gateway: Arc::clone(gateway),
            started: clock::now(),
            time,
            method: parts.method.clone(),
            uri: parts.uri.clone(),
            host: parts.headers.get(http::header::HOST).cloned(),
            http_version: parts.version,
            peer,
            client: peer.ip(),
            trace: gateway.telemetry.tracer.start(&parts.headers, time),
            config_revision: 0,
            agent: None,
            plan: None,
            principal: Principal::anyone(),
            claimant: None,
            is_card: false,
            shape,
            dialect: Dialect::V1,
            id: None,
            operation: None,
            a2a_method: None,
            binding: None,
            version: None,
            task: None,
            context: None,
            task_state: None,
            rpc_error: None,
            upstream: None,
            sent: None,
            answered: None,
            first_byte: None,
            limit_headers: SmallVec::new(),
            status: 0,
            outcome: Outcome::ClientGone,
            error: None,
            reason: None,
            termination: Termination::ClientGone,
            request_bytes: 0,
            response_bytes: 0,
            events: None,
            heartbeats: 0,
        }))
    }

    /// When the request's head had arrived.
    pub(super) fn started(&self) -> Instant {
        self.started
    }

    /// The other end of the connection.
    pub(super) fn peer_address(&self) -> IpAddr {
        self.peer.ip()
    }

    /// Whether the request came over HTTP/1.1 or 1.0.
    pub(super) fn is_http1(&self) -> bool {
        self.http_version < HttpVersion::HTTP_2
    }

    /// To whom errors are answered, and in which shape.
    pub(super) fn caller(&self) -> Caller<'_> {
        Caller { shape: self.shape, dialect: self.dialect, id: self.id.as_deref() }
    }

    /// Keeps what is needed of the request's head in memory of its own: it is part of the connection's read buffer.
    pub(super) fn copy_head(&mut self) {
        self.host = self.host.take().and_then(|host| HeaderValue::from_bytes(host.as_bytes()).ok());
        self.uri = Uri::try_from(self.uri.to_string()).unwrap_or_default();
    }

    /// Notes whose the task and the context are that an answer or an event names.
    pub(super) fn learn(&self, task: Option<&str>, context: Option<&str>) {
        let Some(claimant) = &self.claimant else { return };
        for (kind, id) in [(Kind::Task, task), (Kind::Context, context)] {
            if let Some(id) = id.filter(|id| !id.is_empty()) {
                claimant.learn(kind, id);
            }
        }
    }

    /// Notes that the gateway refused or gave up.
    pub(super) fn failed(&mut self, error: &GatewayError) {
        self.error = Some(error.code());
        if self.shape == Shape::Grpc {
            // The HTTP status says nothing.
            self.rpc_error = Some(error.row().grpc.number().into());
        }
        self.outcome = outcome_of(error);
        self.reason = Some(chain(error));
    }
}

/// A text of somebody else's, short enough to keep.
pub(super) fn note(text: &str) -> Box<str> {
    text[..text.floor_char_boundary(MAX_NOTE_BYTES)].into()
}

fn outcome_of(error: &GatewayError) -> Outcome {
    // The policy of a plan or an agent, answered in the agent's place.
    if matches!(
        error.code(),
        Code::UnsupportedOperation | Code::PushNotSupported | Code::WebhookNotAllowed | Code::TaskNotFound
    ) {
        return Outcome::Denied;
    }
    match (error.row().http, error.row().fault) {
        (401 | 403, Fault::Client) => Outcome::Denied,
        (429, Fault::Client) => Outcome::RateLimited,
        (_, Fault::Client) => Outcome::ClientError,
        (_, Fault::Gateway) => Outcome::GatewayError,
        (_, Fault::Upstream) => Outcome::UpstreamError,
    }
}

/// The error and everything behind it, for the log.
fn chain(error: &GatewayError) -> String {
    let mut text = error.to_string();
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}

impl Drop for Facts {
    fn drop(&mut self) {
        let now = clock::now();
        let host = self.uri.host().or_else(|| self.host.as_ref()?.to_str().ok()).unwrap_or_default();
        let version = self.version.map(version_text).unwrap_or_default();
        let agent = self.agent.as_ref();
        let record = AccessRecord {
            time: self.time,
            duration: now.duration_since(self.started),
            first_byte: self.first_byte.map(|at| at.duration_since(self.started)),
            upstream_time: self.sent.zip(self.answered).map(|(sent, answered)| answered.duration_since(sent)),
            method: self.method.as_str(),
            path: self.uri.path(),
            host,
            protocol: if self.http_version == HttpVersion::HTTP_2 { "HTTP/2" } else { "HTTP/1.1" },
            status: self.status,
            organization: agent.map_or("", |agent| agent.name.organization()),
            agent: agent.map_or("", |agent| agent.name.id()),
            plan: self.plan.as_ref().map_or("", |plan| plan.name.id()),
            consumer: last_segment(self.principal.consumer()),
            key: last_segment(self.principal.key_name()),
            client: Some(self.client),
            peer: Some(self.peer),
            upstream: self.upstream.as_deref().unwrap_or_default(),
            attempts: u32::from(self.sent.is_some()),
            a2a_method: self.a2a_method.as_deref().unwrap_or_default(),
            operation: if self.is_card { CARD_OPERATION } else { self.operation.map_or("", Operation::name) },
            binding: self.binding.map_or("", Binding::card_name),
            version: &version,
            task: self.task.as_deref().unwrap_or_default(),
            context: self.context.as_deref().unwrap_or_default(),
            task_state: self.task_state.map_or("", TaskState::name),
            outcome: self.outcome,
            error: self.error.map_or("", Code::reason),
            reason: self.reason.as_deref().unwrap_or_default(),
            rpc_error: self.rpc_error,
            request_bytes: self.request_bytes,
            response_bytes: self.response_bytes,
            events: self.events,
            heartbeats: self.heartbeats,
            termination: self.termination,
            config_revision: self.config_revision,
            trace: None,
        };
        let telemetry = &self.gateway.telemetry;
        let metrics = agent.map_or_else(|| telemetry.metrics.unrouted(), |agent| &agent.metrics);
        telemetry.finish(record, metrics, std::mem::take(&mut self.trace));
    }
}

/// The versions in use need no allocation.
fn version_text(version: Version) -> std::borrow::Cow<'static, str> {
    match (version.major, version.minor) {
        (1, 0) => "1.0".into(),
        (0, 3) => "0.3".into(),
        _ => version.to_string().into(),
    }
}

/// The id in a resource name; the organization is a field of its own.
fn last_segment(name: Option<&str>) -> &str {
    name.and_then(|name| name.rsplit('/').next()).unwrap_or_default()
}
