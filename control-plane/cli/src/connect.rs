//! How the control plane is reached and how it is trusted.

use std::io::Read as _;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use http::Uri;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use signalbox_proto::pin::{Fingerprint, PinnedCa};
use signalbox_proto::wire::config::v1::config_service_client::ConfigServiceClient;
use signalbox_proto::wire::fleet::v1::fleet_service_client::FleetServiceClient;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::service::Interceptor;
use tonic::service::interceptor::InterceptedService;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status};

use crate::exit::{Code, Failure};

/// Time to reach the control plane, TLS included.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A control plane that is silent so long is asked whether it is still there.
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(20);
/// Where a control plane of the same machine keeps its data unless told otherwise.
const DEFAULT_DATA_DIRECTORY: &str = "signalbox-data";
/// Largest answer that is read.
const MAX_ANSWER_BYTES: usize = 32 << 20;

/// How to reach the control plane.
#[derive(Clone, Debug, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Connection {
    /// Address of the control plane
    #[arg(
        long,
        global = true,
        env = "SIGNALBOX_SERVER",
        value_name = "URL",
        default_value = "https://127.0.0.1:9900"
    )]
    server: String,

    /// File with an admin token; SIGNALBOX_TOKEN may hold the token itself
    #[arg(long, global = true, env = "SIGNALBOX_TOKEN_FILE", value_name = "FILE")]
    token_file: Option<PathBuf>,

    /// SHA-256 of the control plane's CA certificate, as its log and its file ca.sha256 say; without it, the system's
    /// certificates decide
    #[arg(long, global = true, env = "SIGNALBOX_CA_SHA256", value_name = "HEX")]
    ca_sha256: Option<String>,

    /// Data directory of a control plane of this machine: token and CA fingerprint are read there
    #[arg(long, global = true, env = "SIGNALBOX_DATA_DIR", value_name = "DIRECTORY")]
    data_dir: Option<PathBuf>,

    /// Send the token over plain HTTP to another machine
    #[arg(long, global = true, env = "SIGNALBOX_INSECURE")]
    insecure: bool,
}

/// A client that carries the token.
pub(crate) type Client<T> = InterceptedService<Channel, T>;

/// Adds the token to each call.
#[derive(Clone)]
pub(crate) struct BearerToken(MetadataValue<Ascii>);

impl Interceptor for BearerToken {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Connection {
    /// A client of the config API.
    pub(crate) async fn config(&self) -> Result<ConfigServiceClient<Client<BearerToken>>, Failure> {
        let client = ConfigServiceClient::with_interceptor(self.channel().await?, self.token()?);
        Ok(client.max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// A client of the fleet API.
    pub(crate) async fn fleet(&self) -> Result<FleetServiceClient<Client<BearerToken>>, Failure> {
        let client = FleetServiceClient::with_interceptor(self.channel().await?, self.token()?);
        Ok(client.max_decoding_message_size(MAX_ANSWER_BYTES))
    }

    /// The data directory, if one is named, or lies where it does by default and the control plane is of this machine:
    /// its token goes nowhere else unasked.
    fn data_directory(&self) -> Option<&Path> {
        let default = Path::new(DEFAULT_DATA_DIRECTORY);
        let near = self.server.parse().is_ok_and(|uri: Uri| is_loopback(&host_of(&uri)));
        let found = || (near && default.join("admin-token").exists()).then_some(default);
        self.data_dir.as_deref().or_else(found)
    }

    fn token(&self) -> Result<BearerToken, Failure> {
        let text = match (&self.token_file, std::env::var("SIGNALBOX_TOKEN"), self.data_directory()) {
            (Some(path), _, _) => read(path, "the token")?,
            (None, Ok(token), _) if !token.is_empty() => token,
            (None, _, Some(directory)) => read(&directory.join("admin-token"), "the token")?,
            _ => {
                let text = "no token: give --token-file, --data-dir, or set SIGNALBOX_TOKEN";
                return Err(Failure::new(Code::Unauthenticated, text));
            }
        };
        let mut value: MetadataValue<Ascii> = format!("Bearer {}", text.trim())
            .parse()
            .map_err(|_| Failure::new(Code::Unauthenticated, "the token has characters that no token has"))?;
        value.set_sensitive(true);
        Ok(BearerToken(value))
    }

    fn pin(&self) -> Result<Option<Fingerprint>, Failure> {
        let text = match (&self.ca_sha256, self.data_directory()) {
            (Some(text), _) => text.clone(),
            (None, Some(directory)) if directory.join("ca.sha256").exists() => {
                read(&directory.join("ca.sha256"), "the CA fingerprint")?
            }
            _ => return Ok(None),
        };
        text.parse().map(Some).map_err(|error| Failure::new(Code::Usage, format!("--ca-sha256: {error}")))
    }

    async fn channel(&self) -> Result<Channel, Failure> {
        let usage = |text: String| Failure::new(Code::Usage, text);
        let uri: Uri =
            self.server.parse().map_err(|_| usage(format!("--server: {:?} is no URL", self.server)))?;
        let host = host_of(&uri);
        if host.is_empty() {
            return Err(usage(format!("--server: {:?} has no host; write https://host:9900", self.server)));
        }
        let tls = match uri.scheme_str() {
            Some("https") => Some(self.tls(&host)?),
            Some("http") if self.insecure || is_loopback(&host) => None,
            Some("http") => {
                let text =
                    "--server: http:// would send the token unprotected; write https://, or add --insecure";
                return Err(usage(text.to_owned()));
            }
            _ => return Err(usage(format!("--server: {:?} must begin with https://", self.server))),
        };
        let port = uri.port_u16().unwrap_or(9900);
        // The scheme is http for tonic: the connector below does TLS.
        let endpoint = Endpoint::from_shared(format!(
            "http://{}",
            uri.authority().map_or("", http::uri::Authority::as_str)
        ))
        .map_err(|error| usage(format!("--server: {error}")))?
        .connect_timeout(CONNECT_TIMEOUT)
        .http2_keep_alive_interval(KEEPALIVE_INTERVAL)
        .keep_alive_timeout(CONNECT_TIMEOUT);
        let connector = tower::service_fn(move |_: Uri| connect(host.clone(), port, tls.clone()));
        let channel = tokio::time::timeout(CONNECT_TIMEOUT, endpoint.connect_with_connector(connector)).await;
        let unreachable = |why: String| {
            Failure::new(
                Code::Unavailable,
                format!("cannot reach the control plane at {}: {why}", self.server),
            )
        };
        channel
            .map_err(|_| unreachable("it did not answer in 10 s".to_owned()))?
            .map_err(|error| unreachable(root_cause(&error)))
    }

    fn tls(&self, host: &str) -> Result<Tls, Failure> {
        let failed =
            |error: rustls::Error| Failure::from(anyhow::Error::from(error).context("cannot set up TLS"));
        let config = match self.pin()? {
            Some(pin) => PinnedCa::client_config(pin).map_err(failed)?,
            None => system_roots().map_err(failed)?,
        };
        let name = ServerName::try_from(host.to_owned())
            .map_err(|_| Failure::new(Code::Usage, format!("--server: {host:?} is no host name")))?;
        Ok(Tls { connector: TlsConnector::from(Arc::new(config)), name })
    }
}

#[derive(Clone)]
struct Tls {
    connector: TlsConnector,
    name: ServerName<'static>,
}

fn system_roots() -> Result<rustls::ClientConfig, rustls::Error> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots)
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

trait Stream: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin {}
impl<T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin> Stream for T {}

async fn connect(host: String, port: u16, tls: Option<Tls>) -> std::io::Result<TokioIo<Box<dyn Stream>>> {
    let stream = TcpStream::connect((host.as_str(), port)).await?;
    stream.set_nodelay(true)?;
    let stream: Box<dyn Stream> = match tls {
        None => Box::new(stream),
        Some(tls) => Box::new(tls.connector.connect(tls.name, stream).await.map_err(explain)?),
    };
    Ok(TokioIo::new(stream))
}

/// Says what a certificate that is not trusted means here.
fn explain(error: std::io::Error) -> std::io::Error {
    if error.to_string().contains("UnknownIssuer") {
        let text = "its certificate is not trusted: give the CA fingerprint from its log or its file ca.sha256 with \
                    --ca-sha256, or check the one that was given";
        return std::io::Error::new(error.kind(), text);
    }
    error
}

/// The host without the brackets of an IPv6 address.
fn host_of(uri: &Uri) -> String {
    uri.host().unwrap_or_default().trim_matches(['[', ']']).to_owned()
}

fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

fn read(path: &Path, what: &str) -> Result<String, Failure> {
    let mut text = String::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(4096).read_to_string(&mut text))
        .with_context(|| format!("cannot read {what} from {}", path.display()))?;
    Ok(text)
}

fn root_cause(error: &dyn std::error::Error) -> String {
    let mut cause = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    cause.to_string()
}
