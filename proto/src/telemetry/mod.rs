//! The parts of telemetry that both planes share and that do no I/O.
//!
//! A plane describes its metrics in one table of [`Desc`], counts in plain atomics and reads them as [`Family`] values;
//! `prometheus` and `otlp` are two forms of the same reading. `trace_context` is the W3C header, `settings` what the
//! standard `OTEL_*` environment says, `counted` an exporter that counts its failures.

mod counted;
mod metric;
mod otlp;
mod prometheus;
mod settings;
mod trace_context;

pub use counted::{Counted, ExportCounters, Outcomes, SignalCounters};
pub use metric::{
    Counter, Desc, Family, Gauge, Histogram, HistogramReading, Kind, LABELS_MAX, Label, Reading, Sample,
    markdown,
};
pub use otlp::{Scope, export_request};
pub use prometheus::{prometheus_name, render};
pub use settings::{OtlpSettings, SettingsError};
pub use trace_context::TraceContext;
