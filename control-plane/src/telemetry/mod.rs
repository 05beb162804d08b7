//! What the control plane tells about itself: metrics, traces of changes, audit, diagnostics; and their export over OTLP.

mod audit;
pub mod change;
mod diagnostics;
mod error;
mod metrics;
mod otlp;
mod settings;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

pub use audit::AuditRecord;
use audit::AuditRecords;
pub use diagnostics::LogFormat;
pub use error::TelemetryError;
pub use metrics::{CommitResult, Metrics, Session, StreamRefusal};
use opentelemetry::trace::TracerProvider as _;
pub use settings::TelemetryArguments;
use signalbox_proto::telemetry::OtlpSettings;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::clock::{Clock as _, SystemClock};

/// Name of the instrumentation scope.
const SCOPE: &str = "signalbox-control-plane";

/// The telemetry of one process.
#[derive(Default)]
pub struct Telemetry {
    /// Counters.
    pub metrics: Arc<Metrics>,
    records: Option<AuditRecords>,
    providers: Option<Arc<otlp::Providers>>,
    stop: CancellationToken,
    push: Mutex<Option<JoinHandle<()>>>,
}

impl Telemetry {
    /// Starts the export, if there is a collector. Has to be called in a tokio runtime, which then does the sending.
    ///
    /// # Errors
    /// Settings that cannot be used. A collector that cannot be reached is no error.
    pub fn start(settings: &OtlpSettings) -> Result<Self, TelemetryError> {
        let mut telemetry = Self::default();
        if let Some(collector) = otlp::collector(settings)? {
            let providers = otlp::providers(&collector, settings, &telemetry.metrics.exports)?;
            telemetry.records = Some(AuditRecords::new(&providers.logs));
            telemetry.providers = Some(Arc::new(providers));
            let push =
                otlp::Push::new(&collector, &telemetry.metrics, settings.resource.clone(), SystemClock.now());
            let task = tokio::spawn(push.run(settings.metric_interval, telemetry.stop.clone()));
            *telemetry.push.lock().unwrap_or_else(PoisonError::into_inner) = Some(task);
        }
        Ok(telemetry)
    }

    /// Sets up the diagnostic log for the whole process, and the export of change spans if there is a collector.
    ///
    /// # Errors
    /// A filter that cannot be understood, or a second call.
    pub fn init_diagnostics(&self, filter: &str, format: LogFormat) -> Result<(), TelemetryError> {
        let tracer = self.providers.as_ref().map(|providers| providers.traces.tracer(SCOPE));
        diagnostics::init(filter, format, tracer)
    }

    /// Tells about a change to the diagnostic log, and to the collector if there is one.
    pub fn audit(&self, record: &AuditRecord<'_>) {
        audit::log(record);
        if let Some(records) = &self.records {
            records.emit(record);
        }
    }

    /// Sends what waits. For tests and for the end of a demonstration.
    pub async fn flush(&self) {
        let Some(providers) = self.providers.clone() else { return };
        // A panic in the library must not become one here.
        let _ = tokio::task::spawn_blocking(move || providers.flush()).await;
    }

    /// Sends what is left, for `deadline` at most. What comes later is lost.
    pub async fn shutdown(&self, deadline: Duration) {
        self.stop.cancel();
        let push = self.push.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(providers) = self.providers.clone() else { return };
        let blocking = tokio::task::spawn_blocking(move || providers.shutdown(deadline));
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
        formatter
            .debug_struct("Telemetry")
            .field("exports", &self.providers.is_some())
            .finish_non_exhaustive()
    }
}

impl Drop for Telemetry {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}
