//! Connections to the control plane: TLS pinned to its CA or verified by the system's roots, or plaintext.

use std::fmt;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use signalbox_proto::pin::{Fingerprint, PinnedCa, server_name};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio_rustls::TlsConnector;
use tonic::codegen::Service;
use tonic::codegen::http::Uri;
use tonic::transport::{Channel, Endpoint};

use super::error::StreamError;
use crate::net::dial::dial;
use crate::settings::ControlPlaneAddress;

/// Time for name resolution, TCP and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence on the connection after which HTTP/2 asks for a sign of life.
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// Time for the answer to that.
const PING_TIMEOUT: Duration = Duration::from_secs(10);

/// A byte stream to the control plane.
pub(super) trait Io: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Io for T {}

type Dialing = Pin<Box<dyn Future<Output = io::Result<Box<dyn Io>>> + Send>>;

/// How to connect to an address of the control plane.
#[derive(Clone)]
pub struct Transport {
    dial: Arc<dyn Fn(ControlPlaneAddress) -> Dialing + Send + Sync>,
    tls: Option<TlsConnector>,
}

impl Transport {
    /// TCP, with TLS for https: pinned to the CA with this fingerprint, or else verified by the system's roots.
    ///
    /// # Errors
    ///
    /// TLS cannot be set up, or the system has no roots where they are needed.
    pub fn new(ca_sha256: Option<Fingerprint>) -> Result<Self, rustls::Error> {
        let config = match ca_sha256 {
            Some(pin) => PinnedCa::client_config(pin)?,
            None => system_roots()?,
        };
        let dial = |address: ControlPlaneAddress| -> Dialing {
            Box::pin(async move {
                let stream = dial(&address.host, address.port).await?;
                Ok(Box::new(stream) as Box<dyn Io>)
            })
        };
        Ok(Self { dial: Arc::new(dial), tls: Some(TlsConnector::from(Arc::new(config))) })
    }

    /// Byte streams from elsewhere, without TLS: for tests.
    #[cfg(test)]
    pub(super) fn from_fn<F>(dial: impl Fn() -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = io::Result<Box<dyn Io>>> + Send + 'static,
    {
        Self { dial: Arc::new(move |_| Box::pin(dial())), tls: None }
    }

    pub(super) async fn connect(&self, address: &ControlPlaneAddress) -> Result<Channel, StreamError> {
        let host =
            if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
        // The connector does TLS itself, so the endpoint must not know of it.
        let endpoint = Endpoint::from_shared(format!("http://{host}:{}", address.port));
        let endpoint = endpoint
            .map_err(StreamError::Connect)?
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PING_INTERVAL)
            .keep_alive_timeout(PING_TIMEOUT)
            .keep_alive_while_idle(true);
        let connector = Connector { transport: self.clone(), address: address.clone() };
        endpoint.connect_with_connector(connector).await.map_err(StreamError::Connect)
    }

    async fn open(self, address: ControlPlaneAddress) -> io::Result<Box<dyn Io>> {
        let name = ServerName::try_from(address.host.clone()).unwrap_or_else(|_| server_name());
        let needs_tls = address.tls;
        let stream = (self.dial)(address).await?;
        match self.tls.filter(|_| needs_tls) {
            Some(tls) => Ok(Box::new(tls.connect(name, stream).await?)),
            None => Ok(stream),
        }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transport").field("tls", &self.tls.is_some()).finish_non_exhaustive()
    }
}

/// What tonic asks for a connection.
struct Connector {
    transport: Transport,
    address: ControlPlaneAddress,
}

impl Service<Uri> for Connector {
    type Response = TokioIo<Box<dyn Io>>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let opening = self.transport.clone().open(self.address.clone());
        Box::pin(async move { opening.await.map(TokioIo::new) })
    }
}

fn system_roots() -> Result<ClientConfig, rustls::Error> {
    let mut roots = RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = config.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}
