//! The diagnostic log on standard error, and the export of change spans.

use std::io::{self, IsTerminal as _};

use opentelemetry_sdk::trace::SdkTracer;
use tracing::Subscriber;
use tracing_subscriber::{
    EnvFilter, Layer, filter::filter_fn, layer::SubscriberExt as _, registry::LookupSpan,
    util::SubscriberInitExt as _,
};

use super::{change, error::TelemetryError};

/// How the diagnostic log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sets up `tracing` for the whole process.
pub(super) fn init(filter: &str, format: LogFormat, tracer: Option<SdkTracer>) -> Result<(), TelemetryError> {
    let filter = EnvFilter::try_new(filter).map_err(TelemetryError::Filter)?;
    let writer =
        tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let log = match format {
        LogFormat::Text => writer.with_filter(filter).boxed(),
        LogFormat::Json => writer.json().flatten_event(true).with_filter(filter).boxed(),
    };
    tracing_subscriber::registry()
        .with(tracer.map(export_layer))
        .with(log)
        .try_init()
        .map_err(TelemetryError::AlreadySet)
}

/// The layer that exports change spans, and no others: what the exporter's own connection does must not be exported in
/// turn.
pub(super) fn export_layer<S>(tracer: SdkTracer) -> impl Layer<S>
where
    S: Subscriber + for<'span> LookupSpan<'span>,
{
    let spans = filter_fn(|metadata| metadata.is_span() && metadata.target() == change::TARGET);
    tracing_opentelemetry::layer().with_tracer(tracer).with_filter(spans)
}
