//! Why telemetry cannot start.

use std::io;

/// Why telemetry cannot start. Only settings can be wrong: a collector that cannot be reached is no error.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The access log cannot be opened.
    #[error("cannot open the access log {destination}")]
    AccessLog {
        /// Where it was to go.
        destination: String,
        /// Why not.
        source: io::Error,
    },
    /// The thread that sends cannot be started.
    #[error("cannot start a thread for the export")]
    Thread {
        /// Why not.
        source: io::Error,
    },
    /// The collector's address cannot be understood.
    #[error("the OTLP endpoint is not valid")]
    Endpoint {
        /// What is wrong with it.
        source: tonic::transport::Error,
    },
    /// The collector's address has no scheme that is known here.
    #[error("the OTLP endpoint has to begin with http:// or https://")]
    Scheme,
    /// The certificates for the collector cannot be read.
    #[error("cannot read the OTLP certificate file {path}")]
    Certificate {
        /// The file.
        path: String,
        /// Why not.
        source: io::Error,
    },
    /// A header for the collector cannot be sent; its value is not shown.
    #[error("the OTLP header {0} is not valid")]
    Header(String),
    /// The exporter refuses its settings.
    #[error("the OTLP exporter refuses its settings")]
    Exporter(#[source] opentelemetry_otlp::ExporterBuildError),
    /// The filter of the diagnostic log cannot be understood.
    #[error("the log filter is not valid")]
    Filter(#[source] tracing_subscriber::filter::ParseError),
    /// The process has a diagnostic log already.
    #[error("the diagnostic log is already set up")]
    AlreadySet(#[source] tracing_subscriber::util::TryInitError),
}
