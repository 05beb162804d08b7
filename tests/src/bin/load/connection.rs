//! One HTTP/1.1 connection to what is measured: just enough of the protocol to know where an answer ends.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use anyhow::{Context, Result, bail, ensure};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};
use tokio_rustls::client::TlsStream;

use crate::tls::Tls;

const HEADERS_MAX: usize = 64;
const HEAD_BYTES_MAX: usize = 64 * 1024;
/// Room made before each read.
const READ_BYTES: usize = 4096;

/// A connection with what was read from it and not used yet.
pub(crate) struct Connection {
    socket: Socket,
    buffer: Vec<u8>,
}

enum Socket {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
}

/// What the head of an answer says.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Head {
    /// Status code.
    pub(crate) status: u16,
    /// Whether the server keeps the connection open.
    pub(crate) keep_alive: bool,
    /// How the end of the body is known.
    pub(crate) length: Length,
}

/// How the end of a body is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Length {
    Chunked,
    Known(usize),
    UntilClose,
}

impl Connection {
    /// Connects.
    pub(crate) async fn open(address: SocketAddr) -> Result<Self> {
        let socket =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        socket.set_nodelay(true).context("cannot set up the connection")?;
        Ok(Self { socket: Socket::Plain(socket), buffer: Vec::new() })
    }

    /// Connects with TLS.
    pub(crate) async fn open_tls(address: SocketAddr, tls: &Tls) -> Result<Self> {
        let socket =
            TcpStream::connect(address).await.with_context(|| format!("cannot connect to {address}"))?;
        Ok(Self { socket: Socket::Tls(Box::new(tls.connect(socket).await?)), buffer: Vec::new() })
    }

    /// Sends a whole request.
    pub(crate) async fn send(&mut self, request: &[u8]) -> Result<()> {
        let sent = match &mut self.socket {
            Socket::Plain(socket) => socket.write_all(request).await,
            Socket::Tls(socket) => socket.write_all(request).await,
        };
        sent.context("cannot send")
    }

    /// Reads the head of an answer.
    pub(crate) async fn head(&mut self) -> Result<Head> {
        loop {
            if let Some((head, used)) = parse(&self.buffer)? {
                self.buffer.drain(..used);
                return Ok(head);
            }
            ensure!(self.buffer.len() < HEAD_BYTES_MAX, "the head does not end");
            ensure!(self.fill().await? > 0, "closed before an answer");
        }
    }

    /// Reads a body to its end and hands each piece to `sink` as it comes.
    pub(crate) async fn body(&mut self, length: Length, mut sink: impl FnMut(&[u8])) -> Result<()> {
        match length {
            Length::Known(bytes) => self.exactly(bytes, &mut sink).await,
            Length::Chunked => self.chunks(&mut sink).await,
            Length::UntilClose => loop {
                sink(&self.buffer);
                self.buffer.clear();
                if self.fill().await? == 0 {
                    return Ok(());
                }
            },
        }
    }

    async fn exactly(&mut self, mut bytes: usize, sink: &mut impl FnMut(&[u8])) -> Result<()> {
        while bytes > 0 {
            if self.buffer.is_empty() {
                ensure!(self.fill().await? > 0, "closed inside a body");
            }
            let piece = bytes.min(self.buffer.len());
            sink(&self.buffer[..piece]);
            self.buffer.drain(..piece);
            bytes -= piece;
        }
        Ok(())
    }

    async fn chunks(&mut self, sink: &mut impl FnMut(&[u8])) -> Result<()> {
        loop {
            let size = self.line().await?;
            let size = usize::from_str_radix(size.trim(), 16).context("no chunk size")?;
            self.exactly(size, sink).await?;
            ensure!(self.line().await?.is_empty(), "a chunk is longer than it says");
            if size == 0 {
                return Ok(());
            }
        }
    }

    async fn line(&mut self) -> Result<String> {
        loop {
            if let Some(end) = self.buffer.windows(2).position(|pair| pair == b"\r\n") {
                let line = String::from_utf8_lossy(&self.buffer[..end]).into_owned();
                self.buffer.drain(..end + 2);
                return Ok(line);
            }
            ensure!(self.fill().await? > 0, "closed inside a chunked body");
        }
    }

    async fn fill(&mut self) -> Result<usize> {
        self.buffer.reserve(READ_BYTES);
        let read = match &mut self.socket {
            Socket::Plain(socket) => socket.read_buf(&mut self.buffer).await,
            Socket::Tls(socket) => socket.read_buf(&mut self.buffer).await,
        };
        read.context("cannot read")
    }
}

/// The head at the start of `bytes` and its length, once it is complete.
fn parse(bytes: &[u8]) -> Result<Option<(Head, usize)>> {
    let mut headers = [httparse::EMPTY_HEADER; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut headers);
    let httparse::Status::Complete(used) = response.parse(bytes).context("no HTTP answer")? else {
        return Ok(None);
    };
    let mut head =
        Head { status: response.code.unwrap_or_default(), keep_alive: true, length: Length::UntilClose };
    for header in response.headers.iter() {
        let value = String::from_utf8_lossy(header.value);
        if header.name.eq_ignore_ascii_case("content-length") {
            let Ok(bytes) = value.parse() else { bail!("content-length is {value}") };
            head.length = Length::Known(bytes);
        } else if header.name.eq_ignore_ascii_case("transfer-encoding") {
            head.length = Length::Chunked;
        } else if header.name.eq_ignore_ascii_case("connection") {
            head.keep_alive = !value.eq_ignore_ascii_case("close");
        }
    }
    Ok(Some((head, used)))
}
