//! Orderly shutdown.
//!
//! Readiness fails first, so that load balancers look elsewhere while the data plane still serves all. Then it stops
//! accepting, and connections close after their exchange. Streams may go on until the deadline; those still open then
//! end with the error of their binding. At last the process exits.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;

/// How far the shutdown has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// No shutdown.
    Serving,
    /// Readiness fails; everything is served.
    NotReady,
    /// Nothing is accepted; connections close after their exchange; streams go on.
    Closing,
    /// Streams have been told to end.
    Ending,
    /// Nothing is left, or its time is over.
    Done,
}

/// Times of the shutdown.
#[derive(Debug, Clone)]
pub struct DrainSettings {
    /// From failing readiness until nothing is accepted.
    pub delay: Duration,
    /// From then until streams end with an error.
    pub deadline: Duration,
    /// From then until the process exits whatever is still open.
    pub end_timeout: Duration,
}

impl Default for DrainSettings {
    fn default() -> Self {
        Self {
            delay: Duration::from_secs(5),
            deadline: Duration::from_secs(30),
            end_timeout: Duration::from_secs(5),
        }
    }
}

/// The shutdown as everybody sees it; clones share it.
#[derive(Debug, Clone)]
pub struct Drain {
    phase: Arc<watch::Sender<Phase>>,
}

impl Default for Drain {
    fn default() -> Self {
        Self::new()
    }
}

impl Drain {
    /// Serving.
    pub fn new() -> Self {
        Self { phase: Arc::new(watch::Sender::new(Phase::Serving)) }
    }

    /// How far it has come.
    pub fn phase(&self) -> Phase {
        *self.phase.borrow()
    }

    /// Waits until it has come at least this far. Cancellation safe.
    pub async fn reached(&self, phase: Phase) {
        let mut phases = self.phase.subscribe();
        // The sender lives as long as self.
        let _ = phases.wait_for(|now| *now >= phase).await;
    }

    /// Runs the shutdown to its end.
    ///
    /// `close` stops accepting and asks connections to close after their exchange; `end_streams` ends the streams that
    /// are open; `idle` waits until no connection is left.
    pub async fn run(
        &self,
        settings: &DrainSettings,
        close: impl FnOnce(),
        end_streams: impl FnOnce(),
        idle: impl AsyncFn(),
    ) {
        self.enter(Phase::NotReady);
        tokio::time::sleep(settings.delay).await;
        self.enter(Phase::Closing);
        close();
        if tokio::time::timeout(settings.deadline, idle()).await.is_err() {
            self.enter(Phase::Ending);
            end_streams();
            if tokio::time::timeout(settings.end_timeout, idle()).await.is_err() {
                tracing::warn!("connections were still open at the end of the shutdown");
            }
        }
        self.enter(Phase::Done);
    }

    fn enter(&self, phase: Phase) {
        tracing::info!(?phase, "shutdown");
        self.phase.send_replace(phase);
    }
}

#[cfg(test)]
mod tests;
