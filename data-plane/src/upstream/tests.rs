//! Agents played on loopback sockets, and what the pool makes of them.

mod failures;
mod http1;
mod http2;
mod tls;

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use http::{Method, Request, Response};
use http_body_util::BodyExt;
use signalbox_proto::model::agent::UpstreamProtocol;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::address::AddressRules;
use super::body::ResponseBody;
use super::endpoint::{Endpoint, EndpointParameters};
use super::error::UpstreamError;
use super::pool::{Pool, PoolSettings, Retry, SendOptions};
use super::tls::TlsClients;

/// Longer than any test; tests wait for events, never for this.
const PATIENCE: Duration = Duration::from_secs(20);

/// An agent whose connections are served by a function of the test's.
struct Agent {
    address: SocketAddr,
    connections: Arc<AtomicUsize>,
}

impl Agent {
    /// `serve` gets the number of the connection, from 0, and the connection.
    async fn start<F, S>(serve: F) -> Self
    where
        F: Fn(usize, TcpStream) -> S + Send + 'static,
        S: Future<Output = ()> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                tokio::spawn(serve(count.fetch_add(1, Ordering::SeqCst), stream));
            }
        });
        Self { address, connections }
    }

    /// An agent that answers every request, on every connection, with the same bytes.
    async fn answering(answer: &'static str) -> Self {
        Self::start(move |_, mut stream| async move {
            while read_request(&mut stream).await.is_some() {
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        })
        .await
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }

    fn parameters(&self) -> EndpointParameters {
        EndpointParameters {
            tls: false,
            host: self.address.ip().to_string().into(),
            port: self.address.port(),
            path: "".into(),
            ca_certificates: None,
            server_name: None,
            protocol: UpstreamProtocol::Auto,
            connect_timeout: PATIENCE,
        }
    }

    fn endpoint(&self) -> Endpoint {
        Endpoint::new(self.parameters(), &TlsClients::new())
    }
}

/// Reads one request with its body of known length; `None` at the end of the connection.
async fn read_request(stream: &mut TcpStream) -> Option<String> {
    let mut request = Vec::new();
    let mut byte = [0];
    while !request.ends_with(b"\r\n\r\n") {
        if stream.read(&mut byte).await.ok()? == 0 {
            return None;
        }
        request.push(byte[0]);
    }
    let head = String::from_utf8(request).unwrap();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(head + &String::from_utf8(body).unwrap())
}

fn pool() -> Pool {
    Pool::new(
        PoolSettings { idle_timeout: PATIENCE, ..PoolSettings::default() },
        Arc::new(AddressRules::default()),
    )
}

fn options(retry: Retry) -> SendOptions {
    SendOptions { head_timeout: PATIENCE, body_timeout: None, retry }
}

fn post(body: &'static str) -> Request<Bytes> {
    Request::builder().method(Method::POST).uri("/rpc").body(Bytes::from_static(body.as_bytes())).unwrap()
}

async fn send(
    pool: &Pool,
    endpoint: &Endpoint,
    body: &'static str,
) -> Result<Response<ResponseBody>, UpstreamError> {
    pool.send(endpoint, &post(body), options(Retry::IfNothingSent)).await
}

/// Sends and reads the whole answer.
async fn call(pool: &Pool, endpoint: &Endpoint, body: &'static str) -> Result<String, UpstreamError> {
    let response = send(pool, endpoint, body).await?;
    Ok(String::from_utf8(response.into_body().collect().await?.to_bytes().to_vec()).unwrap())
}
