//! Names of fields in the access log, and of the attributes that say the same in spans and OTLP log records.
//!
//! The log uses the names that users know from agentgateway. Over OTLP the semantic conventions rule.

use opentelemetry_semantic_conventions::attribute;

/// One thing that is known about an exchange.
#[derive(Debug)]
pub(super) struct Field {
    /// Member of a line of the access log.
    pub(super) line: &'static str,
    /// The same with what surrounds it: `,"name":`.
    pub(super) member: &'static str,
    /// Attribute of a span or log record.
    pub(super) attribute: &'static str,
}

macro_rules! fields {
    ($($(#[doc = $doc:literal])* $constant:ident = $line:literal, $attribute:expr;)*) => {
        $($(#[doc = $doc])* pub(super) const $constant: Field = Field { line: $line, member: concat!(",\"", $line, "\":"), attribute: $attribute };)*

        /// Every field with its meaning.
        #[cfg(test)]
        pub(super) const ALL: &[(Field, &str)] = &[$(($constant, concat!($($doc),*))),*];
    };
}

fields! {
    /// HTTP method.
    METHOD = "http.method", attribute::HTTP_REQUEST_METHOD;
    /// Host that the caller named.
    HOST = "http.host", attribute::SERVER_ADDRESS;
    /// Path, without the query.
    PATH = "http.path", attribute::URL_PATH;
    /// `HTTP/1.1` or `HTTP/2`; over OTLP without the `HTTP/`.
    HTTP_VERSION = "http.version", attribute::NETWORK_PROTOCOL_VERSION;
    /// HTTP status sent to the caller; 0 if none was.
    STATUS = "http.status", attribute::HTTP_RESPONSE_STATUS_CODE;
    /// Milliseconds until the answer's body ended or the client left.
    DURATION = "duration_ms", "signalbox.duration_ms";
    /// Milliseconds until the first byte of the answer's body.
    FIRST_BYTE = "first_byte_ms", "signalbox.first_byte_ms";
    /// Milliseconds until the head of the upstream's answer.
    UPSTREAM_TIME = "upstream_ms", "signalbox.upstream_ms";
    /// The other end of the connection; over OTLP its port is `network.peer.port`.
    PEER = "src.addr", attribute::NETWORK_PEER_ADDRESS;
    /// The caller's address, as trusted proxies report it.
    CLIENT = "client.address", attribute::CLIENT_ADDRESS;
    /// Address of the upstream that answered.
    UPSTREAM = "endpoint", "signalbox.upstream.address";
    /// Attempts made to reach an upstream, if more than one.
    ATTEMPTS = "upstream.attempts", "signalbox.upstream.attempts";
    /// Bytes of the request's body.
    REQUEST_BYTES = "http.request.bytes", "http.request.body.size";
    /// Bytes of the answer's body.
    RESPONSE_BYTES = "http.response.bytes", "http.response.body.size";
    /// Organization.
    ORGANIZATION = "organization", "signalbox.organization";
    /// Agent.
    AGENT = "agent", "signalbox.agent";
    /// Plan that admitted the request.
    PLAN = "plan", "signalbox.plan";
    /// Consumer that called.
    CONSUMER = "consumer", "signalbox.consumer";
    /// Public id of the API key.
    KEY = "key", "signalbox.key";
    /// Revision of the config lane that served the request.
    CONFIG_REVISION = "config.revision", "signalbox.config.revision";
    /// `a2a`, if the request is an A2A operation.
    PROTOCOL = "protocol", "signalbox.protocol";
    /// What the caller asked for in the words of its binding: the JSON-RPC method, or `GET /tasks/{id}` and the like in
    /// HTTP+JSON.
    A2A_METHOD = "a2a.method", "a2a.method";
    /// Canonical operation, whatever binding and version carried it.
    OPERATION = "a2a.operation", "a2a.operation";
    /// `JSONRPC`, `HTTP+JSON` or `GRPC`.
    BINDING = "a2a.binding", "a2a.binding";
    /// A2A version of the caller.
    A2A_VERSION = "a2a.version", "a2a.version";
    /// Task that was named or came back.
    TASK = "a2a.task.id", "a2a.task.id";
    /// Context that was named or came back.
    CONTEXT = "a2a.context.id", "a2a.context.id";
    /// Last state of the task that was seen.
    TASK_STATE = "a2a.task.state", "a2a.task.state";
    /// `success`, `error` or `unknown`.
    RESPONSE_OUTCOME = "a2a.response.outcome", "a2a.response.outcome";
    /// Error code of the JSON-RPC answer, in HTTP+JSON the one that goes with the error's reason; or the gRPC status unless
    /// it is 0. Over OTLP as text.
    RPC_ERROR = "a2a.response.error_code", "rpc.response.status_code";
    /// Events relayed, if the answer was an event stream.
    EVENTS = "a2a.events", "a2a.events";
    /// Heartbeats sent between them.
    HEARTBEATS = "a2a.heartbeats", "a2a.heartbeats";
    /// How it went; the values are those of the metric `signalbox_requests_total`.
    OUTCOME = "outcome", "signalbox.outcome";
    /// Code of the gateway's own error.
    ERROR = "error", attribute::ERROR_TYPE;
    /// What happened, for operators.
    REASON = "reason", "signalbox.reason";
    /// Why the exchange ended.
    TERMINATION = "termination", "signalbox.termination";
    /// Trace; over OTLP a field of the record itself.
    TRACE_ID = "trace.id", "trace_id";
    /// Span; over OTLP a field of the record itself.
    SPAN_ID = "span.id", "span_id";
    /// The data plane's region; over OTLP an attribute of the resource.
    REGION = "region", "cloud.region";
    /// The data plane's id; over OTLP an attribute of the resource.
    DATA_PLANE = "data_plane", attribute::SERVICE_INSTANCE_ID;
}

/// The path alone: a query may carry credentials.
pub(super) fn without_query(path: &str) -> &str {
    path.split('?').next().unwrap_or_default()
}
