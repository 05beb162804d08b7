//! One trace through client, gateway and agent, from OpenTelemetry of two languages into one collector.

use serde_json::Value;
use system_tests::harness::{
    Agent, Client, DataPlane,
    manifest::{KEYLESS_PLAN, Manifest},
    sdk::Sdk,
    sink::Sink,
};

fn traced(scenario: &str) {
    let mut sink = Sink::start();
    let endpoint = ("OTEL_EXPORTER_OTLP_ENDPOINT", sink.endpoint.as_str());
    let agent = Agent::start_with(Sdk::Python1, &[], &[endpoint]);
    let manifest = Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN);
    let gateway =
        DataPlane::standalone_with(&manifest, &["--otlp-endpoint", &sink.endpoint, "--trace-ratio", "1"]);
    let client = Client::new(Sdk::Python1, &gateway.agent("echo")).environment(endpoint.0, endpoint.1);
    let seen = client.run_one(scenario);
    let trace = seen["traceId"].as_str().expect("a trace id");

    let spans = sink.spans_of(trace, 4);
    let root = one(&spans, "python-client", "client");
    let server = one(&spans, "signalbox-data-plane", "server");
    let upstream = one(&spans, "signalbox-data-plane", "client");
    let leaf = one(&spans, "python-agent", "server");
    assert_eq!(root["parent_span_id"], "", "{root}");
    for (child, parent) in [(server, root), (upstream, server), (leaf, upstream)] {
        assert_eq!(child["parent_span_id"], parent["span_id"], "{child}\nis no child of\n{parent}");
    }
}

fn one<'spans>(spans: &'spans [Value], service: &str, kind: &str) -> &'spans Value {
    let mut found = spans.iter().filter(|span| span["service"] == service && span["kind"] == kind);
    let first = found.next().unwrap_or_else(|| panic!("no {kind} span of {service} in {spans:#?}"));
    assert!(found.next().is_none(), "two {kind} spans of {service} in {spans:#?}");
    first
}

#[test]
fn a_unary_call_is_one_trace_of_four_spans() {
    traced("send");
}

#[test]
fn a_stream_is_one_trace_of_four_spans() {
    traced("stream");
}
