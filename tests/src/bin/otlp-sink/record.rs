//! One span, metric point or log record as flat JSON that tests can read.

use opentelemetry_proto::tonic::{
    common::v1::{AnyValue, KeyValue, any_value},
    logs::v1::LogRecord,
    metrics::v1::{Metric, NumberDataPoint, metric::Data, number_data_point},
    trace::v1::{Span, span::SpanKind},
};
use serde_json::{Map, Value, json};

/// A span; ids are lower-case hex, an absent parent is the empty string.
pub(crate) fn span(span: &Span, resource: &Value) -> Value {
    let events: Vec<_> = span
        .events
        .iter()
        .map(|event| json!({"name": event.name, "attributes": attributes(&event.attributes)}))
        .collect();
    let links: Vec<_> = span
        .links
        .iter()
        .map(|link| json!({"trace_id": hex::encode(&link.trace_id), "span_id": hex::encode(&link.span_id)}))
        .collect();
    json!({
        "signal": "span",
        "service": service(resource),
        "name": span.name,
        "trace_id": hex::encode(&span.trace_id),
        "span_id": hex::encode(&span.span_id),
        "parent_span_id": hex::encode(&span.parent_span_id),
        "kind": kind(span),
        "start_unix_nano": span.start_time_unix_nano,
        "end_unix_nano": span.end_time_unix_nano,
        "status_code": span.status.as_ref().map_or(0, |status| status.code),
        "status_message": span.status.as_ref().map_or("", |status| &status.message),
        "attributes": attributes(&span.attributes),
        "events": events,
        "links": links,
        "resource": resource,
    })
}

fn kind(span: &Span) -> &'static str {
    match span.kind() {
        SpanKind::Client => "client",
        SpanKind::Consumer => "consumer",
        SpanKind::Internal => "internal",
        SpanKind::Producer => "producer",
        SpanKind::Server => "server",
        SpanKind::Unspecified => "unspecified",
    }
}

/// The points of a metric; a histogram's value is its sum, with its count beside it.
pub(crate) fn metric(metric: &Metric, resource: &Value) -> Vec<Value> {
    let point = |kind: &str, of: &[KeyValue], value: Value, count: Option<u64>| {
        json!({
            "signal": "metric",
            "service": service(resource),
            "name": metric.name,
            "unit": metric.unit,
            "kind": kind,
            "value": value,
            "count": count,
            "attributes": attributes(of),
            "resource": resource,
        })
    };
    let numbers = |kind: &str, points: &[NumberDataPoint]| -> Vec<Value> {
        points.iter().map(|data| point(kind, &data.attributes, number(data), None)).collect()
    };
    match &metric.data {
        Some(Data::Gauge(gauge)) => numbers("gauge", &gauge.data_points),
        Some(Data::Sum(sum)) => numbers("sum", &sum.data_points),
        Some(Data::Histogram(histogram)) => histogram
            .data_points
            .iter()
            .map(|data| point("histogram", &data.attributes, json!(data.sum), Some(data.count)))
            .collect(),
        Some(Data::ExponentialHistogram(histogram)) => histogram
            .data_points
            .iter()
            .map(|data| point("exponential_histogram", &data.attributes, json!(data.sum), Some(data.count)))
            .collect(),
        Some(Data::Summary(_)) | None => Vec::new(),
    }
}

fn number(point: &NumberDataPoint) -> Value {
    match point.value {
        Some(number_data_point::Value::AsDouble(value)) => json!(value),
        Some(number_data_point::Value::AsInt(value)) => json!(value),
        None => Value::Null,
    }
}

/// A log record.
pub(crate) fn log(log: &LogRecord, resource: &Value) -> Value {
    json!({
        "signal": "log",
        "service": service(resource),
        "event_name": log.event_name,
        "time_unix_nano": log.time_unix_nano,
        "severity": log.severity_text,
        "body": log.body.as_ref().map_or(Value::Null, any),
        "trace_id": hex::encode(&log.trace_id),
        "span_id": hex::encode(&log.span_id),
        "attributes": attributes(&log.attributes),
        "resource": resource,
    })
}

/// Attributes as one object.
pub(crate) fn attributes(list: &[KeyValue]) -> Value {
    let one = |pair: &KeyValue| (pair.key.clone(), pair.value.as_ref().map_or(Value::Null, any));
    Value::Object(list.iter().map(one).collect::<Map<_, _>>())
}

fn any(value: &AnyValue) -> Value {
    match &value.value {
        Some(any_value::Value::ArrayValue(array)) => array.values.iter().map(any).collect(),
        Some(any_value::Value::BoolValue(value)) => json!(value),
        Some(any_value::Value::BytesValue(bytes)) => json!(hex::encode(bytes)),
        Some(any_value::Value::DoubleValue(value)) => json!(value),
        Some(any_value::Value::IntValue(value)) => json!(value),
        Some(any_value::Value::KvlistValue(list)) => attributes(&list.values),
        Some(any_value::Value::StringValue(value)) => json!(value),
        Some(any_value::Value::StringValueStrindex(_)) | None => Value::Null,
    }
}

fn service(resource: &Value) -> &str {
    resource.get("service.name").and_then(Value::as_str).unwrap_or_default()
}
