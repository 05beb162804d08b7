//! An exporter that counts what became of its records.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    time::Duration,
};

use opentelemetry_sdk::{
    Resource,
    error::OTelSdkResult,
    logs::{LogBatch, LogExporter},
    trace::{SpanData, SpanExporter},
};

use super::{Counter, Desc, Family, Reading};

/// Records sent to the collector, by signal.
#[derive(Debug, Default)]
pub struct ExportCounters {
    /// Spans.
    pub traces: SignalCounters,
    /// Points of metrics.
    pub metrics: SignalCounters,
    /// Log records.
    pub logs: SignalCounters,
}

/// Records of one signal.
#[derive(Debug, Default)]
pub struct SignalCounters {
    /// Taken by the collector.
    pub exported: Counter,
    /// Lost, because the collector did not take them.
    pub failed: Counter,
}

impl ExportCounters {
    /// Reads everything, by signal and result.
    pub fn read(&self, desc: &'static Desc) -> Family<'static> {
        let mut family = Family::new(desc);
        for (signal, counters) in [("traces", &self.traces), ("metrics", &self.metrics), ("logs", &self.logs)]
        {
            family.push(&[signal, "exported"], Reading::Count(counters.exported.get()));
            family.push(&[signal, "failed"], Reading::Count(counters.failed.get()));
        }
        family
    }
}

/// An exporter of one signal that counts what became of its records.
#[derive(Debug)]
pub struct Counted<E> {
    exporter: E,
    outcome: Outcomes,
}

/// Counts outcomes, and tells operators once when exports begin to fail and once when they work again.
#[derive(Debug)]
pub struct Outcomes {
    counters: Arc<ExportCounters>,
    signal: &'static str,
    of: fn(&ExportCounters) -> &SignalCounters,
    failing: AtomicBool,
}

impl Outcomes {
    /// Counts into what `of` picks.
    pub fn new(
        counters: &Arc<ExportCounters>,
        signal: &'static str,
        of: fn(&ExportCounters) -> &SignalCounters,
    ) -> Self {
        Self { counters: Arc::clone(counters), signal, of, failing: AtomicBool::new(false) }
    }

    /// Counts log records.
    pub fn logs(counters: &Arc<ExportCounters>) -> Self {
        Self::new(counters, "logs", |counters| &counters.logs)
    }

    /// Counts `records` that were sent. `problem` says why they were not taken.
    pub fn count(&self, records: u64, problem: Option<&str>) {
        let counters = (self.of)(&self.counters);
        match problem {
            None => counters.exported.add(records),
            Some(_) => counters.failed.add(records),
        }
        let signal = self.signal;
        match (self.failing.swap(problem.is_some(), Relaxed), problem) {
            (false, Some(problem)) => tracing::warn!(signal, problem, "the collector does not take exports"),
            (true, None) => tracing::info!(signal, "the collector takes exports again"),
            _ => {}
        }
    }
}

impl<E> Counted<E> {
    /// An exporter of spans.
    pub fn spans(exporter: E, counters: &Arc<ExportCounters>) -> Self {
        Self { exporter, outcome: Outcomes::new(counters, "traces", |counters| &counters.traces) }
    }

    /// An exporter of log records.
    pub fn logs(exporter: E, counters: &Arc<ExportCounters>) -> Self {
        Self { exporter, outcome: Outcomes::logs(counters) }
    }

    fn counted(&self, records: usize, result: OTelSdkResult) -> OTelSdkResult {
        let problem = result.as_ref().err().map(ToString::to_string);
        self.outcome.count(records.try_into().unwrap_or(u64::MAX), problem.as_deref());
        result
    }
}

impl<E: SpanExporter> SpanExporter for Counted<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let records = batch.len();
        let result = self.exporter.export(batch).await;
        self.counted(records, result)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

impl<E: LogExporter> LogExporter for Counted<E> {
    async fn export(&self, batch: LogBatch<'_>) -> OTelSdkResult {
        let records = batch.iter().count();
        let result = self.exporter.export(batch).await;
        self.counted(records, result)
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}
