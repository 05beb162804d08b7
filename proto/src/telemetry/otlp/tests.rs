use std::time::Duration;

use super::*;
use crate::telemetry::{Histogram as Observed, Label};

const BY_AGENT: &[Label] = &[Label { attribute: "test.agent", prometheus: "agent" }];
static CALLS: Desc =
    Desc { name: "test.calls", unit: "{call}", kind: Kind::Counter, help: "Calls.", labels: BY_AGENT };
static OPEN: Desc =
    Desc { name: "test.open", unit: "{thing}", kind: Kind::UpDown, help: "Open.", labels: &[] };
static AGE: Desc = Desc { name: "test.age", unit: "s", kind: Kind::Gauge, help: "Age.", labels: &[] };
static DURATION: Desc =
    Desc { name: "test.duration", unit: "s", kind: Kind::Histogram, help: "How long.", labels: BY_AGENT };

fn export(families: &[Family<'_>]) -> Vec<Metric> {
    let resource = [("service.name".to_owned(), "test".to_owned())];
    let started = UNIX_EPOCH + Duration::from_nanos(5);
    let scope = Scope { resource: &resource, name: "test", started, now: started + Duration::from_nanos(2) };
    let mut request = export_request(families, scope);
    let mut exported = request.resource_metrics.remove(0);
    assert_eq!(exported.resource.unwrap().attributes, [key_value("service.name", "test")]);
    exported.scope_metrics.remove(0).metrics
}

#[test]
fn a_counter_is_a_cumulative_monotonic_sum() {
    let mut calls = Family::new(&CALLS);
    calls.push(&["weather"], Reading::Count(u64::MAX));
    let metrics = export(&[calls]);
    let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("{metrics:?}") };
    assert!(sum.is_monotonic);
    assert_eq!(sum.aggregation_temporality, 2);
    let point = &sum.data_points[0];
    assert_eq!(point.attributes, [key_value("test.agent", "weather")]);
    assert_eq!((point.start_time_unix_nano, point.time_unix_nano), (5, 7));
    assert_eq!(point.value, Some(number_data_point::Value::AsInt(i64::MAX)));
}

#[test]
fn levels_and_fractions_keep_their_kind() {
    let (mut open, mut age) = (Family::new(&OPEN), Family::new(&AGE));
    open.push(&[], Reading::Level(-1));
    age.push(&[], Reading::Fraction(0.5));
    let metrics = export(&[open, age]);
    let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("{metrics:?}") };
    assert!(!sum.is_monotonic);
    let Some(Data::Gauge(gauge)) = &metrics[1].data else { panic!("{metrics:?}") };
    assert_eq!(gauge.data_points[0].value, Some(number_data_point::Value::AsDouble(0.5)));
}

#[test]
fn a_histogram_has_one_bucket_more_than_bounds() {
    let observed = Observed::default();
    observed.record(Duration::from_millis(2));
    let mut family = Family::new(&DURATION);
    family.push(&["weather"], Reading::Histogram(observed.read().unwrap()));
    let metrics = export(&[family]);
    let Some(Data::Histogram(histogram)) = &metrics[0].data else { panic!("{metrics:?}") };
    let point = &histogram.data_points[0];
    assert_eq!(point.bucket_counts.len(), point.explicit_bounds.len() + 1);
    assert_eq!((point.count, point.bucket_counts[1], point.sum), (1, 1, Some(0.002)));
}

#[test]
fn empty_labels_and_empty_metrics_are_left_out() {
    let mut calls = Family::new(&CALLS);
    calls.push(&[""], Reading::Count(1));
    let metrics = export(&[calls, Family::new(&OPEN)]);
    assert_eq!(metrics.len(), 1);
    let Some(Data::Sum(sum)) = &metrics[0].data else { panic!("{metrics:?}") };
    assert!(sum.data_points[0].attributes.is_empty());
}
