//! Spans of config changes. They are few and are made with `tracing`; the request path never is.

use opentelemetry::trace::TraceContextExt as _;
use signalbox_proto::{model::lane::Lane, telemetry::TraceContext};
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

use super::trace::{local, remote};

/// Target of the spans that are exported; others are for the diagnostic log alone.
pub(super) const TARGET: &str = "signalbox::change";

/// The span of applying a change, linked to the commit that made it. `traceparent` is what came with the change;
/// one that cannot be read is left out.
pub fn apply_span(lane: Lane, from: u64, to: u64, traceparent: &str) -> Span {
    let span = info_span!(
        target: TARGET,
        "config.apply",
        otel.kind = "consumer",
        signalbox.lane = lane.as_str(),
        signalbox.revision.from = from,
        signalbox.revision.to = to,
        signalbox.changes = Empty,
        otel.status_description = Empty,
    );
    if let Some(commit) = TraceContext::parse(traceparent.as_bytes()) {
        span.add_link(remote(commit));
    }
    span
}

/// The span of one connection attempt to the control plane, until it is welcomed.
pub fn connect_span(endpoint: &str) -> Span {
    info_span!(
        target: TARGET,
        "control_plane.connect",
        otel.kind = "client",
        server.address = endpoint,
        otel.status_description = Empty,
    )
}

/// Marks a span as failed.
pub fn fail(span: &Span, error: &dyn std::error::Error) {
    // A description is only ever that of an error.
    span.record("otel.status_description", tracing::field::display(error));
}

/// The `traceparent` of a span, if it is exported.
pub fn traceparent(span: &Span) -> Option<TraceContext> {
    local(span.context().span().span_context())
}
