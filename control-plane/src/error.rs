//! Every way in which a call can fail, as one type and one table.

use std::fmt;

use signalbox_proto::model::violation::Violations;

use crate::store::StoreError;

/// What kind of failure: the canonical codes, without the transport that carries them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    /// The request is wrong whatever is stored.
    InvalidArgument,
    /// It does not exist.
    NotFound,
    /// It exists already.
    AlreadyExists,
    /// Somebody else was faster.
    Aborted,
    /// The request does not go with what is stored.
    FailedPrecondition,
    /// Too much at once.
    ResourceExhausted,
    /// No credential, or a wrong one.
    Unauthenticated,
    /// The credential does not allow it.
    PermissionDenied,
    /// Not now.
    Unavailable,
    /// A defect, or damaged data.
    Internal,
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The caller's.
    Caller,
    /// The control plane's, or its disk's.
    ControlPlane,
}

/// Why a call failed.
///
/// `Display` is the public sentence: what is wrong and what to do. The internal detail is the source.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Fields of the request are wrong.
    #[error("the request is invalid: {0}")]
    Invalid(Violations),
    /// Fields of the request do not go with what is stored: a missing reference, a taken address, a final state.
    #[error("the change does not fit what is stored: {0}")]
    Refused(Violations),
    /// There is no such resource.
    #[error("{resource} does not exist")]
    NotFound {
        /// Its name.
        resource: String,
    },
    /// There is such a resource already.
    #[error("{resource} exists already; update it, or choose another id")]
    AlreadyExists {
        /// Its name.
        resource: String,
    },
    /// The etag is not the current one.
    #[error("{resource} has changed since it was read; read it again and repeat the change")]
    EtagMismatch {
        /// Its name.
        resource: String,
        /// The etag that it has now; empty if it does not exist.
        current: String,
    },
    /// Something else needs what should be deleted.
    #[error("{resource} is in use by {}; delete that first, or set force", List(by))]
    InUse {
        /// Its name.
        resource: String,
        /// Some of those that need it.
        by: Vec<String>,
    },
    /// The request id was used for another request.
    #[error("request_id {request_id} was used for another request; choose a new one")]
    RequestIdReused {
        /// The id.
        request_id: String,
    },
    /// The change is too large for one commit.
    #[error("the change would touch more than {limit} resources; make it in parts")]
    TooLarge {
        /// Most resources that one commit may touch.
        limit: usize,
    },
    /// No credential, or a wrong one.
    #[error("{0}")]
    Unauthenticated(&'static str),
    /// The credential does not allow it.
    #[error("{0}")]
    PermissionDenied(&'static str),
    /// Another process is writing to the store.
    #[error("the store is busy; try again")]
    Busy,
    /// The disk is full or cannot be written. Nothing was changed.
    #[error("the control plane cannot write to its disk; nothing was changed")]
    Unwritable(#[source] StoreError),
    /// A defect, or damaged data.
    #[error("internal error; the control plane's log says more")]
    Internal {
        /// What was being done, for the log.
        doing: &'static str,
        /// Why it failed, for the log.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A row of the table: what every error of one variant has in common.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// Canonical code.
    pub code: Code,
    /// UPPER_SNAKE_CASE, for programs.
    pub reason: &'static str,
    /// Whose fault it is.
    pub fault: Fault,
    /// Whether the same request may succeed later, and sending it again does no harm.
    pub retry_safe: bool,
}

impl Error {
    /// The error's row in the table.
    pub fn facts(&self) -> Facts {
        use Fault::{Caller, ControlPlane};
        let (code, reason, fault, retry_safe) = match self {
            Self::Invalid(_) => (Code::InvalidArgument, "INVALID", Caller, false),
            Self::Refused(wrong) => (Code::FailedPrecondition, first_reason(wrong), Caller, false),
            Self::NotFound { .. } => (Code::NotFound, "NOT_FOUND", Caller, false),
            Self::AlreadyExists { .. } => (Code::AlreadyExists, "ALREADY_EXISTS", Caller, false),
            Self::EtagMismatch { .. } => (Code::Aborted, "ETAG_MISMATCH", Caller, false),
            Self::InUse { .. } => (Code::FailedPrecondition, "IN_USE", Caller, false),
            Self::RequestIdReused { .. } => (Code::InvalidArgument, "REQUEST_ID_REUSED", Caller, false),
            Self::TooLarge { .. } => (Code::ResourceExhausted, "TOO_LARGE", Caller, false),
            Self::Unauthenticated(_) => (Code::Unauthenticated, "UNAUTHENTICATED", Caller, false),
            Self::PermissionDenied(_) => (Code::PermissionDenied, "PERMISSION_DENIED", Caller, false),
            Self::Busy => (Code::Unavailable, "BUSY", ControlPlane, true),
            Self::Unwritable(_) => (Code::Unavailable, "UNWRITABLE", ControlPlane, true),
            Self::Internal { .. } => (Code::Internal, "INTERNAL", ControlPlane, false),
        };
        Facts { code, reason, fault, retry_safe }
    }

    /// The fields that are wrong, if it is about fields.
    pub fn violations(&self) -> Option<&Violations> {
        match self {
            Self::Invalid(wrong) | Self::Refused(wrong) => Some(wrong),
            _ => None,
        }
    }

    /// The resource that it is about, if it is about one.
    pub fn resource(&self) -> Option<&str> {
        match self {
            Self::NotFound { resource }
            | Self::AlreadyExists { resource }
            | Self::EtagMismatch { resource, .. }
            | Self::InUse { resource, .. } => Some(resource),
            _ => None,
        }
    }

    /// Everything that the log should say and the caller should not read: each source in turn.
    pub fn internal(&self) -> String {
        let mut text = match self {
            Self::Internal { doing, .. } => format!("{doing} failed"),
            other => other.to_string(),
        };
        let mut source = std::error::Error::source(self);
        while let Some(error) = source {
            text.push_str(": ");
            text.push_str(&error.to_string());
            source = error.source();
        }
        text
    }

    /// A failure of the store while `doing` this.
    pub fn store(doing: &'static str) -> impl Fn(StoreError) -> Self {
        move |error| match error {
            StoreError::Busy => Self::Busy,
            StoreError::Unwritable(_) => Self::Unwritable(error),
            other => Self::Internal { doing, source: Box::new(other) },
        }
    }

    /// A defect found while `doing` this.
    pub fn defect(doing: &'static str, what: impl Into<String>) -> Self {
        Self::Internal { doing, source: what.into().into() }
    }
}

fn first_reason(wrong: &Violations) -> &'static str {
    wrong.iter().next().map_or("REFUSED", |violation| violation.reason)
}

/// Joins names for a sentence.
struct List<'a>(&'a [String]);

impl fmt::Display for List<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.join(", "))
    }
}
