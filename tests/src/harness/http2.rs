//! HTTP/2 on both sides of the gateway: a client with prior knowledge, and an agent, with or without TLS.

use std::{
    convert::Infallible,
    fs,
    net::SocketAddr,
    path::Path,
    sync::{Arc, Mutex},
};

use bytes::Bytes;
use http::{Method, Version};
use http_body_util::{BodyExt as _, Full};
use hyper::{body::Incoming, service::service_fn};
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::ServerConfig;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, pem::PemObject as _};
use serde_json::Value;
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use super::{
    http::{Head, Response},
    tls::Authority,
    upstream::{card, result},
};

/// Sends POSTs of JSON at the same time on one connection, and gives their answers in the same order.
#[must_use]
pub fn post_together(
    address: SocketAddr,
    target: &str,
    headers: &[(&str, &str)],
    bodies: &[Vec<u8>],
) -> Vec<Response> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let socket = TcpStream::connect(address).await.expect("the gateway listens");
        let (sender, connection) = hyper::client::conn::http2::Builder::new(TokioExecutor::new())
            .handshake::<_, Full<Bytes>>(TokioIo::new(socket))
            .await
            .expect("the gateway speaks HTTP/2");
        tokio::spawn(connection);
        let calls = bodies.iter().map(|body| {
            let mut request = http::Request::post(format!("http://{address}{target}"));
            for (name, value) in [("content-type", "application/json")].iter().chain(headers) {
                request = request.header(*name, *value);
            }
            let request = request.body(Full::new(Bytes::from(body.clone()))).expect("a right request");
            let mut sender = sender.clone();
            async move { whole(sender.send_request(request).await.expect("an answer")).await }
        });
        futures_util::future::join_all(calls).await
    })
}

async fn whole(answer: http::Response<Incoming>) -> Response {
    let (parts, body) = answer.into_parts();
    let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
    let headers = parts.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
    let body = body.collect().await.expect("the body arrives whole").to_bytes().to_vec();
    Response { head: Head { status: parts.status.as_u16(), headers }, body }
}

/// An agent that speaks HTTP/1.1 and HTTP/2 and remembers which it was spoken to.
pub struct Http2Agent {
    address: SocketAddr,
    scheme: &'static str,
    versions: Arc<Mutex<Vec<Version>>>,
}

impl Http2Agent {
    /// Starts one without TLS.
    #[must_use]
    pub fn plain() -> Self {
        Self::start(None)
    }

    /// Starts one with TLS, whose certificate for `localhost` the authority issues.
    #[must_use]
    pub fn tls(authority: &Authority, folder: &Path) -> Self {
        let files = authority.issue(&["localhost"], folder, "agent");
        let certificate = fs::read(files.certificate).expect("a certificate");
        let chain = CertificateDer::pem_slice_iter(&certificate).collect::<Result<_, _>>().expect("PEM");
        let key = PrivateKeyDer::from_pem_file(files.key).expect("a key");
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let versions = ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
        let config =
            versions.expect("the versions are there").with_no_client_auth().with_single_cert(chain, key);
        let mut config = config.expect("the key fits");
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Self::start(Some(TlsAcceptor::from(Arc::new(config))))
    }

    /// Base URL.
    #[must_use]
    pub fn url(&self) -> String {
        // The certificate is for the name.
        format!("{}://localhost:{}", self.scheme, self.address.port())
    }

    /// The HTTP versions of the POSTs so far.
    #[must_use]
    pub fn versions(&self) -> Vec<Version> {
        self.versions.lock().expect("no holder has panicked").clone()
    }

    fn start(tls: Option<TlsAcceptor>) -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let listener = runtime.block_on(TcpListener::bind("127.0.0.1:0")).expect("loopback has a free port");
        let address = listener.local_addr().expect("a listener has an address");
        let scheme = if tls.is_some() { "https" } else { "http" };
        let versions = Arc::new(Mutex::new(Vec::new()));
        let seen = Arc::clone(&versions);
        std::thread::spawn(move || {
            runtime.block_on(tokio::task::LocalSet::new().run_until(async move {
                while let Ok((socket, _)) = listener.accept().await {
                    tokio::task::spawn_local(serve(socket, tls.clone(), Arc::clone(&seen)));
                }
            }));
        });
        Self { address, scheme, versions }
    }
}

async fn serve(socket: TcpStream, tls: Option<TlsAcceptor>, seen: Arc<Mutex<Vec<Version>>>) {
    let own = service_fn(|request| {
        let seen = Arc::clone(&seen);
        async move { Ok::<_, Infallible>(respond(request, &seen).await) }
    });
    let builder = hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
    // A connection that fails is the gateway's to report.
    let _ = match tls {
        None => builder.serve_connection(TokioIo::new(socket), own).await,
        Some(tls) => match tls.accept(socket).await {
            Ok(stream) => builder.serve_connection(TokioIo::new(stream), own).await,
            Err(_) => return,
        },
    };
}

async fn respond(
    request: http::Request<Incoming>,
    seen: &Mutex<Vec<Version>>,
) -> http::Response<Full<Bytes>> {
    let version = request.version();
    let host = request.uri().authority().map(ToString::to_string);
    let host =
        host.or_else(|| Some(request.headers().get("host")?.to_str().ok()?.to_owned())).unwrap_or_default();
    let body = if request.method() == Method::POST {
        seen.lock().expect("no holder has panicked").push(version);
        let bytes = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        result(&serde_json::from_slice(&bytes).unwrap_or(Value::Null), "over HTTP/2")
    } else {
        card(&format!("http://{host}"))
    };
    let answer = http::Response::builder().header("content-type", "application/json");
    answer.body(Full::new(Bytes::from(body.to_string()))).expect("a right answer")
}
