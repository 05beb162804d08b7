//! Certificates of the listeners: several by name, replaced while connections go on.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use rustls::ServerConfig;
use rustls::client::verify_server_name;
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::server::{ClientHello, ParsedCertificate, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::{self, PemObject};
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio::signal::unix::{SignalKind, signal};

/// One certificate with its key, as PEM files.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateFiles {
    /// The certificate and its chain, leaf first.
    pub certificates: PathBuf,
    /// The private key of the leaf.
    pub key: PathBuf,
}

/// Why certificate files cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum CertificateError {
    /// A file cannot be read, or holds no valid PEM of the kind expected.
    #[error("{} cannot be read as PEM", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        source: pem::Error,
    },
    /// The files are valid, but not for one another, or of a kind that is not supported.
    #[error("certificate {} and key {} cannot be used together", files.certificates.display(), files.key.display())]
    Unusable {
        /// The files.
        files: CertificateFiles,
        /// What is wrong with them.
        source: rustls::Error,
    },
    /// No files at all.
    #[error("a TLS listener needs at least one certificate")]
    None,
}

/// The TLS side of a listener.
#[derive(Debug)]
pub struct ServerTls {
    files: Vec<CertificateFiles>,
    provider: Arc<CryptoProvider>,
    certificates: Arc<Certificates>,
    config: Arc<ServerConfig>,
    // Reported once, not at every attempt.
    last_error: Mutex<Option<String>>,
}

/// The certificates in use; the next handshake sees a change.
#[derive(Debug)]
struct Certificates(ArcSwap<Vec<Arc<CertifiedKey>>>);

impl ServerTls {
    /// Reads the files. The first certificate also answers clients that name no host or an unknown one.
    ///
    /// # Errors
    /// See [`CertificateError`].
    pub fn load(files: Vec<CertificateFiles>) -> Result<Arc<Self>, CertificateError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let certificates = Arc::new(Certificates(ArcSwap::from_pointee(read_all(&files, &provider)?)));
        let builder = ServerConfig::builder_with_provider(Arc::clone(&provider));
        #[expect(clippy::expect_used, reason = "the provider supports the default protocol versions")]
        let builder = builder.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3 are compiled in");
        let resolver: Arc<dyn ResolvesServerCert> = Arc::clone(&certificates) as Arc<_>;
        let mut config = builder.with_no_client_auth().with_cert_resolver(resolver);
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let last_error = Mutex::new(None);
        Ok(Arc::new(Self { files, provider, certificates, config: Arc::new(config), last_error }))
    }

    /// Reads the files again; true if a certificate has changed. Open connections go on.
    ///
    /// # Errors
    /// The files cannot be used; then the certificates before them stay.
    pub fn reload(&self) -> Result<bool, CertificateError> {
        let fresh = read_all(&self.files, &self.provider)?;
        let current = self.certificates.0.load();
        let is_same = current.iter().map(|key| &key.cert).eq(fresh.iter().map(|key| &key.cert));
        if !is_same {
            self.certificates.0.store(Arc::new(fresh));
        }
        Ok(!is_same)
    }

    /// Reads the files again at every interval and on SIGHUP, for ever. Polled, since Kubernetes replaces a directory of
    /// links where a watch on the file sees nothing.
    pub async fn watch(self: Arc<Self>, interval: Duration) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        loop {
            let hung_up = async {
                match &mut hangup {
                    Some(hangup) => hangup.recv().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                _ = hung_up => {}
                () = tokio::time::sleep(interval) => {}
            }
            let this = Arc::clone(&self);
            // Reading files blocks.
            let Ok(result) = tokio::task::spawn_blocking(move || this.reload()).await else { continue };
            self.report(result);
        }
    }

    pub(super) fn config(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }

    /// The leaf that answers clients that name no host.
    #[cfg(test)]
    pub(super) fn shown(&self) -> CertificateDer<'static> {
        self.certificates.0.load()[0].cert[0].clone()
    }

    fn report(&self, result: Result<bool, CertificateError>) {
        let mut last_error = self.last_error.lock().unwrap_or_else(PoisonError::into_inner);
        match result {
            Ok(is_changed) => {
                *last_error = None;
                if is_changed {
                    tracing::info!("certificates replaced");
                }
            }
            Err(error) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
                let text = format!("{error}: {cause}");
                if last_error.as_deref() != Some(&text) {
                    tracing::error!(%error, %cause, "new certificates cannot be used, the current ones stay");
                    *last_error = Some(text);
                }
            }
        }
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let certificates = self.0.load();
        let name = hello.server_name().and_then(|name| ServerName::try_from(name).ok());
        let named = name.and_then(|name| certificates.iter().find(|key| is_for(key, &name)));
        named.or_else(|| certificates.first()).cloned()
    }
}

fn is_for(key: &CertifiedKey, name: &ServerName<'_>) -> bool {
    let leaf = key.cert.first().map(ParsedCertificate::try_from);
    leaf.is_some_and(|leaf| leaf.is_ok_and(|leaf| verify_server_name(&leaf, name).is_ok()))
}

fn read_all(
    files: &[CertificateFiles],
    provider: &CryptoProvider,
) -> Result<Vec<Arc<CertifiedKey>>, CertificateError> {
    if files.is_empty() {
        return Err(CertificateError::None);
    }
    files.iter().map(|files| read(files, provider).map(Arc::new)).collect()
}

fn read(files: &CertificateFiles, provider: &CryptoProvider) -> Result<CertifiedKey, CertificateError> {
    let failed = |path: &Path, source| CertificateError::Read { path: path.to_owned(), source };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(&files.certificates)
        .and_then(Iterator::collect)
        .map_err(|source| failed(&files.certificates, source))?;
    let key = PrivateKeyDer::from_pem_file(&files.key).map_err(|source| failed(&files.key, source))?;
    CertifiedKey::from_der(chain, key, provider)
        .map_err(|source| CertificateError::Unusable { files: files.clone(), source })
}
