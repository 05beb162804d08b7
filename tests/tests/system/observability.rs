//! What operators see: the access log, the metrics, and that watching costs no request.

use serde_json::Value;
use system_tests::harness::{
    DataPlane, EventStream, Upstream,
    http::{get, post},
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    sink::Sink,
    wait_until,
};

use crate::common::{
    ECHO, V1, assert_serves, in_front_of, new_api_key, send_message, send_streaming_message,
};

/// The next line of the access log.
fn access_line(gateway: &mut DataPlane) -> Value {
    loop {
        let line = gateway.process.json_line().expect("the data plane runs");
        if line["http.method"] == "POST" {
            return line;
        }
    }
}

#[test]
fn each_exchange_is_one_line_that_says_who_called_what_and_how_it_went() {
    let agent = Upstream::well_behaved();
    let (key, sha256) = new_api_key();
    let manifest = Manifest::new().api_key().agent("echo", &agent.url(), KEY_PLAN);
    let mut gateway = DataPlane::standalone(&manifest.consumer_with_key("shop", KEY_PLAN, &sha256));
    let headers = [V1[0], ("x-api-key", key.as_str())];

    assert_eq!(post(gateway.address, ECHO, &headers, &send_message(1)).status(), 200);
    let line = access_line(&mut gateway);
    for (name, value) in [
        ("a2a.operation", "SendMessage"),
        ("a2a.version", "1.0"),
        ("a2a.binding", "JSONRPC"),
        ("agent", "echo"),
        ("plan", "keyed"),
        ("consumer", "shop"),
        ("outcome", "success"),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    assert_eq!(line["http.status"], 200, "{line}");

    let mut stream = EventStream::open(gateway.address, ECHO, &headers, &send_streaming_message(2));
    assert_eq!(stream.rest().0.len(), 3);
    let line = access_line(&mut gateway);
    assert_eq!(line["a2a.operation"], "SendStreamingMessage", "{line}");
    assert_eq!(line["a2a.events"], 3, "{line}");

    assert_eq!(post(gateway.address, ECHO, &V1, &send_message(3)).status(), 401);
    let line = access_line(&mut gateway);
    assert_eq!((&line["outcome"], &line["error"]), (&"denied".into(), &"UNAUTHENTICATED".into()), "{line}");
    let secret = &key[key.len() - 40..];
    assert!(!gateway.process.log().contains(secret), "the key's secret is in a log");
}

#[test]
fn metrics_count_what_happened() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    assert_serves(&gateway);
    assert_eq!(post(gateway.address, ECHO, &V1, b"{").error_code(), -32700);
    gateway.assert_calls("echo", 1);
    wait_until("both are counted", || {
        let metrics = gateway.metrics();
        let ended = metrics.sum("signalbox_requests_total", &[("agent", "echo")]);
        (ended > 1.5).then_some(())
    });
    let metrics = gateway.metrics();
    assert!(metrics.sum("signalbox_requests_total", &[("agent", "echo"), ("outcome", "client_error")]) > 0.5);
    assert!(metrics.sum("http_server_request_duration_seconds_count", &[("agent", "echo")]) > 0.5);
    assert_eq!(get(gateway.health, "/health", &[]).status(), 200);
}

#[test]
fn methods_that_callers_invent_do_not_multiply_the_metrics() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    for number in 0..50 {
        let call = format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"Invented{number}\"}}");
        let _ = post(gateway.address, ECHO, &V1, call.as_bytes());
    }
    let text = get(gateway.admin, "/metrics", &[]).text();
    assert!(!text.contains("Invented"), "{text}");
}

#[test]
fn a_collector_that_is_not_there_costs_no_request() {
    let agent = Upstream::well_behaved();
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let options = ["--otlp-endpoint", "http://127.0.0.1:9", "--trace-ratio", "1"];
    let gateway = DataPlane::standalone_with(&manifest, &options);
    for _ in 0..50 {
        assert_serves(&gateway);
    }
    wait_until("failed exports are counted", || {
        let failed = gateway.metrics().sum("signalbox_otlp_records_total", &[("result", "failed")]);
        (failed > 0.5).then_some(())
    });
}

#[test]
fn a_collector_that_comes_back_gets_what_happens_then() {
    let agent = Upstream::well_behaved();
    let sink = Sink::start();
    let endpoint = sink.endpoint.clone();
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let gateway =
        DataPlane::standalone_with(&manifest, &["--otlp-endpoint", &endpoint, "--trace-ratio", "1"]);
    assert_serves(&gateway);
    drop(sink);
    assert_serves(&gateway);
    let mut again = Sink::start_at(endpoint.trim_start_matches("http://"));
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let parent = format!("00-{trace}-b7ad6b7169203331-01");
    let answer = post(gateway.address, ECHO, &[V1[0], ("traceparent", &parent)], &send_message(1));
    assert_eq!(answer.status(), 200);
    assert_eq!(again.spans_of(trace, 2).len(), 2);
}

#[test]
fn a_blocked_log_pipe_costs_lines_and_no_request() {
    let agent = Upstream::well_behaved();
    let folder = tempfile::tempdir().expect("a temporary folder");
    let pipe = folder.path().join("access.log");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status().expect("mkfifo runs");
    assert!(made.success());
    // Held open for reading and never read.
    let held = pipe.clone();
    let reader = std::thread::spawn(move || std::fs::File::open(held).expect("the pipe opens"));
    let manifest = Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN);
    let path = pipe.display().to_string();
    let gateway = DataPlane::standalone_with(&manifest, &["--access-log", &path]);
    let _reader = reader.join().expect("the data plane opens the pipe");
    for _ in 0..2_000 {
        assert_serves(&gateway);
    }
    assert_serves(&gateway);
}
