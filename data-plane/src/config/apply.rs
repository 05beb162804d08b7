//! Has deltas compiled off the request path and swaps them in.

#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use signalbox_proto::model::lane::{Cursor, Lane};
use tokio::sync::Mutex;

use super::compile::{Setting, compile};
use super::handle::Handle;
use super::runtime::{Runtime, Site};
use super::stage::{Staged, StagedChanges};
use crate::auth::PEPPER_BYTES;
use crate::clock;
use crate::telemetry::{Metrics, ProcessMetrics};
use crate::upstream::tls::TlsClients;

/// The only writer of the current state. Deltas of both lanes are applied one after the other.
#[derive(Debug)]
pub struct Applier {
    handle: Handle,
    setting: Arc<Setting>,
    writing: Mutex<()>,
}

/// A delta that is enforced: every request from now on sees it.
#[derive(Clone, Copy, Debug)]
pub struct Applied {
    /// The lane.
    pub lane: Lane,
    /// Where it is now.
    pub cursor: Cursor,
    /// From the call to the swap.
    pub took: Duration,
}

/// Why a delta was not applied; the state is as it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// It does not start where the lane is.
    #[error("the delta starts at revision {from} of another state than the one held, {held}")]
    OutOfRange {
        /// Where it starts.
        from: u64,
        /// Where the lane is.
        held: u64,
    },
    /// It would take the lane back inside one history.
    #[error("the delta would go back from revision {held} to {to}")]
    GoesBack {
        /// Where the lane is.
        held: u64,
        /// Where it would be.
        to: u64,
    },
    /// Compiling it failed: a defect, not the sender's fault.
    #[error("the delta could not be compiled")]
    Defect,
}

impl Applier {
    /// An applier for the data plane at `site`; agents and plans count in `metrics`.
    #[must_use]
    pub fn new(handle: Handle, site: Site, metrics: Arc<Metrics>) -> Self {
        let setting = Setting { site, tls: TlsClients::new(), metrics };
        Self { handle, setting: Arc::new(setting), writing: Mutex::new(()) }
    }

    /// Where the data plane is.
    #[must_use]
    pub fn site(&self) -> &Site {
        &self.setting.site
    }

    /// What besides the configuration decides the state.
    pub(super) fn setting(&self) -> &Setting {
        &self.setting
    }

    /// Counters of the process.
    pub(super) fn metrics(&self) -> &ProcessMetrics {
        &self.setting.metrics.process
    }

    /// Where the state is.
    #[must_use]
    pub fn handle(&self) -> &Handle {
        &self.handle
    }

    /// The pepper of the keys held.
    #[must_use]
    pub fn pepper(&self) -> [u8; PEPPER_BYTES] {
        *self.handle.load().keys.hasher().pepper()
    }

    /// Compiles a delta on a thread of its own kind, so that neither its work nor its defects reach a request, and swaps
    /// it in. Not cancellation-safe: a dropped call may still be applied.
    ///
    /// # Errors
    ///
    /// The delta does not follow on the state, or compiling it panicked.
    pub async fn apply(&self, staged: Staged) -> Result<Applied, Refused> {
        let lane = staged.lane;
        let outcome = self.apply_uncounted(staged).await;
        match &outcome {
            Ok(applied) => {
                self.metrics().lane(lane).applied(applied.cursor.revision, applied.took);
                self.count_resources();
            }
            Err(_) => self.metrics().lane(lane).refused(),
        }
        outcome
    }

    async fn apply_uncounted(&self, staged: Staged) -> Result<Applied, Refused> {
        let _one_at_a_time = self.writing.lock().await;
        let started = clock::now();
        let previous = self.handle.load_full();
        fits(&staged, previous.cursors.of(staged.lane))?;
        let (lane, cursor) = (staged.lane, staged.to);
        let handle = self.handle.clone();
        let setting = Arc::clone(&self.setting);
        let took = off_the_path(move || {
            let compiled = compile(&previous, staged, &setting);
            drop(previous);
            let before = handle.swap(compiled);
            let took = clock::now() - started;
            // Freeing a large table takes milliseconds; here it holds up nobody.
            drop(before);
            took
        });
        let took = took.await?;
        if self.is_complete() {
            self.handle.set_configured();
        }
        Ok(Applied { lane, cursor, took })
    }

    /// Puts a whole state that was read back from disk in the place of what is held.
    pub(super) fn restore(&self, runtime: Runtime) {
        let compiled = super::Compiled { runtime, touched: super::compile::Touched::default() };
        let cursors = compiled.runtime.cursors;
        drop(self.handle.swap(compiled));
        self.handle.set_configured();
        for lane in Lane::ALL {
            self.metrics().lane(lane).loaded(cursors.of(lane).revision);
        }
        self.count_resources();
    }

    fn count_resources(&self) {
        let held = self.handle.load();
        self.metrics().agents.set(held.agents.len() as u64);
        self.metrics().keys.set(held.keys.len() as u64);
    }

    /// Whether both lanes have been heard of: a data plane that knows agents but no keys would refuse everybody.
    fn is_complete(&self) -> bool {
        let held = self.handle.load();
        Lane::ALL.iter().all(|&lane| held.cursors.of(lane) != Cursor::default())
    }
}

/// Does work on a thread where it holds up no request; a panic in it ends nothing but the work.
async fn off_the_path<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Refused> {
    tokio::task::spawn_blocking(work).await.map_err(|_| Refused::Defect)
}

fn fits(staged: &Staged, held: Cursor) -> Result<(), Refused> {
    let same_history = staged.to.epoch == held.epoch;
    if same_history && staged.to.revision < held.revision {
        return Err(Refused::GoesBack { held: held.revision, to: staged.to.revision });
    }
    let whole = staged.full && !matches!(staged.changes, StagedChanges::Keys(_));
    if whole || (same_history && staged.from == held.revision) {
        return Ok(());
    }
    Err(Refused::OutOfRange { from: staged.from, held: held.revision })
}
