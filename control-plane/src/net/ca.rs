//! The control plane's own certificate authority, made at the first start.

use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair, KeyUsagePurpose};
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject as _;
use signalbox_proto::pin::Fingerprint;

use super::files;

/// The CA's certificate, for anybody to read.
pub const CERTIFICATE_FILE: &str = "ca.pem";
/// The CA's key.
pub const KEY_FILE: &str = "ca.key";
/// SHA-256 of the CA's certificate: what clients pin.
pub const FINGERPRINT_FILE: &str = "ca.sha256";

/// Life of the CA.
const LIFETIME: Duration = Duration::from_secs(20 * 365 * 86_400);
/// Clocks of data planes may be this much behind.
pub(super) const CLOCK_SKEW: Duration = Duration::from_secs(3_600);

/// Why there is no CA.
#[derive(Debug, thiserror::Error)]
pub enum CaError {
    /// A file cannot be read or written.
    #[error("cannot access {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file is not what it should be.
    #[error("{} is damaged; restore it from a backup, or remove {CERTIFICATE_FILE} and {KEY_FILE} to make a new CA, which every client then has to trust anew", path.display())]
    Damaged {
        /// Which.
        path: PathBuf,
    },
    /// A certificate cannot be made.
    #[error("cannot make a certificate")]
    Certificate(#[source] rcgen::Error),
}

/// A certificate authority.
pub struct Ca {
    certificate: CertificateDer<'static>,
    issuer: Issuer<'static, KeyPair>,
}

impl Ca {
    /// Reads the CA of a data directory, or makes one if there is none.
    ///
    /// # Errors
    ///
    /// If the files cannot be read or written, are damaged, or if one of them is missing.
    pub fn load_or_create(directory: &Path, now: SystemTime) -> Result<Self, CaError> {
        let certificate_path = directory.join(CERTIFICATE_FILE);
        let key_path = directory.join(KEY_FILE);
        // The certificate is written last: without it there is no CA yet, whatever a crash left.
        let ca = if exists(&certificate_path)? {
            Self::load(&certificate_path, &key_path)?
        } else {
            Self::create(&certificate_path, &key_path, now)?
        };
        let path = directory.join(FINGERPRINT_FILE);
        let text = format!("{}\n", ca.fingerprint());
        files::write_public(&path, text.as_bytes()).map_err(|source| CaError::File { path, source })?;
        Ok(ca)
    }

    fn create(certificate_path: &Path, key_path: &Path, now: SystemTime) -> Result<Self, CaError> {
        let write = |path: &Path, result: io::Result<()>| {
            result.map_err(|source| CaError::File { path: path.to_owned(), source })
        };
        let key = KeyPair::generate().map_err(CaError::Certificate)?;
        let params = params(now);
        let certificate = params.self_signed(&key).map_err(CaError::Certificate)?;
        write(key_path, files::write_private(key_path, key.serialize_pem().as_bytes()))?;
        write(certificate_path, files::write_public(certificate_path, certificate.pem().as_bytes()))?;
        Ok(Self { certificate: certificate.der().clone(), issuer: Issuer::new(params, key) })
    }

    fn load(certificate_path: &Path, key_path: &Path) -> Result<Self, CaError> {
        let read = |path: &Path| {
            std::fs::read_to_string(path).map_err(|source| CaError::File { path: path.to_owned(), source })
        };
        let damaged = |path: &Path| CaError::Damaged { path: path.to_owned() };
        let certificate = CertificateDer::from_pem_slice(read(certificate_path)?.as_bytes())
            .map_err(|_| damaged(certificate_path))?;
        let key = KeyPair::from_pem(&read(key_path)?).map_err(|_| damaged(key_path))?;
        // The name is always the same, so the parameters need not be read back; the key must be the certificate's.
        if !contains(&certificate, key.public_key_raw()) {
            return Err(damaged(key_path));
        }
        Ok(Self { certificate, issuer: Issuer::new(params(SystemTime::UNIX_EPOCH), key) })
    }

    /// SHA-256 of the certificate.
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint::of(&self.certificate)
    }

    /// The certificate.
    pub fn certificate(&self) -> &CertificateDer<'static> {
        &self.certificate
    }

    pub(super) fn issuer(&self) -> &Issuer<'static, KeyPair> {
        &self.issuer
    }
}

impl std::fmt::Debug for Ca {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ca").field("fingerprint", &self.fingerprint().to_string()).finish_non_exhaustive()
    }
}

fn params(now: SystemTime) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, "Signalbox control plane CA");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params.not_before = now.checked_sub(CLOCK_SKEW).unwrap_or(now).into();
    params.not_after = (now + LIFETIME).into();
    params
}

fn exists(path: &Path) -> Result<bool, CaError> {
    path.try_exists().map_err(|source| CaError::File { path: path.to_owned(), source })
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len().max(1)).any(|window| window == needle)
}

#[cfg(test)]
mod tests;
