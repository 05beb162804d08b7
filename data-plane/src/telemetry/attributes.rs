//! The fields of a record as attributes.

#[cfg(test)]
mod tests;

use std::{
    borrow::Cow,
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use opentelemetry::KeyValue;
use opentelemetry_semantic_conventions::attribute::NETWORK_PEER_PORT;

use super::{
    access::{AccessRecord, Visit, clean, visit},
    names::{self, Field},
};

/// Fields that a record has at most, and a few more.
const CAPACITY: usize = 40;

/// The port of the field that is a socket's address.
pub(super) const PEER_PORT: Field = Field { line: "", member: "", attribute: NETWORK_PEER_PORT };

/// What spans and log records say about a request.
pub(super) fn attributes(record: &AccessRecord<'_>) -> Vec<KeyValue> {
    let mut attributes = Attributes(Vec::with_capacity(CAPACITY));
    visit(record, &mut attributes);
    attributes.0
}

/// Text from outside as an attribute: the conventions want a host without its port.
pub(super) fn attribute_text<'a>(field: &Field, value: &'a str) -> Cow<'a, str> {
    let value = if field.line == names::HOST.line { without_port(value) } else { value };
    clean(value)
}

/// Milliseconds, to the microsecond.
pub(super) fn attribute_millis(value: Duration) -> f64 {
    value.as_micros() as f64 / 1000.0
}

fn without_port(host: &str) -> &str {
    let end = match host.find(']') {
        Some(bracket) => bracket + 1,
        None => host.find(':').unwrap_or(host.len()),
    };
    &host[..end]
}

/// The value of a word as an attribute: the conventions want the version of HTTP alone.
pub(super) fn attribute_word(field: &Field, value: &'static str) -> &'static str {
    if field.line == names::HTTP_VERSION.line { value.trim_start_matches("HTTP/") } else { value }
}

struct Attributes(Vec<KeyValue>);

impl Visit for Attributes {
    fn text(&mut self, field: &Field, value: &str) {
        self.0.push(KeyValue::new(field.attribute, attribute_text(field, value).into_owned()));
    }

    fn word(&mut self, field: &Field, value: &'static str) {
        self.0.push(KeyValue::new(field.attribute, attribute_word(field, value)));
    }

    fn integer(&mut self, field: &Field, value: i64) {
        self.0.push(KeyValue::new(field.attribute, value));
    }

    fn code(&mut self, field: &Field, value: i64) {
        self.0.push(KeyValue::new(field.attribute, value.to_string()));
    }

    fn duration(&mut self, field: &Field, value: Duration) {
        self.0.push(KeyValue::new(field.attribute, attribute_millis(value)));
    }

    fn address(&mut self, field: &Field, value: IpAddr) {
        self.0.push(KeyValue::new(field.attribute, value.to_string()));
    }

    fn socket_address(&mut self, field: &Field, value: SocketAddr) {
        self.address(field, value.ip());
        self.integer(&PEER_PORT, value.port().into());
    }
}
