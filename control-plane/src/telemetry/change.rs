//! Spans of calls that change something, and of what follows from them.

use opentelemetry::{
    Context,
    trace::{SpanContext, SpanId, TraceContextExt as _, TraceFlags, TraceId, TraceState},
};
use signalbox_proto::{model::lane::Lane, telemetry::TraceContext};
use tracing::{Span, field::Empty, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt as _;

/// Target of the spans that are exported; others are for the diagnostic log alone.
pub(super) const TARGET: &str = "signalbox::change";

/// The span of a call, below the caller's own where its `traceparent` can be read. `method` is the RPC:
/// `signalbox.config.v1.ConfigService/UpdateAgent`.
pub fn call_span(method: &str, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET,
        "call",
        otel.name = method,
        otel.kind = "server",
        rpc.system.name = "grpc",
        rpc.method = method,
        rpc.response.status_code = Empty,
        signalbox.actor = Empty,
        signalbox.revision.config = Empty,
        signalbox.revision.credentials = Empty,
        otel.status_description = Empty,
    );
    if let Some(caller) = traceparent.and_then(|text| TraceContext::parse(text.as_bytes())) {
        // Without a collector there is no layer that could take it.
        let _ = span.set_parent(Context::new().with_remote_span_context(remote(caller)));
    }
    span
}

/// The span of bringing a change to one data plane: from sending it until it is acknowledged. Linked to the commit.
pub fn publish_span(data_plane: &str, lane: Lane, from: u64, to: u64, traceparent: Option<&str>) -> Span {
    let span = info_span!(
        target: TARGET,
        "config.publish",
        otel.kind = "producer",
        signalbox.data_plane = data_plane,
        signalbox.lane = lane.as_str(),
        signalbox.revision.from = from,
        signalbox.revision.to = to,
        otel.status_description = Empty,
    );
    if let Some(commit) = traceparent.and_then(|text| TraceContext::parse(text.as_bytes())) {
        span.add_link(remote(commit));
    }
    span
}

/// Marks a span as failed.
pub fn fail(span: &Span, error: &dyn std::fmt::Display) {
    // A description is only ever that of an error.
    span.record("otel.status_description", tracing::field::display(error));
}

/// The `traceparent` to hand on from a span: the span's own if it is exported.
pub fn traceparent(span: &Span) -> Option<String> {
    let context = span.context();
    let context = context.span().span_context().clone();
    let (trace_id, span_id) = (context.trace_id().to_bytes(), context.span_id().to_bytes());
    TraceContext::new(trace_id, span_id, context.is_sampled()).map(|context| context.to_string())
}

fn remote(context: TraceContext) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(context.sampled());
    let (trace, span) = (TraceId::from_bytes(context.trace_id()), SpanId::from_bytes(context.span_id()));
    SpanContext::new(trace, span, flags, true, TraceState::NONE)
}
