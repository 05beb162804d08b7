//! A bound address and how its connections are served.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use socket2::{Domain, Protocol, SockRef, Socket, TcpKeepalive, Type};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

use super::tls::ServerTls;
use crate::telemetry::ConnectionCounters;

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1024;
/// Silence after which the kernel asks a client for a sign of life.
const TCP_KEEPALIVE: Duration = Duration::from_secs(60);

/// How a listener serves its connections. Every limit holds for the whole listener unless it says otherwise.
#[derive(Debug, Clone)]
pub struct ListenerSettings {
    /// Certificates; `None`: plaintext.
    pub tls: Option<Arc<ServerTls>>,
    /// Connections open at one time; more wait in the kernel.
    pub max_connections: usize,
    /// From the first byte of a request head to its last.
    pub head_timeout: Duration,
    /// Longest silence between two requests of an HTTP/1.1 connection, and longest time without any of an HTTP/2 one.
    pub keep_alive_timeout: Duration,
    /// For the TLS handshake, and for the first byte of a plaintext connection.
    pub handshake_timeout: Duration,
    /// Time after which a connection is closed whose client takes nothing although there is something to take.
    pub write_timeout: Duration,
    /// Largest HTTP/1.1 request head, and most bytes of a response that wait for the client; at least 8 KiB. A head has
    /// at most 100 headers.
    pub http1_buffer_bytes_max: usize,
    /// Streams of one HTTP/2 connection open at one time.
    pub http2_streams_max: u32,
    /// Largest HTTP/2 request head.
    pub http2_header_list_bytes_max: u32,
    /// Silence after which an HTTP/2 client is sent a PING; `None`: never.
    pub http2_ping_interval: Option<Duration>,
    /// Time for the answer to that PING.
    pub http2_ping_timeout: Duration,
    /// What becomes of connections.
    pub counters: Arc<ConnectionCounters>,
}

impl Default for ListenerSettings {
    fn default() -> Self {
        Self {
            tls: None,
            max_connections: 100_000,
            head_timeout: Duration::from_secs(10),
            keep_alive_timeout: Duration::from_secs(75),
            handshake_timeout: Duration::from_secs(10),
            write_timeout: Duration::from_secs(60),
            http1_buffer_bytes_max: 32 * 1024,
            http2_streams_max: 200,
            http2_header_list_bytes_max: 32 * 1024,
            http2_ping_interval: Some(Duration::from_secs(30)),
            http2_ping_timeout: Duration::from_secs(20),
            counters: Arc::default(),
        }
    }
}

/// A bound address; connections wait in the kernel until it is passed to [`accept`](super::accept::accept).
#[derive(Debug)]
pub struct Listener {
    pub(super) socket: std::net::TcpListener,
    pub(super) shared: Arc<ListenerShared>,
}

/// What the connections of a listener share.
#[derive(Debug)]
pub(super) struct ListenerShared {
    pub(super) index: usize,
    pub(super) local_address: SocketAddr,
    pub(super) settings: ListenerSettings,
    pub(super) permits: Arc<Semaphore>,
}

impl Listener {
    /// Binds an address. `index` is what connections report as [`ConnectionInfo::listener`].
    ///
    /// Port 0 takes a free port. An IPv6 wildcard also accepts IPv4.
    ///
    /// # Errors
    /// The address is taken, not one of the machine's, or not permitted.
    ///
    /// [`ConnectionInfo::listener`]: super::worker::ConnectionInfo::listener
    pub fn bind(index: usize, address: SocketAddr, settings: ListenerSettings) -> io::Result<Self> {
        let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
        socket.set_reuse_address(true)?;
        if address.is_ipv6() && address.ip().is_unspecified() {
            socket.set_only_v6(false)?;
        }
        socket.set_nonblocking(true)?;
        socket.bind(&address.into())?;
        socket.listen(BACKLOG)?;
        let socket = std::net::TcpListener::from(socket);
        let local_address = socket.local_addr()?;
        let permits = Arc::new(Semaphore::new(settings.max_connections.min(Semaphore::MAX_PERMITS)));
        Ok(Self { socket, shared: Arc::new(ListenerShared { index, local_address, settings, permits }) })
    }

    /// The address bound, with the port that was taken.
    pub fn local_address(&self) -> SocketAddr {
        self.shared.local_address
    }
}

/// Prepares an accepted connection.
///
/// The kernel itself closes a connection whose client has vanished, or has stopped reading for the write timeout:
/// hyper does not look at a response's timers while the client takes nothing.
pub(super) fn tune(stream: &TcpStream, settings: &ListenerSettings) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let socket = SockRef::from(stream);
    socket
        .set_tcp_keepalive(&TcpKeepalive::new().with_time(TCP_KEEPALIVE).with_interval(TCP_KEEPALIVE / 4))?;
    #[cfg(target_os = "linux")]
    socket.set_tcp_user_timeout(Some(settings.write_timeout))?;
    #[cfg(not(target_os = "linux"))]
    let _ = settings;
    Ok(())
}
