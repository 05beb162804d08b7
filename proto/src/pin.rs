//! Trust in a control plane by the fingerprint of its own certificate authority.
//!
//! A control plane makes a CA at its first start and signs its server certificate with it. Whoever connects knows the
//! SHA-256 of the CA certificate (DER) and nothing else: the server sends leaf and CA, the CA must have the
//! fingerprint, and the leaf must be good for [`SERVER_NAME`] under it. So the address by which the control plane is
//! reached does not matter, and a certificate made by the same CA for another purpose is not accepted.

use std::sync::Arc;

use aws_lc_rs::digest;
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{
    CryptoProvider, WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature,
};
use rustls::{CertificateError, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};

/// A name that is in every server certificate that a control plane's own CA signs.
pub const SERVER_NAME: &str = "control-plane.signalbox.internal";

/// SHA-256 of a CA certificate in DER form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fingerprint(pub [u8; 32]);

/// A text is not 64 hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a CA fingerprint has 64 hex digits, with or without colons between bytes")]
pub struct NotAFingerprint;

impl Fingerprint {
    /// Of a certificate.
    #[must_use]
    pub fn of(certificate: &CertificateDer<'_>) -> Self {
        let mut out = [0; 32];
        out.copy_from_slice(digest::digest(&digest::SHA256, certificate).as_ref());
        Self(out)
    }
}

impl std::str::FromStr for Fingerprint {
    type Err = NotAFingerprint;

    /// Reads hex digits in either case, with colons or without, with `sha256:` in front or without.
    fn from_str(text: &str) -> Result<Self, NotAFingerprint> {
        let text = text.trim();
        let text = text.strip_prefix("sha256:").unwrap_or(text).replace(':', "");
        let root = crate::model::violation::FieldPath::root();
        crate::model::consumer::KeySha256::parse(&text, &root)
            .map(|hash| Self(hash.0))
            .map_err(|_| NotAFingerprint)
    }
}

impl std::fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// Verifies a control plane by the fingerprint of its CA.
#[derive(Debug)]
pub struct PinnedCa {
    pin: Fingerprint,
    provider: Arc<CryptoProvider>,
    algorithms: WebPkiSupportedAlgorithms,
    name: ServerName<'static>,
}

impl PinnedCa {
    /// Trusts the CA with this fingerprint.
    #[must_use]
    pub fn new(pin: Fingerprint, provider: Arc<CryptoProvider>) -> Self {
        let algorithms = provider.signature_verification_algorithms;
        Self { pin, provider, algorithms, name: server_name() }
    }

    /// A client configuration that trusts the CA with this fingerprint alone and speaks HTTP/2.
    ///
    /// # Errors
    ///
    /// If the provider supports no TLS version.
    pub fn client_config(pin: Fingerprint) -> Result<rustls::ClientConfig, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = rustls::ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(Self::new(pin, provider)))
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(config)
    }
}

/// [`SERVER_NAME`] as rustls takes it.
#[must_use]
#[expect(clippy::expect_used, reason = "a constant that a test reads")]
pub fn server_name() -> ServerName<'static> {
    ServerName::try_from(SERVER_NAME).expect("the constant is a host name")
}

impl ServerCertVerifier for PinnedCa {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let unknown = || Error::InvalidCertificate(CertificateError::UnknownIssuer);
        let ca = intermediates.iter().find(|ca| Fingerprint::of(ca) == self.pin).ok_or_else(unknown)?;
        let mut roots = RootCertStore::empty();
        roots.add(ca.clone().into_owned())?;
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), Arc::clone(&self.provider))
                .build()
                .map_err(|error| Error::General(error.to_string()))?;
        verifier.verify_server_cert(end_entity, &[], &self.name, ocsp_response, now)
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests;
