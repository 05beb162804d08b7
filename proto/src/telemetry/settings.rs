//! What the standard `OTEL_*` variables say about exporting.

#[cfg(test)]
mod tests;

use std::time::Duration;

/// Longest wait for one export (`OTEL_EXPORTER_OTLP_TIMEOUT`, in milliseconds).
const EXPORT_TIMEOUT: Duration = Duration::from_secs(10);
/// Time between two exports of metrics (`OTEL_METRIC_EXPORT_INTERVAL`, in milliseconds).
const METRIC_INTERVAL: Duration = Duration::from_secs(60);
/// Share of requests that are traced when neither flag nor environment says anything.
const TRACE_RATIO: f64 = 0.01;

/// Where and how a process exports its telemetry.
#[derive(Clone, Debug, PartialEq)]
pub struct OtlpSettings {
    /// gRPC endpoint of the collector; `None` exports nothing.
    pub endpoint: Option<String>,
    /// Metadata sent with every export, such as an access token.
    pub headers: Vec<(String, String)>,
    /// File of PEM certificates that an https collector is verified against; `None`: the system's.
    pub certificate: Option<String>,
    /// Longest wait for one export.
    pub timeout: Duration,
    /// Time between two exports of metrics.
    pub metric_interval: Duration,
    /// Attributes of the process, `service.name` first.
    pub resource: Vec<(String, String)>,
    /// Share of requests that are traced, 0 to 1.
    pub trace_ratio: f64,
}

/// A variable that cannot be understood.
#[derive(Debug, PartialEq, thiserror::Error)]
#[error("{variable} is not valid: {reason}")]
pub struct SettingsError {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong with it; never its value, which may be a secret.
    pub reason: &'static str,
}

impl OtlpSettings {
    /// Reads the environment through `variable`; a variable that is empty counts as absent.
    ///
    /// Attributes are percent-decoded as the specification asks. `OTEL_SDK_DISABLED=true` leaves no endpoint.
    ///
    /// # Errors
    /// A number, list or sampler that cannot be understood.
    pub fn from_environment(
        service_name: &str,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, SettingsError> {
        let get = |name: &str| {
            variable(name).map(|value| value.trim().to_owned()).filter(|value| !value.is_empty())
        };
        let millis = |name: &'static str, default: Duration| match get(name) {
            None => Ok(default),
            Some(text) => match text.parse() {
                Ok(millis @ 1..=86_400_000) => Ok(Duration::from_millis(millis)),
                _ => Err(SettingsError {
                    variable: name,
                    reason: "not a number of milliseconds from 1 to a day",
                }),
            },
        };
        let disabled = get("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"));
        let mut attributes = pairs("OTEL_RESOURCE_ATTRIBUTES", get("OTEL_RESOURCE_ATTRIBUTES"))?;
        let named =
            attributes.iter().position(|(key, _)| key == "service.name").map(|at| attributes.remove(at).1);
        let service_name = get("OTEL_SERVICE_NAME").or(named).unwrap_or_else(|| service_name.to_owned());
        attributes.insert(0, ("service.name".to_owned(), service_name));
        Ok(Self {
            endpoint: get("OTEL_EXPORTER_OTLP_ENDPOINT").filter(|_| !disabled),
            headers: pairs("OTEL_EXPORTER_OTLP_HEADERS", get("OTEL_EXPORTER_OTLP_HEADERS"))?,
            certificate: get("OTEL_EXPORTER_OTLP_CERTIFICATE"),
            timeout: millis("OTEL_EXPORTER_OTLP_TIMEOUT", EXPORT_TIMEOUT)?,
            metric_interval: millis("OTEL_METRIC_EXPORT_INTERVAL", METRIC_INTERVAL)?,
            resource: attributes,
            trace_ratio: ratio(get("OTEL_TRACES_SAMPLER").as_deref(), get("OTEL_TRACES_SAMPLER_ARG"))?,
        })
    }

    /// Adds an attribute of the process, replacing one of the same name.
    pub fn set_attribute(&mut self, key: &str, value: &str) {
        match self.resource.iter_mut().find(|(known, _)| known == key) {
            Some((_, known)) => value.clone_into(known),
            None => self.resource.push((key.to_owned(), value.to_owned())),
        }
    }
}

/// The share to trace, of those samplers that are one.
fn ratio(sampler: Option<&str>, argument: Option<String>) -> Result<f64, SettingsError> {
    let argument = match argument {
        None => None,
        Some(text) => {
            let ratio = text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio));
            let error =
                SettingsError { variable: "OTEL_TRACES_SAMPLER_ARG", reason: "not a number from 0 to 1" };
            Some(ratio.ok_or(error)?)
        }
    };
    match sampler {
        Some("always_on" | "parentbased_always_on") => Ok(1.0),
        Some("always_off" | "parentbased_always_off") => Ok(0.0),
        None => Ok(argument.unwrap_or(TRACE_RATIO)),
        Some("traceidratio" | "parentbased_traceidratio") => Ok(argument.unwrap_or(1.0)),
        Some(_) => {
            Err(SettingsError { variable: "OTEL_TRACES_SAMPLER", reason: "no sampler that is known here" })
        }
    }
}

/// Reads `key1=value1,key2=value2`, percent-encoded.
fn pairs(variable: &'static str, text: Option<String>) -> Result<Vec<(String, String)>, SettingsError> {
    let error = || SettingsError { variable, reason: "not a list of key=value" };
    let text = text.unwrap_or_default();
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries
        .map(|entry| {
            let (key, value) = entry.split_once('=').ok_or_else(error)?;
            let (key, value) = (decode(key.trim()), decode(value.trim()));
            match (key, value) {
                (Some(key), Some(value)) if !key.is_empty() => Ok((key, value)),
                _ => Err(error()),
            }
        })
        .collect()
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((byte, tail)) = rest.split_first() {
        rest = tail;
        if *byte == b'%' {
            let (code, tail) = rest.split_at_checked(2)?;
            let code =
                std::str::from_utf8(code).ok().filter(|code| code.bytes().all(|b| b.is_ascii_hexdigit()))?;
            bytes.push(u8::from_str_radix(code, 16).ok()?);
            rest = tail;
        } else {
            bytes.push(*byte);
        }
    }
    String::from_utf8(bytes).ok()
}
