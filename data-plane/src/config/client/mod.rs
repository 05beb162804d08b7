//! The data plane's side of the discovery stream.
//!
//! One stream at a time, to any of the control plane's addresses. It says which cursors it holds, applies what changed
//! since, acknowledges what is enforced and refuses, with reasons, what cannot be. Whatever goes wrong ends the stream
//! and nothing else: the last good state serves on, and the next attempt waits a random time that grows with failures.

mod assemble;
mod backoff;
mod error;
mod session;
#[cfg(test)]
mod tests;
mod transport;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;

use self::backoff::Backoff;
pub use self::error::StreamError;
use self::session::Session;
pub use self::transport::Transport;
use super::apply::Applier;
use super::cache::Cache;
use super::chain::chain;
use crate::settings::ControlPlaneAddress;

/// Life of a stream after which failures before it no longer count.
const SETTLED: Duration = Duration::from_secs(10);

/// What a data plane says of itself.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Its id.
    pub id: String,
    /// Changes with each start of the process.
    pub boot_id: String,
}

impl Identity {
    /// An identity for this run of the process.
    #[must_use]
    pub fn new(id: String) -> Self {
        Self { id, boot_id: format!("{:016x}", rand::rng().random::<u64>()) }
    }
}

/// Says whether the process is ready, for the status that the control plane shows.
pub type IsReady = Arc<dyn Fn() -> bool + Send + Sync>;

/// Keeps the configuration as the control plane has it.
pub struct Client {
    /// Where deltas go.
    pub applier: Arc<Applier>,
    /// Where the last good state is kept.
    pub cache: Option<Cache>,
    /// Who this is.
    pub identity: Identity,
    /// Addresses of the control plane.
    pub addresses: Vec<ControlPlaneAddress>,
    /// How to connect to one.
    pub transport: Transport,
    /// File that holds the token; read at each attempt, so that it can be replaced.
    pub token_file: PathBuf,
    /// Whether the process is ready.
    pub is_ready: IsReady,
}

impl std::fmt::Debug for Client {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Client").field("identity", &self.identity).finish_non_exhaustive()
    }
}

impl Client {
    /// Runs until it is dropped.
    pub async fn run(self) {
        let mut backoff = Backoff::default();
        // Where to begin is random, so that a fleet spreads over the addresses.
        let mut turn: usize = rand::rng().random_range(0..self.addresses.len().max(1));
        let mut keep_credentials = true;
        loop {
            let Some(address) = self.addresses.get(turn % self.addresses.len().max(1)) else { return };
            let mut session = Session::new(&self, keep_credentials);
            let ended = session.run(address).await;
            self.connected(false);
            // Two data planes of one id take over from each other: a short life is a failure, too.
            if session.lasted() >= SETTLED {
                backoff.reset();
            }
            keep_credentials = !matches!(ended, StreamError::PepperChanged);
            let pause = match ended {
                StreamError::PepperChanged => Backoff::briefly(),
                StreamError::Closed if session.was_welcomed() => backoff.after_clean_end(),
                _ => {
                    turn = turn.wrapping_add(1);
                    backoff.next()
                }
            };
            tracing::warn!(
                control_plane = %address,
                retry_in_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
                "no stream to the control plane, the last good state serves on: {}",
                chain(&ended)
            );
            tokio::time::sleep(pause).await;
        }
    }

    fn connected(&self, connected: bool) {
        self.applier.metrics().control_plane_connected.set(u64::from(connected));
    }
}
