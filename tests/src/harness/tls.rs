//! An authority for certificates, and TLS connections that trust it.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair};
use rustls::{ClientConfig, ClientConnection, RootCertStore, StreamOwned};
use rustls_pki_types::{CertificateDer, ServerName};

use super::http::{self, Connection};

/// A certificate authority of a test's own.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate with its key, as PEM files.
#[derive(Debug, Clone)]
pub struct Files {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its key.
    pub key: PathBuf,
}

impl Authority {
    /// A new one.
    #[must_use]
    pub fn new() -> Self {
        let mut parameters = CertificateParams::new(Vec::new()).expect("no names are right names");
        parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // OpenSSL takes a certificate with the name of its issuer for a self-signed one.
        parameters.distinguished_name = DistinguishedName::new();
        parameters.distinguished_name.push(DnType::CommonName, "An authority of a test");
        let key = KeyPair::generate().expect("a key can be made");
        Self { issuer: CertifiedIssuer::self_signed(parameters, key).expect("an authority can be made") }
    }

    /// Its certificate as PEM.
    #[must_use]
    pub fn pem(&self) -> String {
        self.issuer.pem()
    }

    /// Issues a certificate for names, as files in a folder.
    pub fn issue(&self, names: &[&str], folder: &Path, stem: &str) -> Files {
        let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key can be made");
        let parameters = CertificateParams::new(names).expect("the names are right");
        let made = parameters.signed_by(&key, &self.issuer).expect("a certificate can be issued");
        let files = Files {
            certificate: folder.join(format!("{stem}.crt")),
            key: folder.join(format!("{stem}.key")),
        };
        // The key first: whoever looks at the certificate finds its key there.
        for (path, text) in [(&files.key, key.serialize_pem()), (&files.certificate, made.pem())] {
            fs::write(path, text).expect("the folder can be written");
        }
        files
    }

    /// Connects with TLS, asking for a server by name; gives the connection and the certificate that it showed.
    ///
    /// # Errors
    /// When the handshake fails.
    pub fn connect(
        &self,
        address: SocketAddr,
        name: &str,
    ) -> Result<(Connection, CertificateDer<'static>), std::io::Error> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).expect("the authority's certificate is right");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let mut config =
            versions.expect("the versions are there").with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let name = ServerName::try_from(name.to_owned()).expect("a right name");
        let mut session = ClientConnection::new(Arc::new(config), name).expect("a session can be made");
        let mut socket = http::connect(address);
        while session.is_handshaking() {
            session.complete_io(&mut socket)?;
        }
        let shown =
            session.peer_certificates().and_then(|chain| chain.first()).expect("a certificate").clone();
        let other = socket.try_clone().expect("a socket can be cloned");
        Ok((Connection::over(Box::new(StreamOwned::new(session, socket)), other), shown.into_owned()))
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}
