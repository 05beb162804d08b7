//! The server certificate: signed by the own CA, kept in memory, replaced before it expires.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use arc_swap::ArcSwap;
use rcgen::{CertificateParams, DnType, ExtendedKeyUsagePurpose, KeyPair, KeyUsagePurpose};
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use signalbox_proto::pin;

use super::ca::{CLOCK_SKEW, Ca, CaError};

/// Life of a server certificate.
pub const LIFETIME: Duration = Duration::from_secs(90 * 86_400);
/// Age at which it is replaced.
pub const RENEWAL_AGE: Duration = Duration::from_secs(60 * 86_400);

/// Why there is no server certificate.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A name is neither a host name nor an address.
    #[error("{name:?} is neither a host name nor an address")]
    Name {
        /// The name.
        name: String,
    },
    /// It cannot be made.
    #[error("cannot make a server certificate")]
    Make(#[source] CaError),
    /// The TLS library does not take it.
    #[error("cannot use the server certificate")]
    Use(#[source] rustls::Error),
}

/// Gives each handshake the current certificate.
#[derive(Debug)]
pub struct ServerCertificate {
    ca: Arc<Ca>,
    names: Vec<String>,
    current: ArcSwap<CertifiedKey>,
}

impl ServerCertificate {
    /// Makes a certificate for `names` (host names and addresses) and [`pin::SERVER_NAME`].
    ///
    /// # Errors
    ///
    /// If a name cannot stand in a certificate.
    pub fn new(ca: Arc<Ca>, mut names: Vec<String>, now: SystemTime) -> Result<Self, CertificateError> {
        names.insert(0, pin::SERVER_NAME.to_owned());
        names.dedup();
        let current = ArcSwap::from_pointee(issue(&ca, &names, now)?);
        Ok(Self { ca, names, current })
    }

    /// Makes a new certificate; handshakes from now on get it. Connections that are open stay.
    ///
    /// # Errors
    ///
    /// If it cannot be made; the old one stays then.
    pub fn renew(&self, now: SystemTime) -> Result<(), CertificateError> {
        self.current.store(Arc::new(issue(&self.ca, &self.names, now)?));
        Ok(())
    }
}

impl ResolvesServerCert for ServerCertificate {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.current.load_full())
    }
}

/// Whether `name` can stand in a certificate: an address, or a host name, of which the first label may be `*`.
fn is_name(name: &str) -> bool {
    ServerName::try_from(name.strip_prefix("*.").unwrap_or(name)).is_ok()
}

fn issue(ca: &Ca, names: &[String], now: SystemTime) -> Result<CertifiedKey, CertificateError> {
    let make = |error| CertificateError::Make(CaError::Certificate(error));
    if let Some(name) = names.iter().find(|name| !is_name(name)) {
        return Err(CertificateError::Name { name: name.clone() });
    }
    let key = KeyPair::generate().map_err(make)?;
    let mut params = CertificateParams::new(names.to_vec()).map_err(make)?;
    params.distinguished_name.push(DnType::CommonName, "Signalbox control plane");
    params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
    params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
    params.use_authority_key_identifier_extension = true;
    params.not_before = now.checked_sub(CLOCK_SKEW).unwrap_or(now).into();
    params.not_after = (now + LIFETIME).into();
    let certificate = params.signed_by(&key, ca.issuer()).map_err(make)?;
    let chain = vec![certificate.der().clone(), ca.certificate().clone()];
    let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
    CertifiedKey::from_der(chain, key, &rustls::crypto::aws_lc_rs::default_provider())
        .map_err(CertificateError::Use)
}
