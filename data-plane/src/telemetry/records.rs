//! Access records over OTLP.

use std::{
    net::{IpAddr, SocketAddr},
    time::Duration,
};

use opentelemetry::{
    logs::{LogRecord as _, Logger as _, LoggerProvider as _, Severity},
    trace::{SpanId, TraceFlags, TraceId},
};
use opentelemetry_sdk::logs::{SdkLogRecord, SdkLogger, SdkLoggerProvider};

use super::{
    SCOPE,
    access::{AccessRecord, Visit, visit},
    attributes::{attribute_millis, attribute_text, attribute_word},
    names::Field,
};

/// Name of the event that an access record is.
const EVENT: &str = "signalbox.access";

/// Sends access records to the collector.
#[derive(Clone, Debug)]
pub(super) struct AccessRecords(SdkLogger);

impl AccessRecords {
    pub(super) fn new(provider: &SdkLoggerProvider) -> Self {
        Self(provider.logger(SCOPE))
    }

    /// Queues a record; if the queue is full it is lost.
    pub(super) fn emit(&self, record: &AccessRecord<'_>) {
        let mut entry = self.0.create_log_record();
        entry.set_event_name(EVENT);
        entry.set_timestamp(record.time);
        let fault = record.outcome.is_fault();
        entry.set_severity_number(if fault { Severity::Error } else { Severity::Info });
        entry.set_severity_text(if fault { "ERROR" } else { "INFO" });
        visit(record, &mut Entry(&mut entry));
        if let Some(trace) = record.trace {
            let flags = TraceFlags::default().with_sampled(trace.sampled());
            let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
            entry.set_trace_context(TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id), Some(flags));
        }
        self.0.emit(entry);
    }
}

struct Entry<'a>(&'a mut SdkLogRecord);

impl Visit for Entry<'_> {
    fn text(&mut self, field: &Field, value: &str) {
        self.0.add_attribute(field.attribute, attribute_text(field, value));
    }

    fn word(&mut self, field: &Field, value: &'static str) {
        self.0.add_attribute(field.attribute, attribute_word(field, value));
    }

    fn integer(&mut self, field: &Field, value: i64) {
        self.0.add_attribute(field.attribute, value);
    }

    fn duration(&mut self, field: &Field, value: Duration) {
        self.0.add_attribute(field.attribute, attribute_millis(value));
    }

    fn address(&mut self, field: &Field, value: IpAddr) {
        self.0.add_attribute(field.attribute, value.to_string());
    }

    fn socket_address(&mut self, field: &Field, value: SocketAddr) {
        self.0.add_attribute(field.attribute, value.to_string());
    }
}
