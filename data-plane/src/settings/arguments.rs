//! What can be written on the command line and in the environment.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use signalbox_proto::pin::Fingerprint;

use super::listen::ListenerSpec;
use crate::telemetry::TelemetryArguments;

/// Data plane of Signalbox: publishes A2A agents, authenticates, limits and relays their traffic.
#[derive(Clone, Debug, clap::Parser)]
#[command(name = "signalbox-data-plane", version, max_term_width = 100)]
pub struct Arguments {
    /// Id of this data plane; needed with a control plane
    #[arg(long, env = "SIGNALBOX_ID", value_name = "ID")]
    pub id: Option<String>,
    /// Region that it is in; endpoints and public URLs can be selected by it
    #[arg(long, env = "SIGNALBOX_REGION", value_name = "REGION", default_value = "")]
    pub region: String,
    /// Label of this data plane; endpoints and public URLs can be selected by it; may be repeated
    #[arg(long = "label", env = "SIGNALBOX_LABELS", value_name = "KEY=VALUE", value_delimiter = ',')]
    pub labels: Vec<String>,

    /// Address for callers: ADDRESS[,cert=FILE,key=FILE]...[,public-url=URL]; may be repeated
    #[arg(long, env = "SIGNALBOX_LISTEN", value_name = "LISTENER", default_value = "0.0.0.0:8080")]
    pub listen: Vec<ListenerSpec>,
    /// URL under which callers reach listeners that name none; one on loopback defaults to its own address
    #[arg(long, env = "SIGNALBOX_PUBLIC_URL", value_name = "URL")]
    pub public_url: Option<String>,
    /// Network of proxies in front whose forwarded headers are believed; may be repeated
    #[arg(
        long = "trusted-proxy",
        visible_alias = "trusted-proxies",
        env = "SIGNALBOX_TRUSTED_PROXIES",
        value_name = "CIDR",
        value_delimiter = ','
    )]
    pub trusted_proxies: Vec<IpNet>,
    /// Address for readiness, metrics and the config dump; on loopback
    #[arg(long, env = "SIGNALBOX_ADMIN_LISTEN", value_name = "ADDRESS", default_value = "127.0.0.1:8081")]
    pub admin_listen: SocketAddr,
    /// Address where load balancers ask for health
    #[arg(long, env = "SIGNALBOX_HEALTH_LISTEN", value_name = "ADDRESS", default_value = "0.0.0.0:8082")]
    pub health_listen: SocketAddr,

    /// Manifest to serve without a control plane; read again when it changes
    #[arg(long, env = "SIGNALBOX_CONFIG_FILE", value_name = "FILE", conflicts_with = "control_plane")]
    pub config_file: Option<PathBuf>,
    /// URL of the control plane; may be repeated, any of them will do
    #[arg(long, env = "SIGNALBOX_CONTROL_PLANE", value_name = "URL", value_delimiter = ',')]
    pub control_plane: Vec<String>,
    /// SHA-256 of the control plane's CA certificate; without it the system's roots count
    #[arg(long, env = "SIGNALBOX_CONTROL_PLANE_CA_SHA256", value_name = "HEX", requires = "control_plane")]
    pub control_plane_ca_sha256: Option<Fingerprint>,
    /// File with this data plane's token; needed with a control plane
    #[arg(long, env = "SIGNALBOX_TOKEN_FILE", value_name = "FILE", requires = "control_plane")]
    pub token_file: Option<PathBuf>,
    /// Allow plaintext to the control plane, and an admin listener, beyond loopback
    #[arg(long, env = "SIGNALBOX_INSECURE")]
    pub insecure: bool,
    /// Directory for the last good state, with which it starts when the control plane is away
    #[arg(long, env = "SIGNALBOX_CACHE_DIR", value_name = "DIR", requires = "control_plane")]
    pub cache_dir: Option<PathBuf>,
    /// File with the key that encrypts that state: 32 bytes or 64 hex digits
    #[arg(long, env = "SIGNALBOX_CACHE_KEY_FILE", value_name = "FILE", requires = "cache_dir")]
    pub cache_key_file: Option<PathBuf>,
    /// Folder with the secrets that the configuration names, a file each; read when they are used
    #[arg(long, env = "SIGNALBOX_SECRETS_DIR", value_name = "DIR")]
    pub secrets_dir: Option<PathBuf>,

    /// On SIGTERM: time from failing readiness to accepting no more
    #[arg(long, env = "SIGNALBOX_DRAIN_DELAY", value_name = "TIME", default_value = "5s", value_parser = duration)]
    pub drain_delay: Duration,
    /// On SIGTERM: time from then until open streams end
    #[arg(long, env = "SIGNALBOX_DRAIN_TIMEOUT", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub drain_timeout: Duration,

    /// Threads that serve requests; 0: one for each core
    #[arg(long, env = "SIGNALBOX_THREADS", value_name = "COUNT", default_value_t = 0)]
    pub threads: usize,
    /// Connections of a listener open at one time; more wait in the kernel
    #[arg(long, env = "SIGNALBOX_MAX_CONNECTIONS", value_name = "COUNT", default_value_t = 100_000)]
    pub max_connections: usize,
    /// Bytes of request bodies held over the whole process; beyond it requests get 503
    #[arg(long, env = "SIGNALBOX_MAX_BUFFERED_BYTES", value_name = "BYTES", default_value_t = 256 << 20)]
    pub max_buffered_bytes: usize,
    /// Time from the first byte of a request head to its last
    #[arg(long, env = "SIGNALBOX_HEAD_TIMEOUT", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub head_timeout: Duration,
    /// Time from a request's head to the last byte of its body
    #[arg(long, env = "SIGNALBOX_BODY_TIMEOUT", value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub body_timeout: Duration,
    /// Longest silence between two requests of an HTTP/1.1 connection
    #[arg(long, env = "SIGNALBOX_KEEP_ALIVE_TIMEOUT", value_name = "TIME", default_value = "75s", value_parser = duration)]
    pub keep_alive_timeout: Duration,
    /// Time for a TLS handshake, and until the first byte of a connection
    #[arg(long, env = "SIGNALBOX_HANDSHAKE_TIMEOUT", value_name = "TIME", default_value = "10s", value_parser = duration)]
    pub handshake_timeout: Duration,
    /// Time after which a connection is closed whose client takes nothing
    #[arg(long, env = "SIGNALBOX_WRITE_TIMEOUT", value_name = "TIME", default_value = "60s", value_parser = duration)]
    pub write_timeout: Duration,
    /// Streams of one HTTP/2 connection open at one time
    #[arg(long, env = "SIGNALBOX_HTTP2_STREAMS_MAX", value_name = "COUNT", default_value_t = 200)]
    pub http2_streams_max: u32,
    /// Silence after which an HTTP/2 client is sent a PING; 0s: never
    #[arg(long, env = "SIGNALBOX_HTTP2_PING_INTERVAL", value_name = "TIME", default_value = "30s", value_parser = duration)]
    pub http2_ping_interval: Duration,
    /// Time for the answer to that PING; then the connection is closed
    #[arg(long, env = "SIGNALBOX_HTTP2_PING_TIMEOUT", value_name = "TIME", default_value = "20s", value_parser = duration)]
    pub http2_ping_timeout: Duration,

    /// File that gets the bound addresses as JSON once requests are served
    #[arg(long, env = "SIGNALBOX_READY_FILE", value_name = "FILE")]
    pub ready_file: Option<PathBuf>,

    /// What is recorded.
    #[command(flatten)]
    pub telemetry: TelemetryArguments,
}

/// "5s", "1h 30m", and plain "0".
fn duration(text: &str) -> Result<Duration, humantime::DurationError> {
    humantime::parse_duration(text)
}
