use std::time::Duration;

use signalbox_proto::telemetry::{LABELS_MAX, prometheus_name};

use super::{kind::OPERATIONS, table::TABLE, *};
use crate::telemetry::access::{AccessRecord, Outcome};

fn record(operation: &str, outcome: Outcome) -> AccessRecord<'_> {
    AccessRecord {
        operation,
        outcome,
        duration: Duration::from_millis(3),
        request_bytes: 7,
        ..AccessRecord::default()
    }
}

fn rendered(metrics: &Metrics) -> String {
    let mut out = String::new();
    metrics.render(&mut out);
    out
}

#[test]
fn a_request_is_counted_by_agent_operation_and_outcome() {
    let metrics = Metrics::default();
    let agent = metrics.agent("acme", "weather");
    agent.count(&record("SendMessage", Outcome::Success));
    agent.count(&record("SendMessage", Outcome::RateLimited));
    agent.count(&record("SendMessage", Outcome::RateLimited));
    let text = rendered(&metrics);
    for line in [
        r#"signalbox_requests_total{organization="acme",agent="weather",operation="SendMessage",outcome="rate_limited"} 2"#,
        r#"signalbox_requests_total{organization="acme",agent="weather",operation="SendMessage",outcome="success"} 1"#,
        r#"http_server_request_duration_seconds_count{organization="acme",agent="weather",operation="SendMessage"} 3"#,
        r#"signalbox_request_size_bytes_total{organization="acme",agent="weather"} 21"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn whatever_method_a_caller_invents_is_one_value() {
    let metrics = Metrics::default();
    for number in 0..1000 {
        metrics.unrouted().count(&record(&format!("method-{number}"), Outcome::ClientError));
    }
    metrics.unrouted().count(&record("", Outcome::ClientError));
    let text = rendered(&metrics);
    let lines: Vec<_> = text.lines().filter(|line| line.starts_with("signalbox_requests_total{")).collect();
    let of = |operation| {
        format!(
            r#"signalbox_requests_total{{organization="",agent="",operation="{operation}",outcome="client_error"}}"#
        )
    };
    assert_eq!(lines, [format!("{} 1", of("none")), format!("{} 1000", of("unknown"))]);
}

#[test]
fn every_operation_has_its_own_counter() {
    let metrics = Metrics::default();
    for operation in OPERATIONS {
        metrics.agent("a", "b").count(&record(operation, Outcome::Success));
    }
    let text = rendered(&metrics);
    for operation in OPERATIONS {
        assert!(text.contains(&format!(r#"operation="{operation}",outcome="success"}} 1"#)), "{operation}");
    }
}

#[test]
fn streams_are_open_until_their_guard_goes() {
    let metrics = Metrics::default();
    let agent = metrics.agent("acme", "weather");
    let (first, second) = (agent.open_stream(), agent.open_stream());
    drop(first);
    assert_eq!(metrics.streams_open(), 1);
    drop(second);
    assert_eq!(metrics.streams_open(), 0);
}

#[test]
fn an_open_stream_keeps_its_agent_from_being_folded() {
    let metrics = Metrics::default();
    let stream = metrics.agent("acme", "weather").open_stream();
    metrics.agent("acme", "weather").events(9);
    for _ in 0..20 {
        metrics.sweep();
    }
    assert!(
        rendered(&metrics)
            .contains(r#"signalbox_stream_events_total{organization="acme",agent="weather"} 9"#)
    );
    drop(stream);
    for _ in 0..20 {
        metrics.sweep();
    }
    let text = rendered(&metrics);
    assert!(text.contains(r#"signalbox_stream_events_total{organization="",agent="(removed)"} 9"#), "{text}");
    assert!(!text.contains("weather"));
}

#[test]
fn the_process_and_its_lanes_are_shown() {
    use signalbox_proto::model::lane::Lane;
    let metrics = Metrics::default();
    let process = &metrics.process;
    process.lane(Lane::Config).applied(42, Duration::from_micros(80));
    process.lane(Lane::Credentials).refused();
    process.connections.failed.increment();
    process.connections_open.increment();
    process.control_plane_connected.set(1);
    process.exports.logs.failed.add(3);
    metrics.plan("acme", "gold").rate_limited();
    metrics.agent("acme", "weather").upstream_error(UpstreamErrorKind::Tls);
    metrics.agent("acme", "weather").auth_refusal(AuthRefusal::NotReady);
    let text = rendered(&metrics);
    for line in [
        r#"signalbox_config_revision{lane="config"} 42"#,
        r#"signalbox_config_applies_total{lane="credentials",result="refused"} 1"#,
        r#"signalbox_config_apply_duration_seconds_count{lane="config"} 1"#,
        r#"signalbox_connections_total{result="failed"} 1"#,
        "signalbox_connections_open 1",
        "signalbox_control_plane_connected 1",
        r#"signalbox_otlp_records_total{signal="logs",result="failed"} 3"#,
        r#"signalbox_rate_limited_total{organization="acme",plan="gold"} 1"#,
        r#"signalbox_upstream_errors_total{organization="acme",agent="weather",kind="tls"} 1"#,
        r#"signalbox_auth_refusals_total{organization="acme",agent="weather",reason="not_ready"} 1"#,
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
}

#[test]
fn the_readings_are_exactly_the_table() {
    let metrics = Metrics::default();
    let read = metrics.read(|families| families.iter().map(|family| family.desc.name).collect::<Vec<_>>());
    assert_eq!(read, TABLE.iter().map(|desc| desc.name).collect::<Vec<_>>());
}

#[test]
fn names_are_valid_and_unique() {
    let mut names: Vec<_> = TABLE.iter().map(|desc| prometheus_name(desc)).collect();
    for desc in TABLE {
        assert!(
            desc.name.bytes().all(|byte| byte.is_ascii_lowercase() || matches!(byte, b'.' | b'_')),
            "{}",
            desc.name
        );
        assert!(desc.labels.len() <= LABELS_MAX && desc.help.ends_with('.'), "{}", desc.name);
    }
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
}

#[test]
fn counters_are_on_cache_lines_of_their_own() {
    assert_eq!(align_of::<AgentMetrics>(), 128);
    assert_eq!(align_of::<PlanMetrics>(), 128);
    assert!(size_of::<AgentMetrics>() <= 768, "{}", size_of::<AgentMetrics>());
}
