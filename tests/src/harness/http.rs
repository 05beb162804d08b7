//! A raw HTTP/1.1 client: it sends bytes exactly as given and reads what really comes back.

use std::{
    borrow::BorrowMut,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, SocketAddr, TcpStream},
};

use serde_json::Value;

use super::PATIENCE;

/// One connection.
pub struct Connection {
    reader: BufReader<Box<dyn Stream>>,
    socket: TcpStream,
}

/// What a connection speaks over: TCP, or TLS over it.
pub trait Stream: Read + Write + Send {}

impl<S: Read + Write + Send> Stream for S {}

/// Status line and headers of an answer.
#[derive(Debug, Clone)]
pub struct Head {
    /// Status code.
    pub status: u16,
    /// Names in lower case and values, in order.
    pub headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Debug, Clone)]
pub struct Response {
    /// Status line and headers.
    pub head: Head,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Connection {
    /// Connects.
    #[must_use]
    pub fn open(address: SocketAddr) -> Self {
        let socket = connect(address);
        let stream = socket.try_clone().expect("a socket can be cloned");
        Self::over(Box::new(stream), socket)
    }

    /// Speaks over a stream that uses the socket.
    #[must_use]
    pub fn over(stream: Box<dyn Stream>, socket: TcpStream) -> Self {
        Self { reader: BufReader::new(stream), socket }
    }

    /// Sends bytes as they are.
    ///
    /// # Errors
    /// When the other side has closed.
    pub fn try_send(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        let stream = self.reader.get_mut();
        stream.write_all(bytes)?;
        stream.flush()
    }

    /// Sends bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> &mut Self {
        self.try_send(bytes).expect("the connection is open");
        self
    }

    /// Says that nothing more will be sent, and stays to read.
    pub fn half_close(&mut self) {
        self.socket.shutdown(Shutdown::Write).expect("the connection is open");
    }

    /// Reads the head of the next answer. `None` when the other side closed instead.
    pub fn head(&mut self) -> Option<Head> {
        loop {
            let head = self.any_head()?;
            if !(100..200).contains(&head.status) {
                return Some(head);
            }
        }
    }

    fn any_head(&mut self) -> Option<Head> {
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status = status.unwrap_or_else(|| panic!("no status line: {line:?}"));
        let mut headers = Vec::new();
        loop {
            let line = self.line().expect("a head ends with an empty line");
            if line.is_empty() {
                return Some(Head { status, headers });
            }
            let (name, value) = line.split_once(':').unwrap_or_else(|| panic!("no header: {line:?}"));
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn line(&mut self) -> Option<String> {
        let mut bytes = Vec::new();
        match self.reader.read_until(b'\n', &mut bytes) {
            Ok(0) => None,
            Ok(_) => Some(String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => None,
            Err(error) => panic!("cannot read the answer: {error}"),
        }
    }

    /// Reads the next whole answer. `None` when the other side closed instead.
    pub fn try_response(&mut self) -> Option<Response> {
        let head = self.head()?;
        let mut body = Vec::new();
        self.body(&head).read_to_end(&mut body).expect("the body arrives whole");
        Some(Response { head, body })
    }

    /// Reads the next whole answer.
    pub fn response(&mut self) -> Response {
        self.try_response().expect("an answer and not a closed connection")
    }

    /// The body that follows a head just read.
    pub fn body(&mut self, head: &Head) -> Body<&mut Self> {
        Body { framing: Framing::of(head), connection: self }
    }

    /// The body that follows a head just read, together with its connection.
    #[must_use]
    pub fn into_body(self, head: &Head) -> Body<Self> {
        Body { framing: Framing::of(head), connection: self }
    }

    /// The address of this side.
    #[must_use]
    pub fn local_address(&self) -> SocketAddr {
        self.socket.local_addr().expect("the connection has an address")
    }

    /// Reads until the other side closes, and gives what came.
    pub fn rest(&mut self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self.reader.read_to_end(&mut bytes) {
            Ok(_) => bytes,
            Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => bytes,
            Err(error) => panic!("the connection is still open: {error}"),
        }
    }
}

impl Framing {
    fn of(head: &Head) -> Self {
        if head.status == 204 || head.status == 304 {
            Framing::Length(0)
        } else if head.get("transfer-encoding").is_some_and(|value| value.eq_ignore_ascii_case("chunked")) {
            Framing::Chunk(0)
        } else if let Some(length) = head.get("content-length") {
            Framing::Length(length.parse().expect("a content-length is a number"))
        } else {
            Framing::Close
        }
    }
}

impl Head {
    /// The first header of a name given in lower case.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }
}

impl Response {
    /// The body as JSON.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|error| panic!("no JSON ({error}): {}", self.text()))
    }

    /// The body as text.
    #[must_use]
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Status code.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.head.status
    }

    /// The code of the JSON-RPC error in the body.
    #[must_use]
    pub fn error_code(&self) -> i64 {
        let body = self.json();
        body["error"]["code"].as_i64().unwrap_or_else(|| panic!("no JSON-RPC error: {body}"))
    }
}

enum Framing {
    Length(u64),
    /// Bytes left of the current chunk; 0 before the first and after each.
    Chunk(u64),
    Close,
    End,
}

/// The body of an answer, without its framing.
pub struct Body<C> {
    connection: C,
    framing: Framing,
}

impl<C: BorrowMut<Connection>> Body<C> {
    fn next_chunk(&mut self) -> std::io::Result<u64> {
        let broken = |text: &str| std::io::Error::new(std::io::ErrorKind::UnexpectedEof, text.to_owned());
        let line = self.connection.borrow_mut().line().ok_or_else(|| broken("closed between chunks"))?;
        let size = line.split(';').next().and_then(|size| u64::from_str_radix(size.trim(), 16).ok());
        let size = size.ok_or_else(|| broken(&format!("no chunk size: {line:?}")))?;
        if size == 0 {
            while self.connection.borrow_mut().line().is_some_and(|line| !line.is_empty()) {}
        }
        Ok(size)
    }
}

impl<C: BorrowMut<Connection>> Read for Body<C> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        if let Framing::Chunk(0) = self.framing {
            let size = self.next_chunk()?;
            self.framing = if size == 0 { Framing::End } else { Framing::Chunk(size) };
        }
        let left = match self.framing {
            Framing::Length(left) | Framing::Chunk(left) => left,
            Framing::Close => u64::MAX,
            Framing::End => 0,
        };
        if left == 0 || buffer.is_empty() {
            return Ok(0);
        }
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.connection.borrow_mut().reader.read(&mut buffer[..most])?;
        if read == 0 && !matches!(self.framing, Framing::Close) {
            return Err(std::io::Error::new(std::io::ErrorKind::UnexpectedEof, "closed inside the body"));
        }
        let left = left - read as u64;
        match &mut self.framing {
            Framing::Length(rest) => *rest = left,
            Framing::Chunk(rest) => {
                *rest = left;
                if left == 0 {
                    self.connection.borrow_mut().line();
                }
            }
            Framing::Close | Framing::End => (),
        }
        Ok(read)
    }
}

/// Connects a socket that waits as long as the tests do, and no longer.
#[must_use]
pub fn connect(address: SocketAddr) -> TcpStream {
    let socket =
        TcpStream::connect(address).unwrap_or_else(|error| panic!("cannot connect to {address}: {error}"));
    socket.set_read_timeout(Some(PATIENCE)).expect("a timeout can be set");
    socket.set_nodelay(true).expect("the delay can be turned off");
    socket
}

/// A request as bytes; adds `host` and, for a body, `content-length` unless given.
#[must_use]
pub fn request(method: &str, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut text = format!("{method} {target} HTTP/1.1\r\n");
    let given = |name: &str| headers.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
    if !given("host") {
        text.push_str("host: gateway.test\r\n");
    }
    if !body.is_empty() && !given("content-length") && !given("transfer-encoding") {
        text.push_str(&format!("content-length: {}\r\n", body.len()));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
    text.push_str("\r\n");
    let mut bytes = text.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// Sends one GET on a connection of its own.
#[must_use]
pub fn get(address: SocketAddr, target: &str, headers: &[(&str, &str)]) -> Response {
    Connection::open(address).send(&request("GET", target, headers, b"")).response()
}

/// Sends one POST of JSON on a connection of its own.
#[must_use]
pub fn post(address: SocketAddr, target: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
    let mut all = vec![("content-type", "application/json")];
    all.extend_from_slice(headers);
    Connection::open(address).send(&request("POST", target, &all, body)).response()
}
