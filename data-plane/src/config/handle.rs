//! Where requests find the current state.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use arc_swap::{ArcSwap, Guard};

use super::compile::Compiled;
use super::runtime::{Agent, Plan, Runtime};
use super::streams::{EndReason, Lease, Registry};
use crate::auth::Principal;

/// Where requests find the current state. Clones are the same place.
#[derive(Clone, Debug, Default)]
pub struct Handle {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    current: ArcSwap<Runtime>,
    streams: Registry,
    configured: AtomicBool,
}

impl Handle {
    /// A place without agents, plans and keys.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// The current state, in about 10 ns. The guard must not live across an await.
    #[must_use]
    pub fn load(&self) -> Guard<Arc<Runtime>> {
        self.shared.current.load()
    }

    /// The current state, for work that takes longer than a request's first steps.
    #[must_use]
    pub fn load_full(&self) -> Arc<Runtime> {
        self.shared.current.load_full()
    }

    /// Puts an event stream on the books; it stays open as long as [`Lease::ended`] is pending. Has to be called inside
    /// a tokio runtime.
    ///
    /// # Errors
    ///
    /// What admitted the stream is gone already.
    pub fn lease(&self, agent: &Agent, plan: &Plan, principal: &Principal) -> Result<Lease, EndReason> {
        Lease::open(self, agent, plan, principal)
    }

    /// Whether any state has been loaded: from the control plane, a file or the disk.
    #[must_use]
    pub fn is_configured(&self) -> bool {
        self.shared.configured.load(Ordering::Acquire)
    }

    /// Event streams on the books.
    #[must_use]
    pub fn streams_open(&self) -> usize {
        self.shared.streams.open()
    }

    /// Swaps the state, then tells the streams that it touched. Returns the state before, for the caller to free.
    pub(super) fn swap(&self, compiled: Compiled) -> Arc<Runtime> {
        let Compiled { runtime, touched } = compiled;
        let before = self.shared.current.swap(Arc::new(runtime));
        self.shared.streams.ring(&touched);
        before
    }

    /// Notes that there is a state to serve.
    pub(super) fn set_configured(&self) {
        self.shared.configured.store(true, Ordering::Release);
    }

    pub(super) fn streams(&self) -> &Registry {
        &self.shared.streams
    }
}
