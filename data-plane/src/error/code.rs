//! The table of errors: one row a code. `docs/errors.md` is made from it.

/// Who has to change something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller.
    Client,
    /// Whoever runs the gateway.
    Gateway,
    /// Whoever runs the agent.
    Upstream,
}

/// Whether the caller may send the same request again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retry {
    /// The same request fails again.
    Never,
    /// Nothing reached the agent: a repeat cannot act twice.
    Safe,
    /// The agent may have acted: only an operation that is safe to repeat may be sent again.
    Unknown,
}

/// What kind of answer it is; decides HTTP status and `ErrorInfo` domain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// The gateway refuses or cannot: a real HTTP status in every binding, never an A2A code.
    Infrastructure,
    /// The request is no valid request of its binding: HTTP 200 in JSON-RPC.
    Protocol,
    /// Given in the agent's place: A2A code, A2A domain, HTTP 200 in JSON-RPC.
    InAgentsPlace,
}

/// A gRPC status, which is also the `status` of `google.rpc.Status`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GrpcCode {
    /// 3.
    InvalidArgument,
    /// 4.
    DeadlineExceeded,
    /// 5.
    NotFound,
    /// 7.
    PermissionDenied,
    /// 8.
    ResourceExhausted,
    /// 9.
    FailedPrecondition,
    /// 12.
    Unimplemented,
    /// 13.
    Internal,
    /// 14.
    Unavailable,
    /// 16.
    Unauthenticated,
}

impl GrpcCode {
    /// The number on the wire.
    pub const fn number(self) -> u8 {
        match self {
            Self::InvalidArgument => 3,
            Self::DeadlineExceeded => 4,
            Self::NotFound => 5,
            Self::PermissionDenied => 7,
            Self::ResourceExhausted => 8,
            Self::FailedPrecondition => 9,
            Self::Unimplemented => 12,
            Self::Internal => 13,
            Self::Unavailable => 14,
            Self::Unauthenticated => 16,
        }
    }

    /// The name in `google.rpc.Status`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidArgument => "INVALID_ARGUMENT",
            Self::DeadlineExceeded => "DEADLINE_EXCEEDED",
            Self::NotFound => "NOT_FOUND",
            Self::PermissionDenied => "PERMISSION_DENIED",
            Self::ResourceExhausted => "RESOURCE_EXHAUSTED",
            Self::FailedPrecondition => "FAILED_PRECONDITION",
            Self::Unimplemented => "UNIMPLEMENTED",
            Self::Internal => "INTERNAL",
            Self::Unavailable => "UNAVAILABLE",
            Self::Unauthenticated => "UNAUTHENTICATED",
        }
    }
}

/// One row of the table.
#[derive(Debug)]
pub struct Row {
    /// The code.
    pub code: Code,
    /// The stable string code; the `reason` of the `ErrorInfo`.
    pub reason: &'static str,
    /// What kind of answer it is.
    pub nature: Nature,
    /// Who has to change something.
    pub fault: Fault,
    /// Whether a repeat is safe.
    pub retry: Retry,
    /// HTTP status in HTTP+JSON, and in JSON-RPC unless the nature says 200.
    pub http: u16,
    /// JSON-RPC error code for 1.0 callers.
    pub json_rpc: i32,
    /// gRPC status.
    pub grpc: GrpcCode,
    /// `Retry-After` in seconds where the error knows no better.
    pub retry_after_seconds: Option<u64>,
    /// What the caller reads.
    pub public: &'static str,
}

impl Row {
    /// HTTP status of a JSON-RPC answer: SDKs throw the body away unless errors of the protocol come with 200.
    pub const fn json_rpc_http(&self) -> u16 {
        match self.nature {
            Nature::Infrastructure => self.http,
            Nature::Protocol | Nature::InAgentsPlace => 200,
        }
    }

    /// JSON-RPC error code in the caller's generation. 0.x knows no codes beyond -32007, and 0.1 means something else by
    /// those from -32006 on.
    pub const fn json_rpc_code(&self, dialect: super::Dialect) -> i32 {
        match (dialect, self.json_rpc) {
            (super::Dialect::V01, -32009..=-32006) | (super::Dialect::V0, -32008 | -32009) => -32603,
            (_, code) => code,
        }
    }

    /// `domain` of the `ErrorInfo`.
    pub const fn domain(&self) -> &'static str {
        match self.nature {
            Nature::InAgentsPlace => super::A2A_DOMAIN,
            Nature::Infrastructure | Nature::Protocol => super::GATEWAY_DOMAIN,
        }
    }
}

macro_rules! table {
    ($($code:ident = $reason:literal, $nature:ident, $fault:ident, $retry:ident, $http:literal, $rpc:literal, $grpc:ident, $after:expr, $public:literal;)*) => {
        /// The closed set of errors.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Code {
            $(#[doc = $public] $code,)*
        }

        impl Code {
            /// All codes, in the order of the table.
            pub const ALL: &[Self] = &[$(Self::$code),*];
        }

        const TABLE: &[Row] = &[$(Row {
            code: Code::$code,
            reason: $reason,
            nature: Nature::$nature,
            fault: Fault::$fault,
            retry: Retry::$retry,
            http: $http,
            json_rpc: $rpc,
            grpc: GrpcCode::$grpc,
            retry_after_seconds: $after,
            public: $public,
        }),*];
    };
}

impl Code {
    /// The row of the table for this code.
    pub const fn row(self) -> &'static Row {
        &TABLE[self as usize]
    }

    /// The stable string code, as in `ErrorInfo.reason`, logs and metrics.
    pub const fn reason(self) -> &'static str {
        self.row().reason
    }
}

table! {
    // Who calls.
    Unauthenticated = "UNAUTHENTICATED", Infrastructure, Client, Never, 401, -32000, Unauthenticated, None,
        "This agent needs a credential: send one that its card names.";
    InvalidCredential = "INVALID_CREDENTIAL", Infrastructure, Client, Never, 401, -32000, Unauthenticated, None,
        "The credential is not valid here: check that it is complete and was issued for a plan of this agent.";
    KeyExpired = "KEY_EXPIRED", Infrastructure, Client, Never, 401, -32000, Unauthenticated, None,
        "The API key has expired: ask its issuer for a new one.";
    KeyRevoked = "KEY_REVOKED", Infrastructure, Client, Never, 401, -32000, Unauthenticated, None,
        "The API key has been revoked: ask its issuer for a new one.";
    AmbiguousCredential = "AMBIGUOUS_CREDENTIAL", Infrastructure, Client, Never, 401, -32000, Unauthenticated, None,
        "The request carries several credentials that differ: send one.";
    SubscriptionInactive = "SUBSCRIPTION_INACTIVE", Infrastructure, Client, Never, 403, -32000, PermissionDenied, None,
        "The subscription of this credential is not active: ask the publisher to activate it.";
    PlanClosed = "PLAN_CLOSED", Infrastructure, Client, Never, 403, -32000, PermissionDenied, None,
        "The plan of this credential has been closed: subscribe to another plan.";
    PermissionDenied = "PERMISSION_DENIED", Infrastructure, Client, Never, 403, -32000, PermissionDenied, None,
        "This credential does not open this agent.";
    PlanNotReady = "PLAN_NOT_READY", Infrastructure, Gateway, Safe, 503, -32603, Unavailable, Some(1),
        "The plan of this credential has not arrived at this gateway yet: try again in a moment.";

    // How much.
    RateLimited = "RATE_LIMITED", Infrastructure, Client, Safe, 429, -32000, ResourceExhausted, Some(1),
        "Too many requests: wait as long as Retry-After says.";
    QuotaExhausted = "QUOTA_EXHAUSTED", Infrastructure, Client, Safe, 429, -32000, ResourceExhausted, Some(60),
        "The quota of the plan is used up: wait as long as Retry-After says, or ask for a larger plan.";
    TooManyStreams = "TOO_MANY_STREAMS", Infrastructure, Client, Safe, 429, -32000, ResourceExhausted, Some(1),
        "Too many event streams are open: close one first.";
    TooManyConcurrentRequests = "TOO_MANY_CONCURRENT_REQUESTS", Infrastructure, Client, Safe, 429, -32000, ResourceExhausted, Some(1),
        "Too many requests are under way at once: wait for one to end.";
    BodyTooLarge = "BODY_TOO_LARGE", Infrastructure, Client, Never, 413, -32600, ResourceExhausted, None,
        "The request body is larger than this agent accepts: send less.";
    HeadersTooLarge = "HEADERS_TOO_LARGE", Infrastructure, Client, Never, 431, -32600, ResourceExhausted, None,
        "The request head is larger than this gateway accepts: send fewer or shorter headers.";

    // Is it a request at all.
    UnsupportedMediaType = "UNSUPPORTED_MEDIA_TYPE", Infrastructure, Client, Never, 415, -32600, InvalidArgument, None,
        "The body must be JSON in UTF-8: send Content-Type application/json.";
    UnsupportedEncoding = "UNSUPPORTED_ENCODING", Infrastructure, Client, Never, 415, -32600, InvalidArgument, None,
        "Encoded request bodies are not accepted: send the body without Content-Encoding.";
    CompressedMessage = "COMPRESSED_MESSAGE", Protocol, Client, Never, 415, -32600, Unimplemented, None,
        "Compressed gRPC messages are not accepted: send them as grpc-accept-encoding says.";
    HttpVersionNotSupported = "HTTP_VERSION_NOT_SUPPORTED", Infrastructure, Client, Never, 505, -32600, Unimplemented, None,
        "gRPC needs HTTP/2: connect with TLS and ALPN h2, or with HTTP/2 by prior knowledge.";
    HeadersTimeout = "HEADERS_TIMEOUT", Infrastructure, Client, Safe, 408, -32000, DeadlineExceeded, None,
        "The request head took too long to arrive.";
    BodyTimeout = "BODY_TIMEOUT", Infrastructure, Client, Safe, 408, -32000, DeadlineExceeded, None,
        "The request body took too long to arrive.";
    BodyIncomplete = "BODY_INCOMPLETE", Infrastructure, Client, Safe, 400, -32600, InvalidArgument, None,
        "The request body broke off before its end: send it again whole.";
    ParseError = "PARSE_ERROR", Protocol, Client, Never, 400, -32700, InvalidArgument, None,
        "The body is not valid JSON.";
    InvalidRequest = "INVALID_REQUEST", Protocol, Client, Never, 400, -32600, InvalidArgument, None,
        "The request is not a valid A2A request.";
    InvalidParams = "INVALID_PARAMS", Protocol, Client, Never, 400, -32602, InvalidArgument, None,
        "The parameters are not valid for this operation.";
    WebhookNotAllowed = "WEBHOOK_NOT_ALLOWED", Protocol, Client, Never, 400, -32602, InvalidArgument, None,
        "The URL of the webhook is not one that may be called from here.";
    BatchNotSupported = "BATCH_NOT_SUPPORTED", Protocol, Client, Never, 400, -32600, InvalidArgument, None,
        "Batches are not part of A2A: send one request at a time.";
    DuplicateKey = "DUPLICATE_KEY", Protocol, Client, Never, 400, -32600, InvalidArgument, None,
        "An object names the same member twice: send each once, in one spelling.";
    TooDeep = "TOO_DEEP", Protocol, Client, Never, 400, -32600, InvalidArgument, None,
        "The body is nested more deeply than 100 levels.";
    MethodNotFound = "METHOD_NOT_FOUND", Protocol, Client, Never, 404, -32601, Unimplemented, None,
        "There is no such method.";
    VersionConflict = "VERSION_CONFLICT", Protocol, Client, Never, 400, -32600, InvalidArgument, None,
        "The request names several A2A versions that differ: name one, in the A2A-Version header.";
    NotFound = "NOT_FOUND", Infrastructure, Client, Never, 404, -32000, NotFound, None,
        "No agent answers at this address.";
    MethodNotAllowed = "METHOD_NOT_ALLOWED", Infrastructure, Client, Never, 405, -32600, Unimplemented, None,
        "This address does not answer that HTTP method: use the one that the Allow header names.";

    // In the agent's place.
    TaskNotFound = "TASK_NOT_FOUND", InAgentsPlace, Client, Never, 404, -32001, NotFound, None,
        "There is no such task.";
    PushNotSupported = "PUSH_NOTIFICATION_NOT_SUPPORTED", InAgentsPlace, Client, Never, 400, -32003, FailedPrecondition, None,
        "Push notifications are not available here: poll the task or subscribe to it.";
    UnsupportedOperation = "UNSUPPORTED_OPERATION", InAgentsPlace, Client, Never, 400, -32004, FailedPrecondition, None,
        "This operation is not available here.";
    ExtendedCardNotConfigured = "EXTENDED_AGENT_CARD_NOT_CONFIGURED", InAgentsPlace, Client, Never, 400, -32007, FailedPrecondition, None,
        "This agent has no extended card: use its public one.";
    VersionNotSupported = "VERSION_NOT_SUPPORTED", InAgentsPlace, Client, Never, 400, -32009, FailedPrecondition, None,
        "The agent does not speak that version of A2A: use one that its card names.";
    InvalidAgentResponse = "INVALID_AGENT_RESPONSE", InAgentsPlace, Upstream, Unknown, 500, -32006, Internal, None,
        "The agent gave an answer that is not valid A2A: tell its publisher.";

    // The agent's server.
    UpstreamUnavailable = "UPSTREAM_UNAVAILABLE", Infrastructure, Upstream, Safe, 503, -32603, Unavailable, Some(1),
        "The agent cannot be reached: try again later.";
    UpstreamConnectTimeout = "UPSTREAM_CONNECT_TIMEOUT", Infrastructure, Upstream, Safe, 504, -32603, DeadlineExceeded, Some(1),
        "The agent did not accept a connection in time: try again later.";
    UpstreamTls = "UPSTREAM_TLS", Infrastructure, Upstream, Never, 502, -32603, Unavailable, None,
        "The agent's identity could not be verified: tell its publisher.";
    UpstreamForbidden = "UPSTREAM_FORBIDDEN", Infrastructure, Gateway, Never, 502, -32603, Unavailable, None,
        "The agent's address is one that this gateway never calls: tell its publisher.";
    UpstreamTimeout = "UPSTREAM_TIMEOUT", Infrastructure, Upstream, Unknown, 504, -32603, DeadlineExceeded, None,
        "The agent did not answer in time; it may still be working: look for the task before repeating.";
    DeadlineExceeded = "DEADLINE_EXCEEDED", Infrastructure, Client, Unknown, 504, -32000, DeadlineExceeded, None,
        "The deadline that the caller set has passed; the agent may still be working: look for the task before repeating.";
    UpstreamReset = "UPSTREAM_RESET", Infrastructure, Upstream, Unknown, 502, -32603, Unavailable, None,
        "The connection to the agent broke; it may still be working: look for the task before repeating.";
    UpstreamResponseTooLarge = "UPSTREAM_RESPONSE_TOO_LARGE", Infrastructure, Upstream, Unknown, 502, -32603, ResourceExhausted, None,
        "The agent's answer is larger than this gateway accepts: tell its publisher.";
    CardUnavailable = "CARD_UNAVAILABLE", Infrastructure, Upstream, Safe, 503, -32603, Unavailable, Some(5),
        "The agent does not give out its card at the moment: try again later.";
    InvalidAgentCard = "INVALID_AGENT_CARD", Infrastructure, Upstream, Never, 502, -32603, Internal, None,
        "The agent's card cannot be served: tell its publisher.";

    // The gateway.
    PublicUrlMissing = "PUBLIC_URL_MISSING", Infrastructure, Gateway, Never, 503, -32603, Unavailable, None,
        "This gateway does not know its public address: its operator has to set --public-url.";
    NotReady = "NOT_READY", Infrastructure, Gateway, Safe, 503, -32603, Unavailable, Some(1),
        "This gateway has no configuration yet: try again in a moment.";
    Overloaded = "OVERLOADED", Infrastructure, Gateway, Safe, 503, -32603, Unavailable, Some(1),
        "This gateway is at its limit of memory or connections: try again later.";
    Draining = "DRAINING", Infrastructure, Gateway, Safe, 503, -32603, Unavailable, Some(1),
        "This gateway is shutting down: connect again to reach another one.";
    Internal = "INTERNAL", Infrastructure, Gateway, Unknown, 500, -32603, Internal, None,
        "Something went wrong inside the gateway: tell its operator the time and the request id.";

    // Why the gateway ended a stream. Most of the codes above can do that too.
    CredentialRevoked = "CREDENTIAL_REVOKED", Infrastructure, Client, Never, 401, -32000, Unauthenticated, None,
        "The stream has ended because its credential was revoked, paused or has expired.";
    AgentStopped = "AGENT_STOPPED", Infrastructure, Gateway, Never, 503, -32603, Unavailable, None,
        "The stream has ended because the agent was stopped or removed.";
    StreamDraining = "STREAM_DRAINING", Infrastructure, Gateway, Unknown, 503, -32603, Unavailable, None,
        "The stream has ended because this gateway is shutting down: subscribe to the task again.";
    StreamIdle = "STREAM_IDLE", Infrastructure, Upstream, Unknown, 504, -32603, DeadlineExceeded, None,
        "The stream has ended because the agent was silent for too long: subscribe to the task again.";
    StreamMaxDuration = "STREAM_MAX_DURATION", Infrastructure, Gateway, Unknown, 504, -32603, DeadlineExceeded, None,
        "The stream has reached the longest duration that this agent allows: subscribe to the task again.";
    StreamLost = "STREAM_LOST", Infrastructure, Upstream, Unknown, 502, -32603, Unavailable, None,
        "The stream has ended because the connection to the agent broke: subscribe to the task again.";
    EventTooLarge = "EVENT_TOO_LARGE", Infrastructure, Upstream, Unknown, 502, -32603, ResourceExhausted, None,
        "The stream has ended because an event was larger than this gateway accepts: tell the publisher.";
    ClientTooSlow = "CLIENT_TOO_SLOW", Infrastructure, Client, Unknown, 408, -32000, DeadlineExceeded, None,
        "The stream has ended because its events were not read in time: subscribe to the task again.";
}
