//! How a call to an agent can fail.

use std::error::Error;

/// What went wrong, coarse enough for a metric label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UpstreamErrorKind {
    /// The host name could not be resolved.
    Dns,
    /// Every resolved address is one that the gateway never calls.
    Forbidden,
    /// The host refused the connection.
    Refused,
    /// The network gave no way to the host.
    Unreachable,
    /// No usable connection within the endpoint's connect timeout.
    ConnectTimeout,
    /// The TLS handshake failed, or the certificate is not acceptable.
    Tls,
    /// No response head within the caller's time.
    HeadTimeout,
    /// The response body stood still for too long.
    BodyTimeout,
    /// The connection or the stream broke before the response was complete.
    Reset,
    /// The response is not valid HTTP, or uses what was not asked for.
    Malformed,
    /// The response head is larger than the gateway reads.
    HeadTooLarge,
    /// As many connections to the agent are open as the machine has ports for.
    Overloaded,
    /// The request cannot be written as HTTP; a fault of the gateway.
    InvalidRequest,
}

impl UpstreamErrorKind {
    /// The name used in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Forbidden => "forbidden_address",
            Self::Refused => "refused",
            Self::Unreachable => "unreachable",
            Self::ConnectTimeout => "connect_timeout",
            Self::Tls => "tls",
            Self::HeadTimeout => "head_timeout",
            Self::BodyTimeout => "body_timeout",
            Self::Reset => "reset",
            Self::Malformed => "malformed",
            Self::HeadTooLarge => "head_too_large",
            Self::Overloaded => "overloaded",
            Self::InvalidRequest => "invalid_request",
        }
    }

    fn sentence(self) -> &'static str {
        match self {
            Self::Dns => "the agent's host name could not be resolved",
            Self::Forbidden => "the agent's address is one that the gateway never calls",
            Self::Refused => "the agent refused the connection",
            Self::Unreachable => "the agent's address could not be reached",
            Self::ConnectTimeout => "the agent did not accept a connection in time",
            Self::Tls => "no trusted TLS connection to the agent",
            Self::HeadTimeout => "the agent did not answer in time",
            Self::BodyTimeout => "the agent's answer stood still for too long",
            Self::Reset => "the agent closed the connection before its answer was complete",
            Self::Malformed => "the agent's answer is not valid HTTP",
            Self::HeadTooLarge => "the head of the agent's answer is too large",
            Self::Overloaded => "too many connections to the agent are open",
            Self::InvalidRequest => "the request could not be written",
        }
    }
}

/// A failed call to an agent. `Display` never prints the source.
#[derive(Debug, thiserror::Error)]
#[error("{}", self.kind.sentence())]
pub struct UpstreamError {
    kind: UpstreamErrorKind,
    nothing_sent: bool,
    source: Option<Box<dyn Error + Send + Sync>>,
}

impl UpstreamError {
    /// An error before which no byte of the request had left, so that any operation may be repeated.
    pub(super) fn before_sending(kind: UpstreamErrorKind) -> Self {
        Self { kind, nothing_sent: true, source: None }
    }

    /// An error after which the agent may have acted on the request.
    pub(super) fn after_sending(kind: UpstreamErrorKind) -> Self {
        Self { kind, nothing_sent: false, source: None }
    }

    /// The same error with its cause.
    #[must_use]
    pub(super) fn because(mut self, source: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        self.source = Some(source.into());
        self
    }

    /// What went wrong.
    pub fn kind(&self) -> UpstreamErrorKind {
        self.kind
    }

    /// Whether the agent cannot have seen the request: then repeating it is safe, whatever it asks for.
    pub fn nothing_sent(&self) -> bool {
        self.nothing_sent
    }
}
