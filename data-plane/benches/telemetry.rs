//! What accounting for a request costs: one line, the counters, the trace decision.

use std::{
    hint::black_box,
    sync::Arc,
    time::{Duration, SystemTime},
};

use criterion::{Criterion, criterion_group, criterion_main};
use http::HeaderMap;
use signalbox_data_plane::telemetry::{
    AccessLog, AccessRecord, Destination, Outcome, RequestTrace, RequestTracer, Settings, Telemetry,
    TelemetryArguments, TraceContext,
};

fn record() -> AccessRecord<'static> {
    AccessRecord {
        time: SystemTime::now(),
        duration: Duration::from_micros(3_214),
        first_byte: Some(Duration::from_micros(2_900)),
        upstream_time: Some(Duration::from_micros(2_700)),
        method: "POST",
        path: "/a2a/weather",
        host: "gateway.example:8080",
        protocol: "HTTP/1.1",
        status: 200,
        organization: "default",
        agent: "weather",
        plan: "gold",
        consumer: "shop",
        key: "5f3a9c",
        peer: Some(([192, 0, 2, 7], 50123).into()),
        upstream: "192.0.2.20:9999",
        a2a_method: "message/send",
        operation: "SendMessage",
        binding: "JSONRPC",
        version: "0.3",
        task: "8f14e45f-ceea-467f-a9d6-0a9c5f3b1e77",
        context: "c9f0f895-fb98-4b91-8f4b-2d5c7a6e1f00",
        task_state: "completed",
        outcome: Outcome::Success,
        request_bytes: 862,
        response_bytes: 923,
        config_revision: 42,
        trace: TraceContext::new([0xab; 16], [0xcd; 8], false),
        ..AccessRecord::default()
    }
}

fn bench<R>(criterion: &mut Criterion, name: &str, mut routine: impl FnMut() -> R) {
    criterion.bench_function(name, |bencher| bencher.iter(&mut routine));
}

fn telemetry(criterion: &mut Criterion) {
    let destination = Destination::File("/dev/null".into());
    let Ok(log) = AccessLog::start(&destination, "eu-west", "edge-1", Arc::default()) else { return };
    let record = record();
    bench(criterion, "access log line", || log.log(black_box(&record)));

    let counting = Telemetry::counting();
    let agent = counting.metrics.agent("default", "weather");
    bench(criterion, "counters of a request", || agent.count(black_box(&record)));

    let mut headers = HeaderMap::new();
    if let Ok(value) = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01".parse() {
        headers.insert("traceparent", value);
    }
    let tracer = RequestTracer::off();
    bench(criterion, "trace decision", || tracer.start(black_box(&headers), record.time));
    bench(criterion, "finish, without log and spans", || {
        counting.finish(black_box(&record).clone(), &agent, RequestTrace::default());
    });
}

/// With a collector that never answers: what a request pays, not what sending costs.
fn with_collector(criterion: &mut Criterion) {
    let Ok(runtime) = tokio::runtime::Runtime::new() else { return };
    let Ok(collector) = std::net::TcpListener::bind("127.0.0.1:0") else { return };
    let Ok(address) = collector.local_addr() else { return };
    let arguments = TelemetryArguments {
        otlp_endpoint: Some(format!("http://{address}")),
        access_log: Destination::Off,
        ..TelemetryArguments::default()
    };
    let Ok(settings) = Settings::new(&arguments, "eu-west", "edge-1", |_| None) else { return };
    let started = runtime.block_on(async { Telemetry::start(&settings) });
    let Ok(telemetry) = started else { return };
    let agent = telemetry.metrics.agent("default", "weather");
    let record = record();
    let headers = HeaderMap::new();
    bench(criterion, "trace decision and headers, 1 % traced", || {
        let mut sent = HeaderMap::new();
        let trace = telemetry.tracer.start(black_box(&headers), record.time);
        drop(trace.upstream(&mut sent, record.time));
        sent
    });
    bench(criterion, "finish, with OTLP", || {
        telemetry.finish(black_box(&record).clone(), &agent, RequestTrace::default());
    });
    runtime.shutdown_background();
}

criterion_group!(benches, telemetry, with_collector);
criterion_main!(benches);
