//! A connection to an endpoint: resolve, check the address, TCP, TLS, all within one deadline.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use signalbox_proto::model::agent::UpstreamProtocol;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::endpoint::Endpoint;
use super::error::{UpstreamError, UpstreamErrorKind};
use super::resolve::Resolver;
use super::transport::Transport;
use crate::clock;

/// A fresh connection and what is spoken on it.
pub(super) struct Connected {
    pub(super) transport: Transport,
    pub(super) is_http2: bool,
}

/// Connects within the endpoint's connect timeout. Cancellation closes whatever was opened.
pub(super) async fn connect(endpoint: &Endpoint, resolver: &Resolver) -> Result<Connected, UpstreamError> {
    let result = tokio::time::timeout(endpoint.connect_timeout(), open(endpoint, resolver)).await;
    let result =
        result.unwrap_or_else(|_| Err(UpstreamError::before_sending(UpstreamErrorKind::ConnectTimeout)));
    if result.is_err() {
        resolver.forget(endpoint.host());
    }
    result
}

async fn open(endpoint: &Endpoint, resolver: &Resolver) -> Result<Connected, UpstreamError> {
    let tcp = open_tcp(endpoint, resolver).await?;
    let Some(tls) = endpoint.tls() else {
        let is_http2 = endpoint.protocol() == UpstreamProtocol::Http2;
        return Ok(Connected { transport: Transport::Plain(tcp), is_http2 });
    };
    let failed = || UpstreamError::before_sending(UpstreamErrorKind::Tls);
    let server_name = tls.server_name.clone().ok_or_else(failed)?;
    let connector = TlsConnector::from(Arc::clone(&tls.config));
    let stream = connector.connect(server_name, tcp).await.map_err(|source| failed().because(source))?;
    let is_http2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
    if endpoint.protocol() == UpstreamProtocol::Http2 && !is_http2 {
        return Err(failed().because("the agent did not negotiate HTTP/2"));
    }
    Ok(Connected { transport: Transport::Tls(Box::new(stream)), is_http2 })
}

/// Tries the host's addresses one after the other, each with its share of the time left, so that one dead address of
/// several does not use it all.
async fn open_tcp(endpoint: &Endpoint, resolver: &Resolver) -> Result<TcpStream, UpstreamError> {
    let deadline = clock::now() + endpoint.connect_timeout();
    let addresses = resolver.resolve(&endpoint.host_shared(), endpoint.port()).await?;
    let mut last = UpstreamError::before_sending(UpstreamErrorKind::Unreachable);
    for (index, address) in addresses.iter().enumerate() {
        let addresses_left = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
        let share = deadline.saturating_duration_since(clock::now()) / addresses_left;
        match tokio::time::timeout(share, TcpStream::connect(*address)).await {
            Ok(Ok(tcp)) => return accept_tcp(tcp, *address, resolver),
            Ok(Err(source)) => last = refused(source),
            Err(_) => last = UpstreamError::before_sending(UpstreamErrorKind::ConnectTimeout),
        }
    }
    Err(last)
}

fn accept_tcp(tcp: TcpStream, address: SocketAddr, resolver: &Resolver) -> Result<TcpStream, UpstreamError> {
    let local = tcp.local_addr().map_err(refused)?;
    if resolver.rules().leads_back(local, address) {
        return Err(UpstreamError::before_sending(UpstreamErrorKind::Forbidden));
    }
    tcp.set_nodelay(true).map_err(refused)?;
    Ok(tcp)
}

fn refused(source: io::Error) -> UpstreamError {
    let kind = match source.kind() {
        io::ErrorKind::ConnectionRefused => UpstreamErrorKind::Refused,
        io::ErrorKind::TimedOut => UpstreamErrorKind::ConnectTimeout,
        // Local ports towards this agent are used up.
        io::ErrorKind::AddrNotAvailable => UpstreamErrorKind::Overloaded,
        _ => UpstreamErrorKind::Unreachable,
    };
    UpstreamError::before_sending(kind).because(source)
}
