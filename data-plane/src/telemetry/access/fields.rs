//! Which fields a record has. One list for the line, the span and the OTLP log record.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use super::AccessRecord;
use crate::telemetry::names::{self, Field};

/// Something that takes down the fields of a record.
pub(in crate::telemetry) trait Visit {
    /// Text from outside: to be redacted, cut and escaped. Never empty.
    fn text(&mut self, field: &Field, value: &str);
    /// Text of the gateway's own making, short and plain. Never empty.
    fn word(&mut self, field: &Field, value: &'static str);
    /// A count or status.
    fn integer(&mut self, field: &Field, value: i64);
    /// An error code: a number in JSON, text where the conventions want text.
    fn code(&mut self, field: &Field, value: i64);
    /// Milliseconds.
    fn duration(&mut self, field: &Field, value: Duration);
    /// An address.
    fn address(&mut self, field: &Field, value: IpAddr);
    /// An address with its port.
    fn socket_address(&mut self, field: &Field, value: SocketAddr);
}

/// Shows every field that the record has, but for time and trace, which each form writes in its own way.
#[inline]
pub(in crate::telemetry) fn visit(record: &AccessRecord<'_>, visitor: &mut impl Visit) {
    http(record, visitor);
    identity(record, visitor);
    a2a(record, visitor);
    word(visitor, &names::OUTCOME, record.outcome.as_str());
    text(visitor, &names::ERROR, record.error);
    text(visitor, &names::REASON, record.reason);
    word(visitor, &names::TERMINATION, record.termination.as_str());
}

fn http(record: &AccessRecord<'_>, visitor: &mut impl Visit) {
    text(visitor, &names::METHOD, record.method);
    text(visitor, &names::HOST, record.host);
    text(visitor, &names::PATH, names::without_query(record.path));
    word(visitor, &names::HTTP_VERSION, record.protocol);
    visitor.integer(&names::STATUS, record.status.into());
    visitor.duration(&names::DURATION, record.duration);
    if let Some(first_byte) = record.first_byte {
        visitor.duration(&names::FIRST_BYTE, first_byte);
    }
    if let Some(upstream_time) = record.upstream_time {
        visitor.duration(&names::UPSTREAM_TIME, upstream_time);
    }
    if let Some(peer) = record.peer {
        visitor.socket_address(&names::PEER, peer);
    }
    if let Some(client) = record.client {
        visitor.address(&names::CLIENT, client);
    }
    text(visitor, &names::UPSTREAM, record.upstream);
    if record.attempts > 1 {
        visitor.integer(&names::ATTEMPTS, record.attempts.into());
    }
    count(visitor, &names::REQUEST_BYTES, record.request_bytes);
    count(visitor, &names::RESPONSE_BYTES, record.response_bytes);
}

fn identity(record: &AccessRecord<'_>, visitor: &mut impl Visit) {
    text(visitor, &names::ORGANIZATION, record.organization);
    text(visitor, &names::AGENT, record.agent);
    text(visitor, &names::PLAN, record.plan);
    text(visitor, &names::CONSUMER, record.consumer);
    text(visitor, &names::KEY, record.key);
    count(visitor, &names::CONFIG_REVISION, record.config_revision);
}

fn a2a(record: &AccessRecord<'_>, visitor: &mut impl Visit) {
    if record.operation.is_empty() && record.a2a_method.is_empty() {
        return;
    }
    word(visitor, &names::PROTOCOL, "a2a");
    text(visitor, &names::A2A_METHOD, record.a2a_method);
    text(visitor, &names::OPERATION, record.operation);
    word(visitor, &names::BINDING, record.binding);
    text(visitor, &names::A2A_VERSION, record.version);
    text(visitor, &names::TASK, record.task);
    text(visitor, &names::CONTEXT, record.context);
    text(visitor, &names::TASK_STATE, record.task_state);
    word(visitor, &names::RESPONSE_OUTCOME, record.outcome.response());
    if let Some(code) = record.rpc_error {
        visitor.code(&names::RPC_ERROR, code);
    }
    if let Some(events) = record.events {
        count(visitor, &names::EVENTS, events);
        count(visitor, &names::HEARTBEATS, record.heartbeats);
    }
}

fn text(visitor: &mut impl Visit, field: &Field, value: &str) {
    if !value.is_empty() {
        visitor.text(field, value);
    }
}

fn word(visitor: &mut impl Visit, field: &Field, value: &'static str) {
    if !value.is_empty() {
        visitor.word(field, value);
    }
}

fn count(visitor: &mut impl Visit, field: &Field, value: u64) {
    visitor.integer(field, i64::try_from(value).unwrap_or(i64::MAX));
}
