//! How upstreams are verified: system roots or an agent's own, ALPN by protocol.

use std::sync::{Arc, OnceLock};

use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::CertificateDer;
use signalbox_proto::model::agent::UpstreamProtocol;

/// Makes TLS configurations for endpoints, and shares those over the system roots.
///
/// The system roots are read once, when the first endpoint needs them.
#[derive(Debug)]
pub struct TlsClients {
    provider: Arc<CryptoProvider>,
    system_roots: OnceLock<Arc<RootCertStore>>,
    by_protocol: [OnceLock<Arc<ClientConfig>>; 3],
}

impl Default for TlsClients {
    fn default() -> Self {
        Self::new()
    }
}

impl TlsClients {
    /// Nothing is read yet.
    pub fn new() -> Self {
        Self {
            provider: Arc::new(aws_lc_rs::default_provider()),
            system_roots: OnceLock::new(),
            by_protocol: [OnceLock::new(), OnceLock::new(), OnceLock::new()],
        }
    }

    pub(super) fn config(
        &self,
        roots: Option<&[CertificateDer<'static>]>,
        protocol: UpstreamProtocol,
    ) -> Arc<ClientConfig> {
        let Some(roots) = roots else {
            let index = match protocol {
                UpstreamProtocol::Auto => 0,
                UpstreamProtocol::Http1 => 1,
                UpstreamProtocol::Http2 => 2,
            };
            let shared = self.by_protocol[index].get_or_init(|| self.build(self.system_roots(), protocol));
            return Arc::clone(shared);
        };
        let mut store = RootCertStore::empty();
        let (added, ignored) = store.add_parsable_certificates(roots.iter().cloned());
        if ignored > 0 {
            tracing::warn!(added, ignored, "certificates of an upstream's CA bundle are not usable as roots");
        }
        self.build(Arc::new(store), protocol)
    }

    fn system_roots(&self) -> Arc<RootCertStore> {
        let store = self.system_roots.get_or_init(|| {
            let loaded = rustls_native_certs::load_native_certs();
            for error in &loaded.errors {
                tracing::warn!(%error, "part of the system's root certificates could not be read");
            }
            let mut store = RootCertStore::empty();
            let (added, ignored) = store.add_parsable_certificates(loaded.certs);
            tracing::debug!(added, ignored, "system roots read");
            Arc::new(store)
        });
        Arc::clone(store)
    }

    fn build(&self, roots: Arc<RootCertStore>, protocol: UpstreamProtocol) -> Arc<ClientConfig> {
        let builder = ClientConfig::builder_with_provider(Arc::clone(&self.provider));
        #[expect(clippy::expect_used, reason = "the provider supports the default protocol versions")]
        let builder = builder.with_safe_default_protocol_versions().expect("TLS 1.2 and 1.3 are compiled in");
        let mut config = builder.with_root_certificates(roots).with_no_client_auth();
        config.alpn_protocols = match protocol {
            UpstreamProtocol::Auto => vec![b"h2".to_vec(), b"http/1.1".to_vec()],
            UpstreamProtocol::Http1 => vec![b"http/1.1".to_vec()],
            UpstreamProtocol::Http2 => vec![b"h2".to_vec()],
        };
        Arc::new(config)
    }
}
