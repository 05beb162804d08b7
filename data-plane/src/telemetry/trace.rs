//! Spans of requests: one for the caller's side, one for the upstream's, and only for those requests that are traced.

#[cfg(test)]
mod tests;

use std::time::SystemTime;

use http::{HeaderMap, HeaderName, HeaderValue};
use opentelemetry::{
    Context, KeyValue,
    trace::{
        Span as _, SpanContext, SpanId, SpanKind, Status, TraceContextExt as _, TraceFlags, TraceId,
        TraceState, Tracer as _,
    },
};
use opentelemetry_sdk::trace::{SdkTracer, Span};
use opentelemetry_semantic_conventions::attribute;
use signalbox_proto::telemetry::TraceContext;

use super::{
    access::{AccessRecord, Outcome},
    attributes::attributes,
};

const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");
const TRACESTATE: HeaderName = HeaderName::from_static("tracestate");

/// Decides which requests are traced, and starts their spans.
#[derive(Clone, Debug)]
pub struct RequestTracer {
    tracer: Option<SdkTracer>,
    /// A random number up to this one means: trace it. `None`: never.
    threshold: Option<u64>,
    trust_sampled: bool,
}

/// The trace of one request: where it stands in the caller's trace, and its span if it is traced.
#[derive(Debug, Default)]
pub struct RequestTrace {
    recording: Option<Box<Recording>>,
    context: Option<TraceContext>,
    /// What the caller's headers have to become on their way to the upstream.
    headers: Headers,
}

#[derive(Debug, Default)]
enum Headers {
    /// They pass as they are.
    #[default]
    Keep,
    /// A new `traceparent`; the caller's `tracestate` stays.
    Replace,
    /// A new `traceparent`; what the caller sent made no sense and goes.
    Begin,
}

#[derive(Debug)]
struct Recording {
    tracer: SdkTracer,
    span: Span,
}

/// The span of one attempt at the upstream, if the request is traced. Dropped without `finish`, it ends as it is.
#[derive(Debug, Default)]
pub struct UpstreamSpan(Option<Box<Span>>);

impl RequestTracer {
    /// A tracer that records nothing and leaves all headers alone.
    pub fn off() -> Self {
        Self { tracer: None, threshold: None, trust_sampled: false }
    }

    /// Traces a share of requests. With `trust_sampled` the sampled flag of a caller decides instead; without it the
    /// flag has no influence: anyone can set it.
    pub(super) fn new(tracer: SdkTracer, ratio: f64, trust_sampled: bool) -> Self {
        // Clamped and checked against zero: the product lies within the range.
        #[expect(clippy::cast_sign_loss, reason = "rounding is harmless here")]
        let threshold = (ratio > 0.0).then(|| (ratio.min(1.0) * u64::MAX as f64) as u64);
        Self { tracer: Some(tracer), threshold, trust_sampled }
    }

    /// Begins the trace of a request whose head arrived at `time`.
    pub fn start(&self, headers: &HeaderMap, time: SystemTime) -> RequestTrace {
        let caller = caller(headers);
        let Some(tracer) = &self.tracer else {
            return RequestTrace { context: caller.ok().flatten(), ..RequestTrace::default() };
        };
        let (caller, fate) = match caller {
            Ok(Some(caller)) => (Some(caller), Headers::Keep),
            Ok(None) | Err(Malformed) => (None, Headers::Begin),
        };
        if !self.is_sampled(caller) {
            let context = caller.or_else(|| TraceContext::new(rand::random(), rand::random(), false));
            return RequestTrace { recording: None, context, headers: fate };
        }
        let parent = caller
            .map_or_else(Context::new, |caller| Context::new().with_remote_span_context(remote(caller)));
        let builder = tracer.span_builder("request").with_kind(SpanKind::Server).with_start_time(time);
        let span = tracer.build_with_context(builder, &parent);
        let context = local(span.span_context());
        let headers = if caller.is_some() { Headers::Replace } else { Headers::Begin };
        let recording = Some(Box::new(Recording { tracer: tracer.clone(), span }));
        RequestTrace { recording, context, headers }
    }

    fn is_sampled(&self, caller: Option<TraceContext>) -> bool {
        match caller {
            Some(caller) if self.trust_sampled => caller.sampled(),
            // Not derived from the trace id, which the caller chooses.
            _ => self.threshold.is_some_and(|threshold| rand::random::<u64>() <= threshold),
        }
    }
}

impl RequestTrace {
    /// Trace and span for the access log: the gateway's own, or the caller's if the request is not traced.
    pub fn context(&self) -> Option<TraceContext> {
        self.context
    }

    /// Whether spans are recorded.
    pub fn is_recording(&self) -> bool {
        self.recording.is_some()
    }

    /// Begins an attempt at the upstream and makes `headers` carry the trace on.
    pub fn upstream(&self, headers: &mut HeaderMap, time: SystemTime) -> UpstreamSpan {
        let span = self.recording.as_ref().map(|recording| {
            let parent = Context::new().with_remote_span_context(recording.span.span_context().clone());
            let builder =
                recording.tracer.span_builder("upstream").with_kind(SpanKind::Client).with_start_time(time);
            Box::new(recording.tracer.build_with_context(builder, &parent))
        });
        let context = span.as_ref().map_or(self.context, |span| local(span.span_context()));
        if matches!(self.headers, Headers::Begin) {
            headers.remove(TRACESTATE);
        }
        if !matches!(self.headers, Headers::Keep)
            && let Some(context) = context
            && let Ok(value) = HeaderValue::from_bytes(&context.to_bytes())
        {
            headers.insert(TRACEPARENT, value);
        }
        UpstreamSpan(span)
    }

    /// Ends the span with everything known about the request.
    pub fn finish(self, record: &AccessRecord<'_>) {
        let Some(recording) = self.recording else { return };
        let mut span = recording.span;
        let name = if record.operation.is_empty() { record.method } else { record.operation };
        span.update_name(name.to_owned());
        span.set_attributes(attributes(record));
        if record.status >= 500 || record.outcome.is_fault() || record.outcome == Outcome::AgentError {
            span.set_status(Status::error(record.error.to_owned()));
        }
        span.end_with_timestamp(record.time + record.duration);
    }
}

impl UpstreamSpan {
    /// Ends the span. `status` is the HTTP status of the answer, `error` the kind of failure that came instead.
    pub fn finish(self, method: &str, address: &str, status: Option<u16>, error: Option<&'static str>) {
        let Some(mut span) = self.0 else { return };
        span.update_name(method.to_owned());
        let mut attributes = vec![
            KeyValue::new(attribute::HTTP_REQUEST_METHOD, method.to_owned()),
            KeyValue::new(attribute::SERVER_ADDRESS, address.to_owned()),
        ];
        attributes.extend(
            status.map(|status| KeyValue::new(attribute::HTTP_RESPONSE_STATUS_CODE, i64::from(status))),
        );
        attributes.extend(error.map(|kind| KeyValue::new(attribute::ERROR_TYPE, kind)));
        span.set_attributes(attributes);
        if error.is_some() || status.is_some_and(|status| status >= 400) {
            span.set_status(Status::error(error.unwrap_or_default()));
        }
        span.end();
    }
}

/// The caller's headers are there but make no sense.
struct Malformed;

/// The caller's context. More than one header is as good as none that can be read.
fn caller(headers: &HeaderMap) -> Result<Option<TraceContext>, Malformed> {
    let mut values = headers.get_all(TRACEPARENT).iter();
    match (values.next(), values.next()) {
        (None, _) => Ok(None),
        (Some(value), None) => TraceContext::parse(value.as_bytes()).map(Some).ok_or(Malformed),
        (Some(_), Some(_)) => Err(Malformed),
    }
}

/// A context that came from elsewhere, as the library wants it.
pub(super) fn remote(context: TraceContext) -> SpanContext {
    let flags = TraceFlags::default().with_sampled(context.sampled());
    let (trace, span) = (TraceId::from_bytes(context.trace_id()), SpanId::from_bytes(context.span_id()));
    SpanContext::new(trace, span, flags, true, TraceState::NONE)
}

/// The context of a span of this process.
pub(super) fn local(context: &SpanContext) -> Option<TraceContext> {
    TraceContext::new(context.trace_id().to_bytes(), context.span_id().to_bytes(), context.is_sampled())
}
