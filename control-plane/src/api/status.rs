//! [`Error`] as gRPC status with `google.rpc` details.

use std::collections::HashMap;
use std::time::Duration;

use signalbox_proto::model::violation::Violations;
use tonic::{Code as GrpcCode, Status};
use tonic_types::{ErrorDetails, FieldViolation, PreconditionViolation, StatusExt as _};

use crate::error::{Code, Error, Fault};

/// Domain of every `ErrorInfo`.
pub const DOMAIN: &str = "signalbox.dev";

/// Time after which a retry makes sense, where one is safe.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// The status that a caller gets. What the caller should not read goes to the log here.
pub fn status(error: &Error) -> Status {
    let facts = error.facts();
    if facts.fault == Fault::ControlPlane {
        tracing::error!(reason = facts.reason, error = %error.internal(), "a call failed");
    }
    let mut metadata = HashMap::new();
    let mut details = ErrorDetails::new();
    match error {
        Error::Invalid(violations) => {
            details.set_bad_request(field_violations(violations));
        }
        Error::Refused(violations) => {
            // The fields are named as in BadRequest, so that a client needs one way to show them.
            details.set_bad_request(field_violations(violations));
            let precondition = |violation: &signalbox_proto::model::violation::Violation| {
                PreconditionViolation::new(
                    violation.reason,
                    violation.field.as_str(),
                    violation.description.as_str(),
                )
            };
            details.set_precondition_failure(violations.iter().map(precondition).collect::<Vec<_>>());
        }
        Error::EtagMismatch { current, .. } => {
            metadata.insert("current_etag".to_owned(), current.clone());
        }
        _ => {}
    }
    if let Some(resource) = error.resource() {
        details.set_resource_info(kind_of(resource), resource, "", error.to_string());
    }
    if facts.retry_safe {
        details.set_retry_info(Some(RETRY_DELAY));
    }
    details.set_error_info(facts.reason, DOMAIN, metadata);
    Status::with_error_details(grpc_code(facts.code), error.to_string(), details)
}

fn field_violations(violations: &Violations) -> Vec<FieldViolation> {
    violations.iter().map(|v| FieldViolation::new(v.field.as_str(), v.description.as_str())).collect()
}

fn grpc_code(code: Code) -> GrpcCode {
    match code {
        Code::InvalidArgument => GrpcCode::InvalidArgument,
        Code::NotFound => GrpcCode::NotFound,
        Code::AlreadyExists => GrpcCode::AlreadyExists,
        Code::Aborted => GrpcCode::Aborted,
        Code::FailedPrecondition => GrpcCode::FailedPrecondition,
        Code::ResourceExhausted => GrpcCode::ResourceExhausted,
        Code::Unauthenticated => GrpcCode::Unauthenticated,
        Code::PermissionDenied => GrpcCode::PermissionDenied,
        Code::Unavailable => GrpcCode::Unavailable,
        Code::Internal => GrpcCode::Internal,
    }
}

/// The resource type of a name, as `ResourceInfo` has it.
fn kind_of(name: &str) -> &'static str {
    match name.rsplit('/').nth(1) {
        Some("agents") => "signalbox.config.v1.Agent",
        Some("plans") => "signalbox.config.v1.Plan",
        Some("consumers") => "signalbox.config.v1.Consumer",
        Some("subscriptions") => "signalbox.config.v1.Subscription",
        Some("apiKeys") => "signalbox.config.v1.ApiKey",
        Some("dataPlanes") => "signalbox.fleet.v1.DataPlane",
        Some("dataPlaneTokens") => "signalbox.fleet.v1.DataPlaneToken",
        _ => "",
    }
}

#[cfg(test)]
mod tests;
