//! How the command ends.

use std::io::{self, Write as _};
use std::process::ExitCode;

use tonic_types::StatusExt as _;

/// Exit codes: part of the interface.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    /// Anything that has no code of its own.
    Failed = 1,
    /// Wrong usage; clap ends with the same code.
    Usage = 2,
    /// A resource does not exist.
    NotFound = 3,
    /// A resource exists already, or has changed meanwhile.
    Conflict = 4,
    /// The token is missing or wrong, or does not allow it.
    Unauthenticated = 5,
    /// The control plane cannot be reached, or is busy.
    Unavailable = 6,
    /// The manifest or a field is wrong, or does not go with what is stored.
    Invalid = 7,
    /// What was waited for did not happen in time.
    TimedOut = 8,
}

/// Why the command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    /// The exit code.
    pub code: Code,
    /// What to tell people, one or more lines.
    pub message: String,
}

impl Failure {
    /// A failure with a code of its own.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Self {
        Self::new(Code::Failed, format!("{error:#}"))
    }
}

impl From<tonic::Status> for Failure {
    fn from(status: tonic::Status) -> Self {
        use tonic::Code as Grpc;
        let code = match status.code() {
            Grpc::NotFound => Code::NotFound,
            Grpc::AlreadyExists | Grpc::Aborted => Code::Conflict,
            Grpc::Unauthenticated | Grpc::PermissionDenied => Code::Unauthenticated,
            Grpc::Unavailable | Grpc::DeadlineExceeded => Code::Unavailable,
            Grpc::InvalidArgument | Grpc::FailedPrecondition => Code::Invalid,
            _ => Code::Failed,
        };
        let mut lines = Vec::new();
        for (field, description) in violations(&status) {
            lines.push(if field.is_empty() { description } else { format!("{field}: {description}") });
        }
        if lines.is_empty() {
            // The API's field is the command's flag.
            lines.push(status.message().replace("or set force", "or use --force"));
        }
        Self::new(code, lines.join("\n"))
    }
}

/// The fields that a status finds wrong, with what is wrong.
pub(crate) fn violations(status: &tonic::Status) -> Vec<(String, String)> {
    let details = status.get_error_details();
    let fields = details.bad_request().map(|bad| bad.field_violations.clone()).unwrap_or_default();
    fields.into_iter().map(|violation| (violation.field, violation.description)).collect()
}

/// Ends the process: tells people on stderr what failed.
pub(crate) fn end(result: Result<(), Failure>) -> ExitCode {
    let Err(failure) = result else { return ExitCode::SUCCESS };
    let mut stderr = io::stderr().lock();
    for (index, line) in failure.message.lines().enumerate() {
        let mark = if index == 0 { "error: " } else { "" };
        // Nobody is left to tell if stderr is closed.
        let _ = writeln!(stderr, "{mark}{line}");
    }
    ExitCode::from(failure.code as u8)
}
