//! A record in the wire form of `opentelemetry.proto.logs.v1.LogRecord`, as a member of a `ScopeLogs`.

use std::{
    net::{IpAddr, SocketAddr},
    time::{Duration, UNIX_EPOCH},
};

use prost::encoding::{WireType, encode_key, encode_varint, encoded_len_varint};

use crate::telemetry::{
    access::{AccessRecord, Visit, visit},
    attributes::{PEER_PORT, attribute_millis, attribute_text, attribute_word},
    names::Field,
};

/// Name of the event that an access record is.
const EVENT: &str = "signalbox.access";
/// Severity numbers of the specification.
const INFO: u64 = 9;
const ERROR: u64 = 17;

/// Field numbers.
const SCOPE_LOG_RECORDS: u32 = 2;
const TIME: u32 = 1;
const SEVERITY_NUMBER: u32 = 2;
const SEVERITY_TEXT: u32 = 3;
const ATTRIBUTES: u32 = 6;
const FLAGS: u32 = 8;
const TRACE_ID: u32 = 9;
const SPAN_ID: u32 = 10;
const OBSERVED_TIME: u32 = 11;
const EVENT_NAME: u32 = 12;
const KEY: u32 = 1;
const VALUE: u32 = 2;
const STRING: u32 = 1;
const INTEGER: u32 = 3;
const DOUBLE: u32 = 4;

/// Appends a record. `scratch` keeps its memory from one record to the next.
pub(super) fn append(records: &mut Vec<u8>, scratch: &mut Vec<u8>, record: &AccessRecord<'_>) {
    scratch.clear();
    write(scratch, record);
    bytes(records, SCOPE_LOG_RECORDS, scratch);
}

fn write(out: &mut Vec<u8>, record: &AccessRecord<'_>) {
    let since = record.time.duration_since(UNIX_EPOCH).unwrap_or_default();
    fixed64(out, TIME, since.as_nanos().try_into().unwrap_or(u64::MAX));
    let fault = record.outcome.is_fault();
    encode_key(SEVERITY_NUMBER, WireType::Varint, out);
    encode_varint(if fault { ERROR } else { INFO }, out);
    bytes(out, SEVERITY_TEXT, if fault { b"ERROR" } else { b"INFO" });
    visit(record, &mut Attributes(out));
    if let Some(trace) = &record.trace {
        encode_key(FLAGS, WireType::ThirtyTwoBit, out);
        out.extend_from_slice(&u32::from(trace.sampled()).to_le_bytes());
        bytes(out, TRACE_ID, &trace.trace_id());
        bytes(out, SPAN_ID, &trace.span_id());
    }
    let ended = since.saturating_add(record.duration);
    fixed64(out, OBSERVED_TIME, ended.as_nanos().try_into().unwrap_or(u64::MAX));
    bytes(out, EVENT_NAME, EVENT.as_bytes());
}

struct Attributes<'a>(&'a mut Vec<u8>);

impl Attributes<'_> {
    fn string(&mut self, field: &Field, value: &str) {
        self.attribute(field, length_of_bytes(value.len()));
        bytes(self.0, STRING, value.as_bytes());
    }

    /// Begins an attribute whose value takes `length` bytes, which have to follow.
    fn attribute(&mut self, field: &Field, length: usize) {
        let name = field.attribute.as_bytes();
        encode_key(ATTRIBUTES, WireType::LengthDelimited, self.0);
        encode_varint((length_of_bytes(name.len()) + length_of_bytes(length)) as u64, self.0);
        bytes(self.0, KEY, name);
        encode_key(VALUE, WireType::LengthDelimited, self.0);
        encode_varint(length as u64, self.0);
    }
}

impl Visit for Attributes<'_> {
    fn text(&mut self, field: &Field, value: &str) {
        self.string(field, &attribute_text(field, value));
    }

    fn word(&mut self, field: &Field, value: &'static str) {
        self.string(field, attribute_word(field, value));
    }

    fn integer(&mut self, field: &Field, value: i64) {
        // Two's complement, as protobuf has it.
        let value = value.cast_unsigned();
        self.attribute(field, 1 + encoded_len_varint(value));
        encode_key(INTEGER, WireType::Varint, self.0);
        encode_varint(value, self.0);
    }

    fn code(&mut self, field: &Field, value: i64) {
        self.string(field, itoa::Buffer::new().format(value));
    }

    fn duration(&mut self, field: &Field, value: Duration) {
        self.attribute(field, 1 + 8);
        encode_key(DOUBLE, WireType::SixtyFourBit, self.0);
        self.0.extend_from_slice(&attribute_millis(value).to_le_bytes());
    }

    fn address(&mut self, field: &Field, value: IpAddr) {
        self.string(field, &value.to_string());
    }

    fn socket_address(&mut self, field: &Field, value: SocketAddr) {
        self.address(field, value.ip());
        self.integer(&PEER_PORT, value.port().into());
    }
}

/// Length of a field of bytes with its key; field numbers here are below 16, so that a key is one byte.
fn length_of_bytes(length: usize) -> usize {
    1 + encoded_len_varint(length as u64) + length
}

pub(super) fn bytes(out: &mut Vec<u8>, number: u32, value: &[u8]) {
    encode_key(number, WireType::LengthDelimited, out);
    encode_varint(value.len() as u64, out);
    out.extend_from_slice(value);
}

fn fixed64(out: &mut Vec<u8>, number: u32, value: u64) {
    encode_key(number, WireType::SixtyFourBit, out);
    out.extend_from_slice(&value.to_le_bytes());
}
