//! Accepting: each handshake in a task of its own, so that a slow client delays nobody.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use tokio_stream::wrappers::ReceiverStream;

use super::certificate::ServerCertificate;
use super::connection::Connection;

/// Most connections open at once; more wait in the kernel's queue.
pub const MAX_OPEN_CONNECTIONS: usize = 20_000;
/// Most TLS handshakes under way at once; more wait in the kernel's queue.
pub const MAX_HANDSHAKES: usize = 256;
/// A handshake must be done in this time.
pub const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);
/// Pause after the system has no descriptors left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How connections are encrypted.
#[derive(Clone)]
pub enum TlsSettings {
    /// They are not.
    Plaintext,
    /// By TLS 1.2 or 1.3 with ALPN h2.
    Tls(Arc<ServerConfig>),
}

impl TlsSettings {
    /// TLS with the certificate that is current at each handshake.
    ///
    /// # Errors
    ///
    /// If the TLS library supports no version.
    pub fn new(certificate: Arc<ServerCertificate>) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(certificate);
        config.alpn_protocols = vec![b"h2".to_vec()];
        Ok(Self::Tls(Arc::new(config)))
    }
}

/// A bound socket.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    /// Where it is bound.
    pub address: SocketAddr,
}

impl Listener {
    /// Binds `address`; port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub async fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let address = listener.local_addr()?;
        Ok(Self { listener, address })
    }

    /// The next connection, not encrypted.
    ///
    /// # Errors
    ///
    /// As the system's accept. Cancel safe.
    pub async fn accept(&self) -> io::Result<TcpStream> {
        let (stream, _) = self.listener.accept().await?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    /// Connections after their handshakes, until the stream is dropped.
    pub fn connections(self, tls: TlsSettings) -> ReceiverStream<io::Result<Connection>> {
        let (sender, receiver) = mpsc::channel(MAX_HANDSHAKES);
        tokio::spawn(self.run(tls, sender));
        ReceiverStream::new(receiver)
    }

    async fn run(self, tls: TlsSettings, sender: mpsc::Sender<io::Result<Connection>>) {
        let open = Arc::new(Semaphore::new(MAX_OPEN_CONNECTIONS));
        let handshakes = Arc::new(Semaphore::new(MAX_HANDSHAKES));
        loop {
            // The semaphores are never closed.
            let Ok(place) = Arc::clone(&open).acquire_owned().await else { return };
            let Ok(turn) = Arc::clone(&handshakes).acquire_owned().await else { return };
            let stream = tokio::select! {
                () = sender.closed() => return,
                accepted = self.accept() => match accepted {
                    Ok(stream) => stream,
                    Err(error) => {
                        // One client's failure must not end the listener; a lack of descriptors must not spin.
                        tracing::warn!(%error, "accept failed");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                        continue;
                    }
                },
            };
            match &tls {
                TlsSettings::Plaintext => {
                    if sender.send(Ok(Connection::plain(stream, place))).await.is_err() {
                        return;
                    }
                }
                TlsSettings::Tls(config) => {
                    tokio::spawn(handshake(Arc::clone(config), stream, sender.clone(), place, turn));
                }
            }
        }
    }
}

async fn handshake(
    config: Arc<ServerConfig>,
    stream: TcpStream,
    sender: mpsc::Sender<io::Result<Connection>>,
    place: OwnedSemaphorePermit,
    _turn: OwnedSemaphorePermit,
) {
    let peer = stream.peer_addr().ok();
    match tokio::time::timeout(HANDSHAKE_TIMEOUT, TlsAcceptor::from(config).accept(stream)).await {
        Ok(Ok(stream)) => {
            // The server is gone if nobody receives any more.
            let _ = sender.send(Ok(Connection::tls(stream, place))).await;
        }
        Ok(Err(error)) => tracing::debug!(?peer, %error, "TLS handshake failed"),
        Err(_) => tracing::debug!(?peer, "TLS handshake timed out"),
    }
}

#[cfg(test)]
mod tests;
