//! What the data plane tells about itself: access log, metrics, traces, diagnostics; and their export over OTLP.
//!
//! The request path formats one line, adds to atomics and, for a small share of requests, records two spans. Nothing in
//! here ever makes a request wait.

mod access;
mod attributes;
mod buffers;
pub mod change;
mod diagnostics;
mod error;
mod metrics;
mod names;
mod otlp;
mod records;
mod settings;
mod trace;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use access::{AccessCounters, AccessLog, AccessRecord, Destination, Outcome, Termination};
pub use diagnostics::LogFormat;
pub use error::TelemetryError;
pub use metrics::{
    AgentMetrics, AuthRefusal, CardFetch, ConnectionCounters, LaneMetrics, Metrics, OpenStream, PlanMetrics,
    ProcessMetrics, UpstreamErrorKind,
};
use opentelemetry::trace::TracerProvider as _;
use opentelemetry_sdk::trace::SdkTracerProvider;
use records::AccessRecords;
pub use settings::{Settings, TelemetryArguments};
pub use signalbox_proto::telemetry::{ExportCounters, SignalCounters, TraceContext};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
pub use trace::{RequestTrace, RequestTracer, UpstreamSpan};

/// Name of the instrumentation scope.
const SCOPE: &str = "signalbox-data-plane";
/// Longest that `flush` waits for the collector to take access records.
const FLUSH_WAIT: Duration = Duration::from_secs(10);
/// Time between two looks for counters that nobody uses.
const SWEEP_INTERVAL: Duration = Duration::from_secs(60);

/// Everything that the request path needs to account for itself.
pub struct Telemetry {
    /// Counters.
    pub metrics: Arc<Metrics>,
    /// Spans of requests.
    pub tracer: RequestTracer,
    access: AccessLog,
    records: Option<AccessRecords>,
    traces: Option<SdkTracerProvider>,
    stop: CancellationToken,
    push: Mutex<Option<JoinHandle<()>>>,
}

impl Telemetry {
    /// Starts everything. Has to be called in a tokio runtime, which then does the sending; not one that serves
    /// requests.
    ///
    /// # Errors
    /// Settings that cannot be used. A collector that cannot be reached is no error.
    pub fn start(settings: &Settings) -> Result<Self, TelemetryError> {
        let metrics = Arc::new(Metrics::default());
        let counters = Arc::clone(&metrics.process.access_log);
        let access = AccessLog::start(&settings.access_log, &settings.region, &settings.data_plane, counters)
            .map_err(|source| {
                let destination = format!("{:?}", settings.access_log);
                TelemetryError::AccessLog { destination, source }
            })?;
        let stop = CancellationToken::new();
        tokio::spawn(sweep(Arc::clone(&metrics), stop.clone()));
        let mut telemetry = Self {
            metrics,
            tracer: RequestTracer::off(),
            access,
            records: None,
            traces: None,
            stop,
            push: Mutex::new(None),
        };
        if let Some(collector) = otlp::collector(&settings.otlp)? {
            telemetry.export_to(&collector, settings)?;
        }
        Ok(telemetry)
    }

    fn export_to(&mut self, collector: &otlp::Collector, settings: &Settings) -> Result<(), TelemetryError> {
        let exports = &self.metrics.process.exports;
        let traces = otlp::traces(collector, &settings.otlp, exports)?;
        let (ratio, trust) = (settings.otlp.trace_ratio, settings.trust_sampled);
        self.tracer = RequestTracer::new(traces.tracer(SCOPE), ratio, trust);
        self.traces = Some(traces);
        if settings.otlp_access_log {
            let records = AccessRecords::start(collector, &settings.otlp, exports);
            self.records = Some(records.map_err(|source| TelemetryError::Thread { source })?);
        }
        let push = otlp::Push::new(
            collector,
            &self.metrics,
            settings.otlp.resource.clone(),
            crate::clock::system_now(),
        );
        let task = tokio::spawn(push.run(settings.otlp.metric_interval, self.stop.clone()));
        *self.push.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        Ok(())
    }

    /// Telemetry that counts and does nothing else: for tests and tools.
    pub fn counting() -> Self {
        Self {
            metrics: Arc::default(),
            tracer: RequestTracer::off(),
            access: AccessLog::off(),
            records: None,
            traces: None,
            stop: CancellationToken::new(),
            push: Mutex::new(None),
        }
    }

    /// Sets up the diagnostic log for the whole process, and the export of change spans if there is a collector.
    ///
    /// # Errors
    /// A filter that cannot be understood, or a second call.
    pub fn init_diagnostics(&self, filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
        let tracer = self.traces.as_ref().map(|traces| traces.tracer(SCOPE));
        diagnostics::init(filter, format, tracer)
    }

    /// Accounts for a request that has ended: counters, span, one line. Sets `record.trace`.
    pub fn finish(&self, mut record: AccessRecord<'_>, agent: &AgentMetrics, trace: RequestTrace) {
        record.trace = trace.context();
        self.metrics.process.requests.increment();
        agent.count(&record);
        self.access.log(&record);
        if let Some(records) = &self.records {
            records.emit(&record);
        }
        trace.finish(&record);
    }

    /// Sends and writes what waits, as far as that is possible. For tests and for the end of a demonstration.
    pub async fn flush(&self) {
        let (access, records, traces) = (self.access.clone(), self.records.clone(), self.traces.clone());
        let flush = move || {
            access.flush();
            if let Some(records) = records {
                records.flush(FLUSH_WAIT);
            }
            // Failures are counted where spans are lost.
            let _ = traces.map(|traces| traces.force_flush());
        };
        // A panic in the library must not become one here.
        let _ = tokio::task::spawn_blocking(flush).await;
    }

    /// Sends and writes what is left, for `deadline` at most. What comes later is lost.
    pub async fn shutdown(&self, deadline: Duration) {
        self.stop.cancel();
        let push = self.push.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (access, records, traces) = (self.access.clone(), self.records.clone(), self.traces.clone());
        let blocking = tokio::task::spawn_blocking(move || {
            access.flush();
            let _ = traces.map(|traces| traces.shutdown_with_timeout(deadline / 2));
            if let Some(records) = records {
                records.flush(deadline / 2);
            }
        });
        let all = async {
            if let Some(push) = push {
                let _ = push.await;
            }
            let _ = blocking.await;
        };
        if tokio::time::timeout(deadline, all).await.is_err() {
            tracing::warn!("telemetry could not be sent in time; the rest is lost");
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Telemetry").field("exports", &self.traces.is_some()).finish_non_exhaustive()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

async fn sweep(metrics: Arc<Metrics>, stop: CancellationToken) {
    let mut ticks = tokio::time::interval(SWEEP_INTERVAL);
    while stop.run_until_cancelled(ticks.tick()).await.is_some() {
        metrics.sweep();
    }
}
