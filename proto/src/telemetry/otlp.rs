//! The same readings as an OTLP request.

#[cfg(test)]
mod tests;

use std::time::{SystemTime, UNIX_EPOCH};

use opentelemetry_proto::tonic::{
    collector::metrics::v1::ExportMetricsServiceRequest,
    common::v1::{AnyValue, InstrumentationScope, KeyValue, any_value},
    metrics::v1::{
        AggregationTemporality, Gauge, Histogram, HistogramDataPoint, Metric, NumberDataPoint,
        ResourceMetrics, ScopeMetrics, Sum, metric::Data, number_data_point,
    },
    resource::v1::Resource,
};

use super::{Desc, Family, Kind, Reading, Sample};

/// Who has read the metrics and when.
#[derive(Clone, Copy, Debug)]
pub struct Scope<'a> {
    /// Attributes of the process.
    pub resource: &'a [(String, String)],
    /// Instrumentation scope.
    pub name: &'static str,
    /// When the process began to count.
    pub started: SystemTime,
    /// When the readings were taken.
    pub now: SystemTime,
}

/// Makes one request out of all readings. Sums are cumulative since `started`; metrics without readings are left out.
pub fn export_request(families: &[Family<'_>], scope: Scope<'_>) -> ExportMetricsServiceRequest {
    let metrics =
        families.iter().filter(|family| !family.samples.is_empty()).map(|family| metric(family, scope));
    let scope_metrics = ScopeMetrics {
        scope: Some(InstrumentationScope {
            name: scope.name.to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ..Default::default()
        }),
        metrics: metrics.collect(),
        ..Default::default()
    };
    let attributes = scope.resource.iter().map(|(key, value)| key_value(key, value)).collect();
    let resource_metrics = ResourceMetrics {
        resource: Some(Resource { attributes, ..Default::default() }),
        scope_metrics: vec![scope_metrics],
        ..Default::default()
    };
    ExportMetricsServiceRequest { resource_metrics: vec![resource_metrics] }
}

fn metric(family: &Family<'_>, scope: Scope<'_>) -> Metric {
    let desc = family.desc;
    let cumulative = AggregationTemporality::Cumulative.into();
    let data = match desc.kind {
        Kind::Counter | Kind::UpDown => Data::Sum(Sum {
            data_points: numbers(family, scope),
            aggregation_temporality: cumulative,
            is_monotonic: desc.kind == Kind::Counter,
        }),
        Kind::Gauge => Data::Gauge(Gauge { data_points: numbers(family, scope) }),
        Kind::Histogram => Data::Histogram(Histogram {
            data_points: histograms(family, scope),
            aggregation_temporality: cumulative,
        }),
    };
    Metric {
        name: desc.name.to_owned(),
        description: desc.help.to_owned(),
        unit: desc.unit.to_owned(),
        data: Some(data),
        ..Default::default()
    }
}

fn numbers(family: &Family<'_>, scope: Scope<'_>) -> Vec<NumberDataPoint> {
    let point = |sample: &Sample<'_>| {
        let value = match sample.reading {
            Reading::Count(count) => {
                number_data_point::Value::AsInt(i64::try_from(count).unwrap_or(i64::MAX))
            }
            Reading::Level(level) => number_data_point::Value::AsInt(level),
            Reading::Fraction(fraction) => number_data_point::Value::AsDouble(fraction),
            Reading::Histogram(_) => return None,
        };
        Some(NumberDataPoint {
            attributes: attributes(family.desc, sample),
            start_time_unix_nano: nanos(scope.started),
            time_unix_nano: nanos(scope.now),
            value: Some(value),
            ..Default::default()
        })
    };
    family.samples.iter().filter_map(point).collect()
}

fn histograms(family: &Family<'_>, scope: Scope<'_>) -> Vec<HistogramDataPoint> {
    let point = |sample: &Sample<'_>| {
        let Reading::Histogram(reading) = &sample.reading else { return None };
        Some(HistogramDataPoint {
            attributes: attributes(family.desc, sample),
            start_time_unix_nano: nanos(scope.started),
            time_unix_nano: nanos(scope.now),
            count: reading.count(),
            sum: Some(reading.sum),
            bucket_counts: reading.counts.clone(),
            explicit_bounds: reading.bounds.to_vec(),
            ..Default::default()
        })
    };
    family.samples.iter().filter_map(point).collect()
}

fn attributes(desc: &'static Desc, sample: &Sample<'_>) -> Vec<KeyValue> {
    sample
        .labels(desc)
        .filter(|(_, value)| !value.is_empty())
        .map(|(label, value)| key_value(label.attribute, value))
        .collect()
}

fn key_value(key: &str, value: &str) -> KeyValue {
    let value = AnyValue { value: Some(any_value::Value::StringValue(value.to_owned())) };
    KeyValue { key: key.to_owned(), value: Some(value), ..Default::default() }
}

fn nanos(time: SystemTime) -> u64 {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
}
