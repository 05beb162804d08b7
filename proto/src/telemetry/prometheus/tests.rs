use std::time::Duration;

use super::*;
use crate::telemetry::{Histogram, Label};

static CALLS: Desc = Desc {
    name: "test.calls",
    unit: "{call}",
    kind: Kind::Counter,
    help: "Calls made.",
    labels: &[
        Label { attribute: "test.agent", prometheus: "agent" },
        Label { attribute: "kind", prometheus: "kind" },
    ],
};
static DURATION: Desc =
    Desc { name: "test.duration", unit: "s", kind: Kind::Histogram, help: "How long.", labels: &[] };
static OPEN: Desc =
    Desc { name: "test.open", unit: "{thing}", kind: Kind::UpDown, help: "Open.", labels: &[] };

#[test]
fn renders_counters_with_escaped_labels() {
    let mut calls = Family::new(&CALLS);
    calls.push(&["weather", "plain"], Reading::Count(3));
    calls.push(&["a\"b\\c\nd", ""], Reading::Count(1));
    calls.push_nonzero(&["never", ""], 0);
    let mut out = String::new();
    render(&[calls], &mut out);
    let expected = "# HELP test_calls_total Calls made.\n# TYPE test_calls_total counter\n\
        test_calls_total{agent=\"weather\",kind=\"plain\"} 3\n\
        test_calls_total{agent=\"a\\\"b\\\\c\\nd\",kind=\"\"} 1\n";
    assert_eq!(out, expected);
}

#[test]
fn renders_histograms_cumulated() {
    let histogram = Histogram::default();
    histogram.record(Duration::from_millis(1));
    histogram.record(Duration::from_secs(4000));
    let mut family = Family::new(&DURATION);
    family.push(&[], Reading::Histogram(histogram.read().unwrap()));
    let mut out = String::new();
    render(&[family], &mut out);
    assert!(out.contains("test_duration_seconds_bucket{le=\"0.001\"} 1\n"), "{out}");
    assert!(out.contains("test_duration_seconds_bucket{le=\"300\"} 1\n"), "{out}");
    assert!(out.contains("test_duration_seconds_bucket{le=\"+Inf\"} 2\n"), "{out}");
    assert!(out.ends_with("test_duration_seconds_sum 4000.001\ntest_duration_seconds_count 2\n"), "{out}");
}

#[test]
fn a_gauge_without_labels_has_no_braces() {
    let mut family = Family::new(&OPEN);
    family.push(&[], Reading::Level(-2));
    let mut out = String::new();
    render(&[family], &mut out);
    assert!(out.ends_with("# TYPE test_open gauge\ntest_open -2\n"), "{out}");
}
