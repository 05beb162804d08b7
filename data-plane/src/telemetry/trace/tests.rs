use std::{
    sync::{Arc, Mutex},
    time::{Duration, UNIX_EPOCH},
};

use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::{
    error::OTelSdkResult,
    trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter},
};

use super::*;

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[derive(Clone, Debug, Default)]
struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl SpanExporter for Kept {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        self.0.lock().unwrap().extend(batch);
        Ok(())
    }
}

struct Fixture {
    tracer: RequestTracer,
    kept: Kept,
    _provider: SdkTracerProvider,
}

fn tracer(ratio: f64, trust_sampled: bool) -> Fixture {
    let kept = Kept::default();
    let provider = SdkTracerProvider::builder()
        .with_sampler(Sampler::AlwaysOn)
        .with_simple_exporter(kept.clone())
        .build();
    let tracer = RequestTracer::new(provider.tracer("test"), ratio, trust_sampled);
    Fixture { tracer, kept, _provider: provider }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn sent(headers: &HeaderMap) -> Option<TraceContext> {
    headers.get("traceparent").map(|value| TraceContext::parse(value.as_bytes()).unwrap())
}

#[test]
fn a_traced_request_has_a_server_span_and_a_client_span_below_the_callers() {
    let fixture = tracer(1.0, false);
    let mut headers = headers(&[("traceparent", CALLER), ("tracestate", "vendor=1")]);
    let trace = fixture.tracer.start(&headers, UNIX_EPOCH);
    assert!(trace.is_recording());
    let server = trace.context().unwrap();
    let upstream = trace.upstream(&mut headers, UNIX_EPOCH);
    let forwarded = sent(&headers).unwrap();
    upstream.finish("POST", "127.0.0.1:9", Some(200), None);
    let duration = Duration::from_millis(5);
    let record = AccessRecord { operation: "SendMessage", duration, status: 200, ..AccessRecord::default() };
    trace.finish(&record);

    let caller = TraceContext::parse(CALLER.as_bytes()).unwrap();
    assert_eq!((forwarded.trace_id(), server.trace_id()), (caller.trace_id(), caller.trace_id()));
    assert!(forwarded.sampled());
    assert_eq!(headers["tracestate"], "vendor=1");
    let spans = fixture.kept.0.lock().unwrap();
    let [client, root] = &spans[..] else { panic!("{spans:?}") };
    assert_eq!(root.span_kind, SpanKind::Server);
    assert_eq!(root.name, "SendMessage");
    assert_eq!(root.end_time, UNIX_EPOCH + duration);
    assert_eq!(root.parent_span_id.to_bytes(), caller.span_id());
    assert!(root.parent_span_is_remote);
    assert_eq!(root.span_context.span_id().to_bytes(), server.span_id());
    assert_eq!(client.span_kind, SpanKind::Client);
    assert_eq!(client.parent_span_id.to_bytes(), server.span_id());
    assert!(!client.parent_span_is_remote);
    assert_eq!(client.span_context.span_id().to_bytes(), forwarded.span_id());
}

#[test]
fn each_attempt_is_a_span_of_its_own() {
    let fixture = tracer(1.0, false);
    let mut headers = HeaderMap::new();
    let trace = fixture.tracer.start(&headers, UNIX_EPOCH);
    trace.upstream(&mut headers, UNIX_EPOCH).finish("POST", "a:1", None, Some("connect"));
    let first = sent(&headers).unwrap();
    drop(trace.upstream(&mut headers, UNIX_EPOCH));
    let second = sent(&headers).unwrap();
    assert_ne!(first.span_id(), second.span_id());
    drop(trace);
    let spans = fixture.kept.0.lock().unwrap();
    assert_eq!(spans.len(), 3, "abandoned spans end too");
    assert!(matches!(spans[0].status, Status::Error { .. }));
    assert!(
        spans[0]
            .attributes
            .iter()
            .any(|kv| kv.key.as_str() == "error.type" && kv.value.as_str() == "connect")
    );
}

#[test]
fn the_callers_flag_does_not_force_recording_and_its_headers_pass_untouched() {
    let fixture = tracer(0.0, false);
    let mut headers = headers(&[("traceparent", CALLER), ("tracestate", "vendor=1")]);
    let before = headers.clone();
    let trace = fixture.tracer.start(&headers, UNIX_EPOCH);
    assert!(!trace.is_recording());
    assert_eq!(trace.context(), TraceContext::parse(CALLER.as_bytes()));
    trace.upstream(&mut headers, UNIX_EPOCH).finish("POST", "a:1", Some(200), None);
    assert_eq!(headers, before);
    trace.finish(&AccessRecord::default());
    assert!(fixture.kept.0.lock().unwrap().is_empty());
}

#[test]
fn a_trusted_callers_flag_decides_either_way() {
    let fixture = tracer(0.0, true);
    assert!(fixture.tracer.start(&headers(&[("traceparent", CALLER)]), UNIX_EPOCH).is_recording());
    assert!(!fixture.tracer.start(&HeaderMap::new(), UNIX_EPOCH).is_recording());
    let fixture = tracer(1.0, true);
    let unsampled = CALLER.replace("-01", "-00");
    assert!(!fixture.tracer.start(&headers(&[("traceparent", &unsampled)]), UNIX_EPOCH).is_recording());
    assert!(fixture.tracer.start(&HeaderMap::new(), UNIX_EPOCH).is_recording());
}

#[test]
fn an_untraced_request_without_context_starts_an_unsampled_trace() {
    let fixture = tracer(0.0, false);
    let mut headers = HeaderMap::new();
    let trace = fixture.tracer.start(&headers, UNIX_EPOCH);
    drop(trace.upstream(&mut headers, UNIX_EPOCH));
    let sent = sent(&headers).unwrap();
    assert!(!sent.sampled());
    assert_eq!(trace.context(), Some(sent), "the log names what the agent was told");
}

#[test]
fn headers_that_make_no_sense_are_replaced() {
    for pairs in [
        &[("traceparent", "00-zz"), ("tracestate", "vendor=1")][..],
        &[("traceparent", CALLER), ("traceparent", CALLER), ("tracestate", "vendor=1")][..],
        &[("tracestate", "vendor=1")][..],
    ] {
        for ratio in [0.0, 1.0] {
            let mut headers = headers(pairs);
            let trace = tracer(ratio, false).tracer.start(&headers, UNIX_EPOCH);
            drop(trace.upstream(&mut headers, UNIX_EPOCH));
            let sent = sent(&headers).unwrap();
            assert_ne!(Some(sent.trace_id()), TraceContext::parse(CALLER.as_bytes()).map(|c| c.trace_id()));
            assert_eq!(headers.get_all("traceparent").iter().count(), 1);
            assert_eq!(headers.get("tracestate"), None);
        }
    }
}

#[test]
fn without_a_collector_all_headers_pass() {
    let mut passed = headers(&[("traceparent", "00-zz"), ("tracestate", "vendor=1")]);
    let before = passed.clone();
    let trace = RequestTracer::off().start(&passed, UNIX_EPOCH);
    drop(trace.upstream(&mut passed, UNIX_EPOCH));
    assert_eq!(passed, before);
    assert_eq!(trace.context(), None);
    let with_context = headers(&[("traceparent", CALLER)]);
    assert!(RequestTracer::off().start(&with_context, UNIX_EPOCH).context().is_some());
}

#[test]
fn the_ratio_is_kept() {
    let fixture = tracer(0.25, false);
    let traced = (0..4000)
        .filter(|_| fixture.tracer.start(&headers(&[("traceparent", CALLER)]), UNIX_EPOCH).is_recording())
        .count();
    // Twelve standard deviations on either side.
    assert!((670..=1330).contains(&traced), "{traced}");
}

#[test]
fn faults_and_agent_errors_mark_the_span() {
    let fixture = tracer(1.0, false);
    for (outcome, status) in [
        (Outcome::Success, 200),
        (Outcome::ClientError, 404),
        (Outcome::AgentError, 200),
        (Outcome::UpstreamError, 502),
    ] {
        let trace = fixture.tracer.start(&HeaderMap::new(), UNIX_EPOCH);
        trace.finish(&AccessRecord { outcome, status, method: "GET", ..AccessRecord::default() });
    }
    let spans = fixture.kept.0.lock().unwrap();
    let failed: Vec<_> = spans.iter().map(|span| matches!(span.status, Status::Error { .. })).collect();
    assert_eq!(failed, [false, false, true, true]);
    assert_eq!(spans[0].name, "GET");
}

#[test]
fn an_unsampled_trace_is_small() {
    assert!(size_of::<RequestTrace>() <= 40, "{}", size_of::<RequestTrace>());
}
