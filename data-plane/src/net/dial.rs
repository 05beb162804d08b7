//! Outgoing connections to what is not an agent: the control plane.

use std::io;

use tokio::net::TcpStream;

/// Connects to a host name or address literal. The caller sets the time limit.
///
/// # Errors
///
/// No address of the host takes the connection.
pub async fn dial(host: &str, port: u16) -> io::Result<TcpStream> {
    let stream = TcpStream::connect((host, port)).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
