//! Audit records on their way out: to the diagnostic log and over OTLP. The store keeps them whatever happens here.

use std::time::SystemTime;

use opentelemetry::{
    logs::{AnyValue, LogRecord as _, Logger as _, LoggerProvider as _, Severity},
    trace::{SpanId, TraceFlags, TraceId},
};
use opentelemetry_sdk::logs::{SdkLogger, SdkLoggerProvider};
use signalbox_proto::telemetry::TraceContext;

use super::SCOPE;

/// Name of the event that an audit record is.
const EVENT: &str = "signalbox.audit";

/// A change that was committed, or refused, and who asked for it. Holds names, never contents.
#[derive(Clone, Copy, Debug)]
pub struct AuditRecord<'a> {
    /// When it happened.
    pub time: SystemTime,
    /// Who asked.
    pub actor: &'a str,
    /// The RPC.
    pub method: &'a str,
    /// As the caller gave it; may be empty.
    pub request_id: &'a str,
    /// Names of what was to be changed.
    pub resources: &'a [String],
    /// Revision taken in the config lane, if any.
    pub config_revision: Option<u64>,
    /// Revision taken in the credentials lane, if any.
    pub credentials_revision: Option<u64>,
    /// gRPC status code, `OK` if the change was committed.
    pub code: &'a str,
    /// W3C traceparent of the call.
    pub traceparent: Option<&'a str>,
}

/// Sends audit records to the collector.
#[derive(Clone, Debug)]
pub(super) struct AuditRecords(SdkLogger);

impl AuditRecords {
    pub(super) fn new(provider: &SdkLoggerProvider) -> Self {
        Self(provider.logger(SCOPE))
    }

    /// Queues a record; if the queue is full it is lost here, not in the store.
    pub(super) fn emit(&self, record: &AuditRecord<'_>) {
        let mut entry = self.0.create_log_record();
        entry.set_event_name(EVENT);
        entry.set_timestamp(record.time);
        entry.set_severity_number(Severity::Info);
        entry.set_severity_text("INFO");
        for (name, value) in [
            ("signalbox.actor", record.actor),
            ("rpc.method", record.method),
            ("rpc.response.status_code", record.code),
            ("signalbox.request_id", record.request_id),
        ] {
            if !value.is_empty() {
                entry.add_attribute(name, value.to_owned());
            }
        }
        let resources = record.resources.iter().map(|name| AnyValue::from(name.clone()));
        entry.add_attribute("signalbox.resources", resources.collect::<AnyValue>());
        for (name, revision) in [
            ("signalbox.revision.config", record.config_revision),
            ("signalbox.revision.credentials", record.credentials_revision),
        ] {
            if let Some(revision) = revision {
                entry.add_attribute(name, i64::try_from(revision).unwrap_or(i64::MAX));
            }
        }
        if let Some(trace) = record.traceparent.and_then(|text| TraceContext::parse(text.as_bytes())) {
            let flags = TraceFlags::default().with_sampled(trace.sampled());
            let (trace_id, span_id) = (trace.trace_id(), trace.span_id());
            entry.set_trace_context(TraceId::from_bytes(trace_id), SpanId::from_bytes(span_id), Some(flags));
        }
        self.0.emit(entry);
    }
}

/// Writes a record to the diagnostic log.
pub(super) fn log(record: &AuditRecord<'_>) {
    tracing::info!(
        target: "signalbox::audit",
        actor = record.actor,
        method = record.method,
        request_id = record.request_id,
        resources = ?record.resources,
        config_revision = record.config_revision,
        credentials_revision = record.credentials_revision,
        code = record.code,
        "change"
    );
}
