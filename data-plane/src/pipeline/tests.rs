//! The whole pipeline in one process: a manifest, a real listener, and an agent played on loopback.

mod answers;
mod cards;
mod grpc;
mod http_json;
mod ownership;
mod permits;
mod refusals;
mod sizes;
mod streams;

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::{Body, Gateway, GatewaySettings, Listener, Worker, exchange};
use crate::config::file::FileSource;
use crate::config::{Applier, Handle, Site};
use crate::drain::Drain;
use crate::http::address::TrustedProxies;
use crate::net::accept::accept;
use crate::net::listener::{Listener as Socket, ListenerSettings};
use crate::net::worker::{ConnectionInfo, Handler, Workers};
use crate::telemetry::Telemetry;
use crate::upstream::address::AddressRules;
use crate::upstream::pool::{Pool, PoolSettings};

/// Longer than any test; tests wait for events, never for this.
const PATIENCE: Duration = Duration::from_secs(20);
const JSON_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n";
const STREAM_HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";

/// What the agent does after it has written its answer.
#[derive(Clone, Copy)]
enum Then {
    /// Waits for the next request.
    Keep,
    /// Closes the connection.
    Close,
    /// Says no more and leaves the connection open.
    Hang,
}

/// An agent that answers by a function of the request, and keeps what it was asked.
struct Agent {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<String>>>,
}

impl Agent {
    async fn start(answer: impl Fn(&str) -> (String, Then) + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::<Mutex<Vec<String>>>::default();
        let (answer, kept) = (Arc::new(answer), Arc::clone(&requests));
        tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let (answer, kept) = (Arc::clone(&answer), Arc::clone(&kept));
                tokio::spawn(async move {
                    while let Some(request) = read_request(&mut stream).await {
                        let (text, then) = answer(&request);
                        kept.lock().unwrap().push(request);
                        // A gateway that has left is no fault of the agent.
                        let _ = stream.write_all(text.as_bytes()).await;
                        match then {
                            Then::Keep => {}
                            Then::Close => return,
                            Then::Hang => drop(stream.read_u8().await),
                        }
                    }
                });
            }
        });
        Self { address, requests }
    }

    /// An agent whose calls are answered by the function, and which has a card.
    async fn with_card(answer: impl Fn(&str) -> (String, Then) + Send + Sync + 'static) -> Self {
        Self::start(move |request| if request.starts_with("GET ") { card(request) } else { answer(request) })
            .await
    }

    fn requests(&self) -> Vec<String> {
        self.requests.lock().unwrap().clone()
    }

    /// Requests for the card.
    fn fetches(&self) -> usize {
        self.requests().iter().filter(|request| request.starts_with("GET ")).count()
    }
}

/// Reads one request with its body of known length; `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        request.push(stream.read_u8().await.ok()?);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

/// A whole answer of JSON.
fn json(body: &str) -> (String, Then) {
    (format!("{JSON_HEAD}content-length: {}\r\n\r\n{body}", body.len()), Then::Keep)
}

/// The agent's own card, for the address that it was asked at.
fn card(request: &str) -> (String, Then) {
    let host = request.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    json(&format!(
        r#"{{"name":"a","url":"http://{host}/","preferredTransport":"JSONRPC","protocolVersion":"0.3.0","version":"1","description":"d","capabilities":{{}},"defaultInputModes":[],"defaultOutputModes":[],"skills":[]}}"#
    ))
}

/// A result with the id of a request of [`call`].
fn result() -> (String, Then) {
    json(r#"{"jsonrpc":"2.0","id":1,"result":{"kind":"message","messageId":"m","role":"agent","parts":[]}}"#)
}

/// A call of a method with no more than it takes.
fn call(method: &str) -> String {
    format!(
        r#"{{"jsonrpc":"2.0","id":1,"method":"{method}","params":{{"id":"t","message":{{"messageId":"m"}}}}}}"#
    )
}

/// A gateway in front of one agent, which is called `echo`.
struct Fixture {
    gateway: Arc<Gateway>,
    workers: Arc<Workers>,
    address: SocketAddr,
}

/// The pipeline as the application serves it.
struct Serving {
    worker: Worker,
    listener: Listener,
}

impl Handler for Serving {
    type Body = Body;

    async fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Arc<ConnectionInfo>,
    ) -> Response<Body> {
        exchange(&self.worker, &self.listener, &connection, request).await
    }
}

impl Fixture {
    async fn new(agent: &Agent) -> Self {
        Self::with(agent, "", "").await
    }

    /// With further fields of the upstream and of the agent, as lines of YAML, indented by four spaces and by two.
    async fn with(agent: &Agent, upstream: &str, fields: &str) -> Self {
        Self::with_plan(agent, "", upstream, fields).await
    }

    /// With further fields of the plan too, indented by two spaces.
    async fn with_plan(agent: &Agent, of_plan: &str, upstream: &str, fields: &str) -> Self {
        let plan = "organizations/default/plans/open";
        let manifest = format!(
            "plans:\n- name: {plan}\n  keyless: {{}}\n{of_plan}agents:\n- name: organizations/default/agents/echo\n  \
             upstreams:\n  - url: http://{}\n{upstream}  plans: [{plan}]\n{fields}",
            agent.address
        );
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("manifest.yaml");
        std::fs::write(&path, manifest).unwrap();
        let telemetry = Arc::new(Telemetry::counting());
        let config = Handle::new();
        let applier = Applier::new(config.clone(), Site::default(), Arc::clone(&telemetry.metrics));
        FileSource::new(path, Arc::new(applier)).unwrap().refresh().await.unwrap();
        let settings = GatewaySettings {
            // The callers of these tests.
            trusted_proxies: TrustedProxies::new(vec!["127.0.0.1/32".parse().unwrap()]),
            body_timeout: PATIENCE,
            max_buffered_bytes: 1024 * 1024,
            secrets_dir: None,
        };
        let gateway = Arc::new(Gateway::new(config, telemetry, settings));
        let socket = Socket::bind(0, "127.0.0.1:0".parse().unwrap(), ListenerSettings::default()).unwrap();
        let address = socket.local_address();
        let shared = Arc::clone(&gateway);
        let workers = Workers::start(1, move |_| Serving {
            worker: Worker::new(
                Arc::clone(&shared),
                Pool::new(PoolSettings::default(), Arc::new(AddressRules::default())),
            ),
            listener: Listener::new(Some(format!("http://{address}"))),
        });
        let workers = Arc::new(workers.unwrap());
        tokio::spawn(accept(socket, Arc::clone(&workers), Drain::new()));
        Self { gateway, workers, address }
    }

    /// Sends a request head, complete with its blank line, and a body.
    async fn send(&self, head: &str, body: &str) -> TcpStream {
        let mut stream = TcpStream::connect(self.address).await.unwrap();
        stream.write_all(format!("{head}{body}").as_bytes()).await.unwrap();
        stream
    }

    /// Sends a call with further header lines.
    async fn begin(&self, lines: &str, body: &str) -> TcpStream {
        let head = format!(
            "POST /a2a/echo HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{lines}\r\n",
            body.len()
        );
        self.send(&head, body).await
    }

    /// The whole answer to a call.
    async fn post(&self, lines: &str, body: &str) -> String {
        rest(&mut self.begin(&format!("connection: close\r\n{lines}"), body).await).await
    }

    /// The whole answer to a request for the card.
    async fn card(&self, lines: &str) -> String {
        let head = format!(
            "GET /a2a/echo/.well-known/agent-card.json HTTP/1.1\r\nhost: h\r\nconnection: close\r\n{lines}\r\n"
        );
        rest(&mut self.send(&head, "").await).await
    }

    /// The metrics, as an operator reads them.
    fn metrics(&self) -> String {
        let mut text = String::new();
        self.gateway.telemetry.metrics.render(&mut text);
        text
    }
}

/// Reads until the gateway closes.
async fn rest(stream: &mut TcpStream) -> String {
    let mut rest = Vec::new();
    let reading = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut rest));
    // A reset is a close, too.
    let _ = reading.await.unwrap();
    String::from_utf8(rest).unwrap()
}

/// Reads until the answer contains this text.
async fn until(stream: &mut TcpStream, text: &str) -> String {
    let mut read = Vec::new();
    while !String::from_utf8_lossy(&read).contains(text) {
        let more = tokio::time::timeout(PATIENCE, stream.read_buf(&mut read)).await;
        assert!(more.unwrap().unwrap() > 0, "closed after {:?}", String::from_utf8_lossy(&read));
    }
    String::from_utf8(read).unwrap()
}

fn size_of_future<A, B, C, D, F>(_: impl FnOnce(A, B, C, D) -> F) -> usize {
    size_of::<F>()
}

/// It is moved into a box for every request: what is rare has to be boxed inside it.
#[test]
fn the_future_of_an_exchange_is_small() {
    let size = size_of_future(exchange);
    assert!(size <= 3 * 1024, "{size} bytes");
}
