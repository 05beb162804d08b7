//! TLS towards what is measured, and certificates for it.

use std::{fs, path::Path, sync::Arc};

use anyhow::{Context, Result};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName, pem::PemObject};
use tokio::net::TcpStream;
use tokio_rustls::{TlsConnector, client::TlsStream};

/// Names that the certificates are good for.
const NAMES: [&str; 2] = ["127.0.0.1", "localhost"];
const CA_FILE: &str = "ca.pem";
const CA_KEY_FILE: &str = "ca-key.pem";

/// Connects with TLS to servers whose certificates come from one CA.
#[derive(Clone)]
pub(crate) struct Tls(TlsConnector);

impl Tls {
    /// Trusts the CA in a file alone.
    pub(crate) fn new(ca: &Path) -> Result<Self> {
        let mut roots = RootCertStore::empty();
        let certificate = CertificateDer::from_pem_file(ca)
            .with_context(|| format!("no certificate in {}", ca.display()))?;
        roots.add(certificate).context("the CA cannot be trusted")?;
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
        Ok(Self(TlsConnector::from(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))))
    }

    /// Does the handshake.
    pub(crate) async fn connect(&self, socket: TcpStream) -> Result<TlsStream<TcpStream>> {
        let name = ServerName::from(socket.peer_addr().context("the connection has no peer")?.ip());
        self.0.connect(name, socket).await.context("no TLS connection")
    }
}

/// Writes a fresh certificate and key into a folder, each in one step; makes the folder's CA when it has none.
pub(crate) fn write_certificate(folder: &Path) -> Result<()> {
    let ca = ca(folder)?;
    let key = KeyPair::generate().context("cannot make a key")?;
    let mut params = CertificateParams::new(NAMES.map(str::to_owned)).context("no certificate")?;
    params.is_ca = IsCa::NoCa;
    let certificate = params.signed_by(&key, &ca).context("cannot sign a certificate")?;
    replace(&folder.join("key.pem"), &key.serialize_pem())?;
    replace(&folder.join("cert.pem"), &certificate.pem())
}

fn ca(folder: &Path) -> Result<CertifiedIssuer<'static, KeyPair>> {
    let (certificate_file, key_file) = (folder.join(CA_FILE), folder.join(CA_KEY_FILE));
    let mut params = CertificateParams::new(Vec::new()).context("no CA")?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let known = fs::read_to_string(&key_file);
    let key = match &known {
        Ok(text) => KeyPair::from_pem(text).context("the CA's key cannot be read")?,
        Err(_) => KeyPair::generate().context("cannot make a key")?,
    };
    let key_text = key.serialize_pem();
    let ca = CertifiedIssuer::self_signed(params, key).context("cannot make a CA")?;
    if known.is_err() {
        replace(&certificate_file, &ca.pem())?;
        replace(&key_file, &key_text)?;
    }
    Ok(ca)
}

fn replace(path: &Path, text: &str) -> Result<()> {
    let fresh = path.with_extension("fresh");
    fs::write(&fresh, text)
        .and_then(|()| fs::rename(&fresh, path))
        .with_context(|| format!("cannot write {}", path.display()))
}
