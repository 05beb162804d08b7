//! What is measured: three gateways in front of the same agents.

use std::net::SocketAddr;

use anyhow::Result;
use clap::ValueEnum;
use serde::Deserialize;

use super::{Bench, envoy, nginx, signalbox};
use crate::process::Process;

/// Path of the agent behind unary requests.
pub(super) const REQUESTS_PATH: &str = "/a2a/requests";
/// Path of the agent behind event streams.
pub(super) const STREAMS_PATH: &str = "/a2a/streams";

/// A gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    Nginx,
    Envoy,
    Signalbox,
}

/// What every gateway is configured with.
#[derive(Clone)]
pub(super) struct Setting {
    /// Agent that answers requests.
    pub(super) requests: SocketAddr,
    /// Agent that answers with event streams.
    pub(super) streams: SocketAddr,
    /// API key that every caller sends.
    pub(super) key: Key,
}

/// An API key and its SHA-256 in hex.
#[derive(Clone, Deserialize)]
pub(super) struct Key {
    pub(super) key: String,
    pub(super) sha256: String,
}

/// A gateway that runs.
pub(super) struct Subject {
    pub(super) kind: Kind,
    pub(super) process: Process,
    /// Where its telemetry goes, if anywhere.
    pub(super) _collector: Option<Process>,
    /// Where it listens.
    pub(super) address: SocketAddr,
    /// Header line that opens it.
    pub(super) credential: String,
}

impl Kind {
    /// Name in tables.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Nginx => "nginx",
            Self::Envoy => "Envoy",
            Self::Signalbox => "Signalbox",
        }
    }

    /// Starts it in a folder of its own.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn start(self, bench: &Bench<'_>, setting: &Setting) -> Result<Subject> {
        let folder = bench.fresh_folder(&self.name().to_lowercase())?;
        match self {
            Self::Nginx => nginx::gateway(&folder, setting),
            Self::Envoy => envoy::gateway(&folder, setting),
            Self::Signalbox => signalbox::gateway(&folder, bench, setting),
        }
    }
}
