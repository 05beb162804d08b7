use signalbox_proto::telemetry::{LABELS_MAX, prometheus_name};

use super::{table::TABLE, *};

fn rendered(metrics: &Metrics) -> String {
    let mut out = String::new();
    metrics.render(&mut out);
    out
}

fn assert_lines(metrics: &Metrics, lines: &[&str]) {
    let text = rendered(metrics);
    for line in lines {
        assert!(text.lines().any(|found| found == *line), "{line}\n{text}");
    }
}

#[test]
fn calls_and_commits_are_counted_by_what_became_of_them() {
    let metrics = Metrics::default();
    metrics.call("signalbox.config.v1.ConfigService/GetAgent", "NOT_FOUND", Some(Duration::from_millis(1)));
    metrics.call("signalbox.discovery.v1.DiscoveryService/Sync", "OK", None);
    metrics.commit(CommitResult::Committed, Duration::from_millis(2));
    metrics.commit(CommitResult::Conflict, Duration::from_millis(2));
    assert_lines(
        &metrics,
        &[
            r#"signalbox_api_calls_total{method="signalbox.config.v1.ConfigService/GetAgent",code="NOT_FOUND"} 1"#,
            r#"signalbox_api_calls_total{method="signalbox.discovery.v1.DiscoveryService/Sync",code="OK"} 1"#,
            r#"rpc_server_call_duration_seconds_count{method="signalbox.config.v1.ConfigService/GetAgent"} 1"#,
            r#"signalbox_commits_total{result="committed"} 1"#,
            r#"signalbox_commits_total{result="conflict"} 1"#,
            "signalbox_commit_duration_seconds_count 1",
        ],
    );
    assert!(!rendered(&metrics).contains(r#"call_duration_seconds_count{method="signalbox.discovery"#));
}

#[test]
fn invented_methods_are_counted_as_one() {
    let metrics = Metrics::default();
    for number in 0..1000 {
        metrics.call(&format!("x/{number}"), "UNIMPLEMENTED", None);
    }
    let text = rendered(&metrics);
    assert!(text.contains(r#"signalbox_api_calls_total{method="other",code="UNIMPLEMENTED"} 744"#), "{text}");
}

#[test]
fn the_lag_is_that_of_the_slowest_stream() {
    let metrics = Arc::new(Metrics::default());
    metrics.head(Lane::Config, 10);
    let (quick, slow) = (metrics.session(), metrics.session());
    quick.acknowledged(Lane::Config, 10, Some(Duration::from_millis(4)));
    slow.at(Lane::Config, 7);
    slow.sent(Lane::Config, 120, true);
    slow.refused(Lane::Config);
    metrics.stream_refused(StreamRefusal::Forbidden);
    assert_lines(
        &metrics,
        &[
            "signalbox_discovery_streams 2",
            r#"signalbox_discovery_lag{lane="config"} 3"#,
            r#"signalbox_discovery_lag{lane="credentials"} 0"#,
            r#"signalbox_discovery_deltas_total{lane="config",result="full"} 1"#,
            r#"signalbox_discovery_sent_bytes_total{lane="config"} 120"#,
            r#"signalbox_discovery_nacks_total{lane="config"} 1"#,
            r#"signalbox_publish_duration_seconds_count{lane="config"} 1"#,
            r#"signalbox_discovery_refused_total{reason="forbidden"} 1"#,
            r#"signalbox_revision{lane="config"} 10"#,
        ],
    );
    drop(slow);
    assert_lines(&metrics, &["signalbox_discovery_streams 1", r#"signalbox_discovery_lag{lane="config"} 0"#]);
    drop(quick);
    assert!(!rendered(&metrics).contains("signalbox_discovery_lag{"), "nobody is behind");
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
    assert!(TABLE.iter().all(|desc| desc.labels.len() <= LABELS_MAX && desc.help.ends_with('.')));
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), TABLE.len());
}

#[test]
fn results_and_refusals_stand_at_their_index() {
    assert!(CommitResult::ALL.iter().enumerate().all(|(index, (result, _))| *result as usize == index));
    assert!(StreamRefusal::ALL.iter().enumerate().all(|(index, (reason, _))| *reason as usize == index));
    assert!(Lane::ALL.iter().enumerate().all(|(index, lane)| *lane as usize == index));
}
