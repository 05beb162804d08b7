use std::{
    net::{IpAddr, SocketAddr},
    time::UNIX_EPOCH,
};

use opentelemetry_proto::tonic::{
    common::v1::any_value::Value,
    logs::v1::{LogRecord, ScopeLogs},
};
use proptest::prelude::*;
use prost::Message as _;
use signalbox_proto::telemetry::TraceContext;

use super::*;
use crate::telemetry::{access::Outcome, attributes::attributes};

fn decoded(records: &[AccessRecord<'_>]) -> Vec<LogRecord> {
    let (mut bytes, mut scratch) = (Vec::new(), Vec::new());
    for record in records {
        encode::append(&mut bytes, &mut scratch, record);
    }
    ScopeLogs::decode(&bytes[..]).unwrap().log_records
}

/// Name and value of each attribute, as text.
fn texts(record: &LogRecord) -> Vec<(String, String)> {
    let text = |value: Value| match value {
        Value::StringValue(text) => text,
        Value::IntValue(number) => number.to_string(),
        Value::DoubleValue(number) => number.to_string(),
        other => panic!("{other:?}"),
    };
    let pair = |attribute: &opentelemetry_proto::tonic::common::v1::KeyValue| {
        (attribute.key.clone(), text(attribute.value.clone().unwrap().value.unwrap()))
    };
    record.attributes.iter().map(pair).collect()
}

#[test]
fn a_record_is_read_back_by_the_generated_types() {
    let record = AccessRecord {
        time: UNIX_EPOCH + Duration::from_nanos(1_767_225_845_000_000_042),
        duration: Duration::from_millis(5),
        outcome: Outcome::UpstreamError,
        trace: TraceContext::new([0xab; 16], [0xcd; 8], true),
        ..AccessRecord::default()
    };
    let records = decoded(&[record.clone(), AccessRecord::default()]);
    let [first, second] = &records[..] else { panic!("{records:?}") };
    assert_eq!(first.time_unix_nano, 1_767_225_845_000_000_042);
    assert_eq!(first.observed_time_unix_nano, first.time_unix_nano + 5_000_000);
    assert_eq!((first.severity_number, first.severity_text.as_str()), (17, "ERROR"));
    assert_eq!((&first.trace_id[..], &first.span_id[..], first.flags), (&[0xab; 16][..], &[0xcd; 8][..], 1));
    assert_eq!(first.event_name, "signalbox.access");
    assert_eq!((second.severity_number, second.trace_id.len()), (9, 0));
}

proptest! {
    #[test]
    fn attributes_are_those_of_the_span(
        texts_in in prop::collection::vec(any::<String>(), 8),
        address: IpAddr,
        port: u16,
        code: i64,
        bytes: u64,
    ) {
        let [method, path, host, a2a_method, task, context, reason, upstream] =
            texts_in.iter().map(String::as_str).collect::<Vec<_>>().try_into().unwrap();
        let record = AccessRecord {
            method, path, host, a2a_method, task, context, reason, upstream,
            peer: Some(SocketAddr::new(address, port)),
            client: Some(address),
            rpc_error: Some(code),
            request_bytes: bytes,
            events: Some(bytes),
            first_byte: Some(Duration::from_micros(bytes >> 20)),
            ..AccessRecord::default()
        };
        let expected: Vec<_> =
            attributes(&record).iter().map(|found| (found.key.to_string(), found.value.to_string())).collect();
        prop_assert_eq!(texts(&decoded(&[record])[0]), expected);
    }
}
