//! The agent behind the streams: every POST gets an event at once and one each interval from then on.

use std::{net::SocketAddr, time::Duration};

use anyhow::{Context, Result};
use clap::Args;
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\n\
                    transfer-encoding: chunked\r\n\r\n";
const EVENT: &str = concat!(
    r#"data: {"jsonrpc":"2.0","id":1,"result":{"statusUpdate":{"taskId":"0191f3a4-7d5e-7c1a-9b1e-0d8f4c2b6a10","#,
    r#""contextId":"0191f3a4-7d5e-7c1a-9b1e-0d8f4c2b6a11","status":{"state":"TASK_STATE_WORKING","#,
    r#""timestamp":"2026-01-01T00:00:00.000Z"}}}}"#,
    "\n\n"
);
const NOT_FOUND: &[u8] = b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
/// A request is small; what is more than this is read on and dropped.
const READ_BYTES: usize = 2048;

/// Where and how fast.
#[derive(Args)]
pub(crate) struct Settings {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Milliseconds between two events of a stream
    #[arg(long, default_value_t = 1000)]
    interval_ms: u64,
}

/// Serves until it is ended.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let listener = TcpListener::bind(settings.listen).await.context("cannot listen")?;
    println!("{}", serde_json::json!({"ready": true, "address": listener.local_addr()?}));
    let interval = Duration::from_millis(settings.interval_ms);
    loop {
        let (socket, _) = listener.accept().await.context("cannot accept")?;
        tokio::spawn(async move { drop(serve(socket, interval).await) });
    }
}

async fn serve(mut socket: TcpStream, interval: Duration) -> Result<()> {
    socket.set_nodelay(true)?;
    let mut request = [0; READ_BYTES];
    let read = socket.read(&mut request).await?;
    if !request[..read].starts_with(b"POST ") {
        // Whoever looks for a card learns that there is none.
        return Ok(socket.write_all(NOT_FOUND).await?);
    }
    let chunk = format!("{:x}\r\n{EVENT}\r\n", EVENT.len());
    socket.write_all(format!("{HEAD}{chunk}").as_bytes()).await?;
    loop {
        tokio::time::sleep(interval).await;
        socket.write_all(chunk.as_bytes()).await?;
    }
}
