//! What is measured: three gateways in front of the same agents.

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result};
use clap::ValueEnum;

use super::{Bench, envoy, nginx, signalbox};
use crate::process::Process;

/// API key that every caller sends; made for the benchmark and good for nothing else.
pub(super) const KEY: &str = "sbx_benchmark0000000000000000000000000000000000000000000000000000";
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

/// Where the agents are that gateways call.
#[derive(Clone, Copy)]
pub(super) struct Agents {
    /// Agent that answers requests.
    pub(super) requests: SocketAddr,
    /// Agent that answers with event streams.
    pub(super) streams: SocketAddr,
}

/// A gateway that runs.
pub(super) struct Subject {
    pub(super) kind: Kind,
    pub(super) process: Process,
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
    pub(super) fn start(self, bench: &Bench<'_>, agents: Agents) -> Result<Subject> {
        let folder = self.folder(bench)?;
        match self {
            Self::Nginx => nginx::gateway(&folder, agents),
            Self::Envoy => envoy::gateway(&folder, agents),
            Self::Signalbox => signalbox::gateway(&folder, &bench.data_plane, agents),
        }
    }

    fn folder(self, bench: &Bench<'_>) -> Result<PathBuf> {
        let folder = bench.folder.join(self.name().to_lowercase());
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}
