//! Every call counted and timed, and those that change something under a span.

use std::sync::Arc;
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use http::{Request, Response};
use tokio::time::Instant;
use tonic::body::Body;
use tonic::{Code, Status};
use tower::{Layer, Service as TowerService};
use tracing::Instrument as _;

use crate::telemetry::{Telemetry, change};

/// Puts [`Observed`] around the services.
#[derive(Clone)]
pub struct ObservationLayer {
    telemetry: Arc<Telemetry>,
}

impl ObservationLayer {
    /// Counts in `telemetry`.
    pub fn new(telemetry: Arc<Telemetry>) -> Self {
        Self { telemetry }
    }
}

impl<S> Layer<S> for ObservationLayer {
    type Service = Observed<S>;

    fn layer(&self, inner: S) -> Observed<S> {
        Observed { inner, telemetry: Arc::clone(&self.telemetry) }
    }
}

/// Counts calls.
#[derive(Clone)]
pub struct Observed<S> {
    inner: S,
    telemetry: Arc<Telemetry>,
}

impl<S> TowerService<Request<Body>> for Observed<S>
where
    S: TowerService<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = S::Error;
    type Future = BoxFuture<'static, Result<Response<Body>, S::Error>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        // The service that was polled ready, not a fresh clone of it.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let telemetry = Arc::clone(&self.telemetry);
        let method = request.uri().path().trim_start_matches('/').to_owned();
        let start = Instant::now();
        let span = if changes(&method) {
            let parent = request.headers().get("traceparent").and_then(|value| value.to_str().ok());
            change::call_span(&method, parent)
        } else {
            tracing::Span::none()
        };
        Box::pin(
            async move {
                let answer = inner.call(request).await?;
                // An error is in the head; a message has its status after it, and that is OK.
                let code = Status::from_header_map(answer.headers()).map_or(Code::Ok, |status| status.code());
                let span = tracing::Span::current();
                span.record("rpc.response.status_code", code_name(code));
                if code != Code::Ok {
                    change::fail(&span, &code_name(code));
                }
                let duration = (!streams(&method)).then(|| start.elapsed());
                telemetry.metrics.call(&method, code_name(code), duration);
                Ok(answer)
            }
            .instrument(span),
        )
    }
}

/// Whether a method changes what is stored.
fn changes(method: &str) -> bool {
    const VERBS: [&str; 5] = ["Create", "Update", "Delete", "Revoke", "Apply"];
    let ours = method.starts_with("signalbox.");
    ours && method.split_once('/').is_some_and(|(_, name)| VERBS.iter().any(|verb| name.starts_with(verb)))
}

/// Whether a method answers with a stream, or waits by design: its time says nothing.
fn streams(method: &str) -> bool {
    ["/Sync", "/WatchDataPlanes", "/WaitForRevision", "/Watch"].iter().any(|name| method.ends_with(name))
}

/// The name that gRPC gives a code.
pub fn code_name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_are_told_by_their_verbs() {
        for method in ["CreateAgent", "UpdatePlan", "DeleteConsumer", "RevokeApiKey", "ApplyManifest"] {
            assert!(changes(&format!("signalbox.config.v1.ConfigService/{method}")), "{method}");
        }
        for method in
            ["signalbox.config.v1.ConfigService/GetAgent", "grpc.health.v1.Health/CreateX", "CreateAgent", ""]
        {
            assert!(!changes(method), "{method}");
        }
    }
}
