//! What is known at the end of an exchange.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, SystemTime},
};

use signalbox_proto::telemetry::TraceContext;

/// Everything known at the end of an exchange. Text that is empty and options that are `None` leave their field out.
///
/// Neither headers nor bodies belong in here: what is not in the record cannot leak.
#[derive(Clone, Debug)]
pub struct AccessRecord<'a> {
    /// When the request's head had arrived.
    pub time: SystemTime,
    /// From then until the body ended or the client left.
    pub duration: Duration,
    /// From the same moment until the first byte of the answer's body was handed to the client.
    pub first_byte: Option<Duration>,
    /// From sending to the upstream until its answer's head.
    pub upstream_time: Option<Duration>,
    /// HTTP method.
    pub method: &'a str,
    /// Path; anything from a question mark on is cut.
    pub path: &'a str,
    /// Host that the caller named.
    pub host: &'a str,
    /// `HTTP/1.1` or `HTTP/2`.
    pub protocol: &'static str,
    /// HTTP status sent to the caller; 0: none was.
    pub status: u16,
    /// Organization id.
    pub organization: &'a str,
    /// Agent id.
    pub agent: &'a str,
    /// Plan id.
    pub plan: &'a str,
    /// Consumer id.
    pub consumer: &'a str,
    /// Public id of the API key, never the key.
    pub key: &'a str,
    /// The caller's address, as trusted proxies report it.
    pub client: Option<IpAddr>,
    /// The other end of the connection.
    pub peer: Option<SocketAddr>,
    /// Address of the upstream that answered.
    pub upstream: &'a str,
    /// Attempts made to reach an upstream.
    pub attempts: u32,
    /// A2A method as the caller sent it.
    pub a2a_method: &'a str,
    /// Canonical operation; empty when the request is none, `unknown` when the method is not known.
    pub operation: &'a str,
    /// `JSONRPC`, `HTTP+JSON` or `GRPC`.
    pub binding: &'static str,
    /// A2A version of the caller, as Major.Minor.
    pub version: &'a str,
    /// Task that was named or came back.
    pub task: &'a str,
    /// Context that was named or came back.
    pub context: &'a str,
    /// Last state of the task that was seen.
    pub task_state: &'a str,
    /// How it went.
    pub outcome: Outcome,
    /// Code of the gateway's own error.
    pub error: &'a str,
    /// What happened, for operators.
    pub reason: &'a str,
    /// Error code of the JSON-RPC answer, or the gRPC status unless it is 0.
    pub rpc_error: Option<i64>,
    /// Bytes of the request's body.
    pub request_bytes: u64,
    /// Bytes of the answer's body.
    pub response_bytes: u64,
    /// Events relayed; `None`: the answer was no event stream.
    pub events: Option<u64>,
    /// Heartbeats sent between them.
    pub heartbeats: u64,
    /// Why the exchange ended.
    pub termination: Termination,
    /// Revision of the config lane that served it.
    pub config_revision: u64,
    /// Trace and span of the gateway's own span, or the caller's where there is none.
    pub trace: Option<TraceContext>,
}

impl Default for AccessRecord<'_> {
    fn default() -> Self {
        Self {
            time: SystemTime::UNIX_EPOCH,
            duration: Duration::ZERO,
            first_byte: None,
            upstream_time: None,
            method: "",
            path: "",
            host: "",
            protocol: "",
            status: 0,
            organization: "",
            agent: "",
            plan: "",
            consumer: "",
            key: "",
            client: None,
            peer: None,
            upstream: "",
            attempts: 0,
            a2a_method: "",
            operation: "",
            binding: "",
            version: "",
            task: "",
            context: "",
            task_state: "",
            outcome: Outcome::Success,
            error: "",
            reason: "",
            rpc_error: None,
            request_bytes: 0,
            response_bytes: 0,
            events: None,
            heartbeats: 0,
            termination: Termination::Complete,
            config_revision: 0,
            trace: None,
        }
    }
}

/// How an exchange went, coarse enough to count by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The agent answered, without an error.
    Success,
    /// The agent answered with an error.
    AgentError,
    /// The caller's request was refused: malformed, too large, not known here.
    ClientError,
    /// The caller is not known or may not do this.
    Denied,
    /// A limit was reached.
    RateLimited,
    /// The gateway failed or is not ready.
    GatewayError,
    /// The agent could not be reached, or its answer was unusable.
    UpstreamError,
    /// The caller left before the end.
    ClientGone,
    /// The gateway ended the stream: drain, revocation, a deadline.
    StreamEnded,
}

impl Outcome {
    /// All outcomes, in the order of their index.
    pub const ALL: [Self; 9] = [
        Self::Success,
        Self::AgentError,
        Self::ClientError,
        Self::Denied,
        Self::RateLimited,
        Self::GatewayError,
        Self::UpstreamError,
        Self::ClientGone,
        Self::StreamEnded,
    ];

    /// Name in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::AgentError => "agent_error",
            Self::ClientError => "client_error",
            Self::Denied => "denied",
            Self::RateLimited => "rate_limited",
            Self::GatewayError => "gateway_error",
            Self::UpstreamError => "upstream_error",
            Self::ClientGone => "client_gone",
            Self::StreamEnded => "stream_ended",
        }
    }

    /// The three values of agentgateway's `a2a.response.outcome`.
    pub const fn response(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::ClientGone => "unknown",
            _ => "error",
        }
    }

    /// Whether the gateway or the agent is at fault.
    pub const fn is_fault(self) -> bool {
        matches!(self, Self::GatewayError | Self::UpstreamError)
    }
}

/// Why an exchange ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// The answer was sent to its end.
    Complete,
    /// The client left.
    ClientGone,
    /// The data plane is being stopped.
    Drained,
    /// The credential was revoked, or its subscription paused or closed.
    Revoked,
    /// The credential expired.
    Expired,
    /// The plan was closed.
    PlanClosed,
    /// The agent was stopped or removed.
    AgentStopped,
    /// The total deadline passed.
    Deadline,
    /// The upstream sent no event for too long.
    Idle,
    /// The upstream went away in the middle.
    UpstreamLost,
}

impl Termination {
    /// Name in logs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Complete => "complete",
            Self::ClientGone => "client_gone",
            Self::Drained => "drained",
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::PlanClosed => "plan_closed",
            Self::AgentStopped => "agent_stopped",
            Self::Deadline => "deadline",
            Self::Idle => "idle",
            Self::UpstreamLost => "upstream_lost",
        }
    }
}
