//! HTTP/1.1 or HTTP/2 with prior knowledge, on a connection without TLS.

use std::io;
use std::time::Duration;

use tokio::net::TcpStream;

/// The beginning of HTTP/2's connection preface (RFC 9113, 3.4) that no HTTP/1 request shares: `PRI` is no method.
const PREFACE_START: &[u8] = b"PRI * HTTP/2";
/// Pause before looking again at a client that has sent a part of what may become the preface. The bytes stay in the
/// socket, so its readiness cannot be awaited.
const LOOK_AGAIN: Duration = Duration::from_millis(5);

/// Waits for the first bytes and looks at them without taking them. The caller bounds the time.
///
/// # Errors
/// The connection broke. One that ends before the first byte counts as HTTP/1.1, which then finds the end.
pub(super) async fn is_http2(stream: &TcpStream) -> io::Result<bool> {
    let mut start = [0; PREFACE_START.len()];
    loop {
        let length = stream.peek(&mut start).await?;
        if length == 0 || !PREFACE_START.starts_with(&start[..length]) {
            return Ok(false);
        }
        if length == PREFACE_START.len() {
            return Ok(true);
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}
