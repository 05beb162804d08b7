//! What operators can set about telemetry.

use signalbox_proto::telemetry::{OtlpSettings, SettingsError};

use super::diagnostics::LogFormat;

/// Flags about telemetry. What is not given is taken from the standard `OTEL_*` environment.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryArguments {
    /// gRPC endpoint of an OpenTelemetry collector, such as http://127.0.0.1:4317 [OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL", env = "SIGNALBOX_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// What the diagnostic log shows, such as info or signalbox_control_plane=debug
    #[arg(long, value_name = "FILTER", default_value = "info", env = "SIGNALBOX_LOG")]
    pub log: String,
    /// Form of the diagnostic log
    #[arg(long, value_enum, default_value_t, env = "SIGNALBOX_LOG_FORMAT")]
    pub log_format: LogFormat,
}

impl TelemetryArguments {
    /// Settings of the export from flags and environment. `instance` tells this replica from others; `variable` reads
    /// the environment.
    ///
    /// # Errors
    /// A variable that cannot be understood.
    pub fn otlp(
        &self,
        instance: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<OtlpSettings, SettingsError> {
        let mut otlp = OtlpSettings::from_environment("signalbox-control-plane", variable)?;
        if let Some(endpoint) = &self.otlp_endpoint {
            otlp.endpoint = Some(endpoint.clone());
        }
        otlp.set_attribute("service.namespace", "signalbox");
        otlp.set_attribute("service.version", env!("CARGO_PKG_VERSION"));
        otlp.set_attribute("service.instance.id", instance);
        Ok(otlp)
    }
}
