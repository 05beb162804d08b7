//! A plain HTTP/1.1 client for loopback: one request a connection, the body handed on as it comes.

#[cfg(test)]
mod tests;

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use anyhow::{Context, Result, bail, ensure};

/// Longest silence of the other side.
const SILENCE_MAX: Duration = Duration::from_secs(30);
const PIECE_BYTES: usize = 16 * 1024;

/// What to send.
pub(crate) struct Request<'a> {
    pub(crate) address: SocketAddr,
    pub(crate) method: &'a str,
    pub(crate) path: &'a str,
    /// Header lines without line ends, beside host, length and connection.
    pub(crate) headers: &'a [String],
    pub(crate) body: &'a str,
}

/// Status and whole body.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

/// Fetches a path.
///
/// # Errors
/// When there is no whole answer.
pub(crate) fn get(address: SocketAddr, path: &str) -> Result<Answer> {
    send(&Request { address, method: "GET", path, headers: &[], body: "" }, |_| ())
}

/// Sends a request and hands each piece of the answer's body to `on_piece` when it comes.
///
/// # Errors
/// When there is no whole answer.
pub(crate) fn send(request: &Request<'_>, on_piece: impl FnMut(&str)) -> Result<Answer> {
    let mut socket = TcpStream::connect(request.address)
        .with_context(|| format!("nothing listens on {}", request.address))?;
    socket.set_read_timeout(Some(SILENCE_MAX)).context("cannot set a timeout")?;
    let lines: String = request.headers.iter().map(|line| format!("{line}\r\n")).collect();
    let head = format!(
        "{} {} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n{lines}\r\n{}",
        request.method,
        request.path,
        request.address,
        request.body.len(),
        request.body,
    );
    socket.write_all(head.as_bytes()).with_context(|| format!("cannot send to {}", request.address))?;
    let asked = || format!("{} {} at {}", request.method, request.path, request.address);
    read_answer(BufReader::new(socket), on_piece).with_context(asked)
}

fn read_answer(mut reader: impl BufRead, mut on_piece: impl FnMut(&str)) -> Result<Answer> {
    let status_line = line(&mut reader)?;
    let Some(Ok(status)) = status_line.split(' ').nth(1).map(str::parse) else {
        bail!("no HTTP answer but {status_line:?}");
    };
    let (mut chunked, mut length) = (false, None);
    loop {
        let header = line(&mut reader)?.to_ascii_lowercase();
        if header.is_empty() {
            break;
        }
        if let Some(value) = header.strip_prefix("content-length:") {
            length = Some(value.trim().parse::<u64>().context("content-length is no number")?);
        }
        chunked |= header.starts_with("transfer-encoding:") && header.ends_with("chunked");
    }

    let mut body = Vec::new();
    let mut take = |piece: &[u8]| {
        on_piece(&String::from_utf8_lossy(piece));
        body.extend_from_slice(piece);
    };
    if chunked {
        read_chunks(&mut reader, &mut take)?;
    } else {
        read_pieces(&mut reader, length, &mut take)?;
    }
    Ok(Answer { status, body: String::from_utf8(body).context("the body is no UTF-8")? })
}

fn line(reader: &mut impl BufRead) -> Result<String> {
    let mut line = String::new();
    ensure!(reader.read_line(&mut line).context("cannot read")? > 0, "the connection ended inside an answer");
    Ok(line.trim_end().to_owned())
}

fn read_chunks(reader: &mut impl BufRead, take: &mut impl FnMut(&[u8])) -> Result<()> {
    loop {
        let size = line(reader)?;
        let size = usize::from_str_radix(size.split(';').next().unwrap_or_default(), 16)
            .with_context(|| format!("{size:?} is no chunk size"))?;
        let mut chunk = vec![0; size];
        reader.read_exact(&mut chunk).context("the connection ended inside a chunk")?;
        ensure!(line(reader)?.is_empty(), "a chunk is longer than it says");
        if size == 0 {
            return Ok(());
        }
        take(&chunk);
    }
}

fn read_pieces(reader: &mut impl Read, length: Option<u64>, take: &mut impl FnMut(&[u8])) -> Result<()> {
    let mut reader = reader.take(length.unwrap_or(u64::MAX));
    let mut piece = vec![0; PIECE_BYTES];
    let mut total = 0;
    loop {
        let read = reader.read(&mut piece).context("cannot read")?;
        if read == 0 {
            ensure!(length.is_none_or(|length| total == length), "the connection ended inside the body");
            return Ok(());
        }
        total += read as u64;
        take(&piece[..read]);
    }
}
