//! The connection to the collector.

use std::fs;

use signalbox_proto::telemetry::OtlpSettings;
use tonic::transport::{Certificate, Channel, ClientTlsConfig, Endpoint};

use crate::telemetry::error::TelemetryError;

/// A channel that connects when it is first used, and again whenever it was cut.
pub(super) fn lazy(endpoint: &str, settings: &OtlpSettings) -> Result<Channel, TelemetryError> {
    let endpoint =
        Endpoint::from_shared(endpoint.to_owned()).map_err(|source| TelemetryError::Endpoint { source })?;
    let endpoint = endpoint.connect_timeout(settings.timeout).timeout(settings.timeout);
    let endpoint = match endpoint.uri().scheme_str() {
        Some("http") => endpoint,
        Some("https") => {
            let tls = ClientTlsConfig::new().ca_certificates(certificates(settings)?);
            endpoint.tls_config(tls).map_err(|source| TelemetryError::Endpoint { source })?
        }
        _ => return Err(TelemetryError::Scheme),
    };
    Ok(endpoint.connect_lazy())
}

/// The given certificates, else the system's.
fn certificates(settings: &OtlpSettings) -> Result<Vec<Certificate>, TelemetryError> {
    if let Some(path) = &settings.certificate {
        let read =
            fs::read(path).map_err(|source| TelemetryError::Certificate { path: path.clone(), source })?;
        return Ok(vec![Certificate::from_pem(read)]);
    }
    let found = rustls_native_certs::load_native_certs();
    Ok(found.certs.iter().map(|certificate| Certificate::from_pem(pem(certificate))).collect())
}

/// PEM is the only form in which tonic takes a certificate.
fn pem(der: &[u8]) -> String {
    use base64::{Engine as _, prelude::BASE64_STANDARD};
    format!("-----BEGIN CERTIFICATE-----\n{}\n-----END CERTIFICATE-----\n", BASE64_STANDARD.encode(der))
}
