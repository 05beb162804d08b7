//! An agent made of a closure: it receives whole requests, keeps them, and answers with any bytes, however wrong.

use std::{
    io::{BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use serde_json::{Value, json};

/// What happens to the connection after an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Then {
    /// The next request may come.
    Keep,
    /// It is closed.
    Close,
}

/// A request as it arrived, whole.
#[derive(Debug, Clone)]
pub struct Request {
    /// Method of the request line.
    pub method: String,
    /// Target of the request line, as sent.
    pub target: String,
    /// Names in lower case and values, in order.
    pub headers: Vec<(String, String)>,
    /// The body without its framing.
    pub body: Vec<u8>,
}

impl Request {
    /// The first header of a name given in lower case.
    #[must_use]
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as JSON; null if it is none.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or(Value::Null)
    }

    /// Whether it asks for the agent card.
    #[must_use]
    pub fn is_card(&self) -> bool {
        self.method == "GET" && self.target.starts_with("/.well-known/")
    }
}

/// A running scripted agent. Its threads end with the test's process.
pub struct Upstream {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<AtomicUsize>,
    connections_ever: Arc<AtomicUsize>,
}

impl Upstream {
    /// Listens on a free port of loopback and answers each request by the closure.
    #[must_use]
    pub fn start(answer: impl Fn(&Request, &mut TcpStream) -> Then + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let (connections, connections_ever) = (Arc::default(), Arc::default());
        let (kept, open, answer) = (Arc::clone(&requests), Arc::clone(&connections), Arc::new(answer));
        let ever: Arc<AtomicUsize> = Arc::clone(&connections_ever);
        std::thread::spawn(move || {
            for stream in listener.incoming().filter_map(Result::ok) {
                let (kept, open, answer) =
                    (Arc::clone(&kept), Arc::<AtomicUsize>::clone(&open), Arc::clone(&answer));
                ever.fetch_add(1, Ordering::SeqCst);
                open.fetch_add(1, Ordering::SeqCst);
                std::thread::spawn(move || {
                    serve(stream, &kept, &*answer);
                    open.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, requests, connections, connections_ever }
    }

    /// A well-behaved agent: a hybrid card, an echo for unary calls, three events for streams.
    #[must_use]
    pub fn well_behaved() -> Self {
        Self::start(well_behaved)
    }

    /// Its card comes from `card`, which gets the agent's own base URL; calls are answered well.
    #[must_use]
    pub fn with_card(card: impl Fn(&str) -> Vec<u8> + Send + Sync + 'static) -> Self {
        Self::start(move |request, stream| {
            if !request.is_card() {
                return well_behaved(request, stream);
            }
            let own = format!("http://{}", request.header("host").unwrap_or_default());
            write(stream, &card(&own));
            Then::Keep
        })
    }

    /// Base URL.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Everything that has arrived so far.
    #[must_use]
    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no holder has panicked").clone()
    }

    /// The POSTs that have arrived so far.
    #[must_use]
    pub fn calls(&self) -> Vec<Request> {
        self.requests().into_iter().filter(|request| request.method == "POST").collect()
    }

    /// Connections that are open now.
    #[must_use]
    pub fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    /// Connections that have been opened since the start.
    #[must_use]
    pub fn connections_ever(&self) -> usize {
        self.connections_ever.load(Ordering::SeqCst)
    }
}

fn serve(stream: TcpStream, kept: &Mutex<Vec<Request>>, answer: &dyn Fn(&Request, &mut TcpStream) -> Then) {
    stream.set_nodelay(true).expect("the delay can be turned off");
    let mut writer = stream.try_clone().expect("a socket can be cloned");
    let mut reader = BufReader::new(stream);
    while let Some(request) = read_request(&mut reader) {
        kept.lock().expect("no holder has panicked").push(request.clone());
        if answer(&request, &mut writer) == Then::Close {
            break;
        }
    }
    // The peer may have gone first.
    let _ = writer.shutdown(std::net::Shutdown::Both);
}

fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Request> {
    let first = line(reader)?;
    let mut words = first.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?.to_owned());
    let mut headers = Vec::new();
    loop {
        let line = line(reader)?;
        if line.is_empty() {
            break;
        }
        let (name, value) = line.split_once(':')?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
    let mut request = Request { method, target, headers, body: Vec::new() };
    request.body = read_body(reader, &request)?;
    Some(request)
}

fn read_body(reader: &mut BufReader<TcpStream>, request: &Request) -> Option<Vec<u8>> {
    if request.header("transfer-encoding").is_some() {
        let mut body = Vec::new();
        loop {
            let size = u64::from_str_radix(line(reader)?.trim(), 16).ok()?;
            if size > 0 {
                reader.by_ref().take(size).read_to_end(&mut body).ok()?;
            }
            line(reader)?;
            if size == 0 {
                return Some(body);
            }
        }
    }
    let length: usize = request.header("content-length").map_or(Some(0), |length| length.parse().ok())?;
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn line(reader: &mut BufReader<TcpStream>) -> Option<String> {
    let mut bytes = Vec::new();
    let length = reader.read_until(b'\n', &mut bytes).ok()?;
    (length > 0).then(|| String::from_utf8_lossy(&bytes).trim_end_matches(['\r', '\n']).to_owned())
}

/// Writes bytes as they are; the gateway may have gone, which is not the agent's failure.
pub fn write(stream: &mut TcpStream, bytes: &[u8]) {
    let _ = stream.write_all(bytes);
}

/// Waits until the gateway closes its side, without answering.
pub fn hang(stream: &mut TcpStream) -> Then {
    let mut byte = [0];
    while stream.read(&mut byte).is_ok_and(|length| length > 0) {}
    Then::Close
}

/// An answer with a content-length.
#[must_use]
pub fn answer(status: &str, content_type: &str, body: &[u8]) -> Vec<u8> {
    let length = body.len();
    let head =
        format!("HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n\r\n");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}

/// An answer with JSON.
#[must_use]
pub fn json_answer(body: &Value) -> Vec<u8> {
    answer("200 OK", "application/json", body.to_string().as_bytes())
}

/// Bytes as gzip.
#[must_use]
pub fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).expect("memory can be written");
    encoder.finish().expect("memory can be written")
}

/// An answer with JSON in gzip.
#[must_use]
pub fn gzip_answer(body: &[u8]) -> Vec<u8> {
    answer("200 OK", "application/json\r\ncontent-encoding: gzip", &gzip(body))
}

/// The head of an event stream that ends with the connection.
pub const STREAM_HEAD: &[u8] =
    b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-store\r\nconnection: close\r\n\r\n";

/// One event that carries JSON.
#[must_use]
pub fn event(value: &Value) -> Vec<u8> {
    format!("data: {value}\n\n").into_bytes()
}

/// A hybrid card, in the dialects of 0.3 and 1.0 at once.
#[must_use]
pub fn card(own: &str) -> Value {
    json!({
        "name": "Scripted agent",
        "description": "Answers as the test says",
        "version": "1.0.0",
        "url": format!("{own}/"),
        "preferredTransport": "JSONRPC",
        "protocolVersion": "0.3.0",
        "additionalInterfaces": [{"url": format!("{own}/"), "transport": "JSONRPC"}],
        "supportedInterfaces": [
            {"url": format!("{own}/"), "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": format!("{own}/"), "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        ],
        "capabilities": {"streaming": true, "pushNotifications": false},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "echo", "name": "Echo", "description": "Answers with the text", "tags": ["test"]}],
    })
}

/// Answers as [`Upstream::well_behaved`] does.
pub fn well_behaved(request: &Request, stream: &mut TcpStream) -> Then {
    if request.is_card() {
        let own = format!("http://{}", request.header("host").unwrap_or_default());
        write(stream, &json_answer(&card(&own)));
        return Then::Keep;
    }
    let call = request.json();
    let method = call["method"].as_str().unwrap_or_default();
    if matches!(method, "SendStreamingMessage" | "message/stream" | "SubscribeToTask" | "tasks/resubscribe") {
        write(stream, STREAM_HEAD);
        for number in 0..3 {
            write(stream, &event(&result(&call, &format!("event {number}"))));
        }
        return Then::Close;
    }
    write(stream, &json_answer(&result(&call, &request.body.len().to_string())));
    Then::Keep
}

/// A JSON-RPC result that answers a call with a message, in the dialect of the call.
#[must_use]
pub fn result(call: &Value, text: &str) -> Value {
    let modern = call["method"].as_str().is_some_and(|method| !method.contains('/'));
    let message = if modern {
        json!({"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{"text": text}]}})
    } else {
        json!({"kind": "message", "messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": text}]})
    };
    json!({"jsonrpc": "2.0", "id": call["id"], "result": message})
}
