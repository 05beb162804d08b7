//! What operators can set about telemetry.

#[cfg(test)]
mod tests;

use std::path::PathBuf;

use signalbox_proto::telemetry::{OtlpSettings, SettingsError};

use super::{access::Destination, diagnostics::LogFormat};

/// Flags about telemetry. What is not given is taken from the standard `OTEL_*` environment.
#[derive(Clone, Debug, Default, clap::Args)]
#[command(next_help_heading = "Telemetry")]
pub struct TelemetryArguments {
    /// gRPC endpoint of an OpenTelemetry collector, such as http://127.0.0.1:4317 [OTEL_EXPORTER_OTLP_ENDPOINT]
    #[arg(long, value_name = "URL", env = "SIGNALBOX_OTLP_ENDPOINT")]
    pub otlp_endpoint: Option<String>,
    /// Share of requests that are traced, 0 to 1 [OTEL_TRACES_SAMPLER_ARG, else 0.01]
    #[arg(long, value_name = "RATIO", value_parser = ratio, env = "SIGNALBOX_TRACE_RATIO")]
    pub trace_ratio: Option<f64>,
    /// Let the sampled flag of callers decide what is traced; only where every caller is trusted
    #[arg(long, env = "SIGNALBOX_TRUST_SAMPLED")]
    pub trust_sampled: bool,
    /// Where the access log goes: stdout, off, or a file
    #[arg(long, value_name = "WHERE", default_value = "stdout", value_parser = destination, env = "SIGNALBOX_ACCESS_LOG")]
    pub access_log: Destination,
    /// Do not send the access log to the collector too
    #[arg(long, env = "SIGNALBOX_NO_OTLP_ACCESS_LOG")]
    pub no_otlp_access_log: bool,
    /// What the diagnostic log shows, such as info or signalbox_data_plane=debug
    #[arg(long, value_name = "FILTER", default_value = "info", env = "SIGNALBOX_LOG")]
    pub log: String,
    /// Form of the diagnostic log
    #[arg(long, value_enum, default_value_t, env = "SIGNALBOX_LOG_FORMAT")]
    pub log_format: LogFormat,
}

/// All settings of telemetry.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Export to a collector.
    pub otlp: OtlpSettings,
    /// Whether the sampled flag of callers decides what is traced.
    pub trust_sampled: bool,
    /// Where the access log goes.
    pub access_log: Destination,
    /// Whether the access log goes to the collector too.
    pub otlp_access_log: bool,
    /// The data plane's region.
    pub region: String,
    /// The data plane's id.
    pub data_plane: String,
}

impl Settings {
    /// Settings from flags and environment. `variable` reads the environment.
    ///
    /// # Errors
    /// A variable that cannot be understood.
    pub fn new(
        arguments: &TelemetryArguments,
        region: &str,
        data_plane: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let mut otlp = OtlpSettings::from_environment("signalbox-data-plane", variable)?;
        if let Some(endpoint) = &arguments.otlp_endpoint {
            otlp.endpoint = Some(endpoint.clone());
        }
        if let Some(ratio) = arguments.trace_ratio {
            otlp.trace_ratio = ratio;
        }
        otlp.set_attribute("service.namespace", "signalbox");
        otlp.set_attribute("service.version", env!("CARGO_PKG_VERSION"));
        otlp.set_attribute("service.instance.id", data_plane);
        if !region.is_empty() {
            otlp.set_attribute("cloud.region", region);
        }
        Ok(Self {
            otlp,
            trust_sampled: arguments.trust_sampled,
            access_log: arguments.access_log.clone(),
            otlp_access_log: !arguments.no_otlp_access_log,
            region: region.to_owned(),
            data_plane: data_plane.to_owned(),
        })
    }
}

fn ratio(text: &str) -> Result<f64, &'static str> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio)).ok_or("not a number from 0 to 1")
}

fn destination(text: &str) -> Result<Destination, std::convert::Infallible> {
    Ok(match text {
        "stdout" | "-" => Destination::Stdout,
        "off" | "none" => Destination::Off,
        path => Destination::File(PathBuf::from(path)),
    })
}
