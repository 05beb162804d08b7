//! Process settings from flags and the environment.
//!
//! `arguments` is what can be written, [`Settings`] what it means once checked. Everything that belongs to agents and
//! plans is configuration, not a setting.

mod arguments;
mod check;
mod listen;
#[cfg(test)]
mod tests;

use std::ffi::OsString;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{CommandFactory as _, Parser as _};
use ipnet::IpNet;
use signalbox_proto::pin::Fingerprint;

use crate::config::Site;
use crate::telemetry::TelemetryArguments;

pub use arguments::Arguments;
pub use listen::{CertificatePair, ListenerSpec};

/// Exit status after wrong usage (EX_USAGE of sysexits.h).
pub const EXIT_USAGE: u8 = 64;

/// Everything that the process is told when it starts, checked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Id of this data plane.
    pub id: String,
    /// Where it is.
    pub site: Site,
    /// Where callers reach agents.
    pub listeners: Vec<ListenerSpec>,
    /// Where readiness, metrics and the config dump are.
    pub admin_listen: SocketAddr,
    /// Where load balancers ask for health.
    pub health_listen: SocketAddr,
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// Folder with the secrets that the configuration names.
    pub secrets_dir: Option<PathBuf>,
    /// Where the configuration comes from.
    pub source: Source,
    /// From a failing readiness to no more connections.
    pub drain_delay: Duration,
    /// From then to the end of streams.
    pub drain_timeout: Duration,
    /// Limits of the process.
    pub limits: ProcessLimits,
    /// Threads that serve requests.
    pub threads: usize,
    /// File that tells the bound addresses.
    pub ready_file: Option<PathBuf>,
    /// What is recorded.
    pub telemetry: TelemetryArguments,
}

/// Where the configuration comes from.
#[derive(Clone, Debug)]
pub enum Source {
    /// A manifest.
    File(PathBuf),
    /// A control plane.
    ControlPlane(ControlPlane),
}

/// How to reach the control plane.
#[derive(Clone, Debug)]
pub struct ControlPlane {
    /// Its addresses, any of which will do.
    pub addresses: Vec<ControlPlaneAddress>,
    /// Fingerprint of its CA; without one the system's roots verify it.
    pub ca_sha256: Option<Fingerprint>,
    /// File that holds this data plane's token.
    pub token_file: PathBuf,
    /// Where the last good state is kept.
    pub cache: Option<CacheSettings>,
}

/// One address of the control plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlPlaneAddress {
    /// Whether it is https.
    pub tls: bool,
    /// Host name, or an address literal without brackets.
    pub host: String,
    /// Port.
    pub port: u16,
}

/// Where and how the last good state is kept.
#[derive(Clone, Debug)]
pub struct CacheSettings {
    /// The directory.
    pub dir: PathBuf,
    /// File with the key that encrypts it: 32 bytes, or 64 hex digits.
    pub key_file: Option<PathBuf>,
}

/// Limits of the process. Defaults are those of docs/settings.md.
#[derive(Clone, Debug)]
pub struct ProcessLimits {
    /// Connections of a listener open at one time.
    pub max_connections: usize,
    /// Request bodies held over the whole process, in bytes; beyond it requests are refused with 503.
    pub max_buffered_bytes: usize,
    /// From the first byte of a request head to its last.
    pub head_timeout: Duration,
    /// From a request's head to the last byte of its body.
    pub body_timeout: Duration,
    /// Longest silence between two requests of an HTTP/1.1 connection.
    pub keep_alive_timeout: Duration,
    /// Time for a TLS handshake, and until the first byte of a connection.
    pub handshake_timeout: Duration,
    /// Time after which a connection is closed whose client takes nothing.
    pub write_timeout: Duration,
    /// Streams of one HTTP/2 connection open at one time.
    pub http2_streams_max: u32,
    /// Silence after which an HTTP/2 client is sent a PING; `None`: never.
    pub http2_ping_interval: Option<Duration>,
    /// Time for the answer to that PING.
    pub http2_ping_timeout: Duration,
}

/// Wrong usage, or a wish for help.
#[derive(Debug, thiserror::Error)]
pub enum UsageError {
    /// What clap has to say; help and version too.
    #[error("{0}")]
    Arguments(clap::Error),
    /// A setting that cannot be used.
    #[error("{setting}: {reason}")]
    Setting {
        /// The flag.
        setting: &'static str,
        /// What is wrong with it, and what to write instead.
        reason: String,
    },
}

impl UsageError {
    pub(crate) fn setting(setting: &'static str, reason: impl Into<String>) -> Self {
        Self::Setting { setting, reason: reason.into() }
    }

    /// The status to exit with: 0 for help and version, else [`EXIT_USAGE`].
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Arguments(error) if !error.use_stderr() => 0,
            _ => EXIT_USAGE,
        }
    }

    /// Whether the text belongs on standard output.
    #[must_use]
    pub fn is_help(&self) -> bool {
        self.exit_code() == 0
    }
}

impl Settings {
    /// Reads command line and environment.
    ///
    /// # Errors
    ///
    /// Wrong usage, or a wish for help.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, UsageError> {
        let arguments = Arguments::try_parse_from(arguments).map_err(UsageError::Arguments)?;
        check::check(arguments)
    }
}

/// The table of docs/settings.md.
#[must_use]
pub fn table() -> String {
    let mut text = String::from("| flag | environment | default | what for |\n|---|---|---|---|\n");
    let command = Arguments::command();
    for argument in command.get_arguments().filter(|argument| !argument.is_hide_set()) {
        let Some(long) = argument.get_long() else { continue };
        let value = argument.get_value_names().filter(|_| argument.get_action().takes_values());
        let value = value.and_then(<[_]>::first).map(|name| format!(" {name}")).unwrap_or_default();
        let environment = argument.get_env().map(|name| format!("`{}`", name.to_string_lossy()));
        let defaults = argument.get_default_values().iter();
        let defaults: Vec<_> = defaults.map(|value| format!("`{}`", value.to_string_lossy())).collect();
        let help = argument.get_help().map(ToString::to_string).unwrap_or_default();
        text.push_str(&format!(
            "| `--{long}{value}` | {} | {} | {help} |\n",
            environment.unwrap_or_default(),
            defaults.join(" "),
        ));
    }
    text
}

impl std::fmt::Display for ControlPlaneAddress {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let scheme = if self.tls { "https" } else { "http" };
        let Self { host, port, .. } = self;
        if host.contains(':') {
            write!(f, "{scheme}://[{host}]:{port}")
        } else {
            write!(f, "{scheme}://{host}:{port}")
        }
    }
}
