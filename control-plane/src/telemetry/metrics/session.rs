//! What is counted for each stream of a data plane.

use std::{
    collections::HashMap,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    time::Duration,
};

use signalbox_proto::model::lane::Lane;

use super::Metrics;

/// A stream that is counted as open until this is dropped.
#[derive(Debug)]
pub struct Session {
    metrics: Arc<Metrics>,
    id: u64,
    acknowledged: Arc<[AtomicU64; 2]>,
}

/// The streams that are open, with what each has acknowledged.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<[AtomicU64; 2]>>>,
}

impl Sessions {
    pub(super) fn open(&self, metrics: &Arc<Metrics>) -> Session {
        let id = self.next.fetch_add(1, Relaxed);
        let acknowledged = Arc::<[AtomicU64; 2]>::default();
        self.with(|open| open.insert(id, Arc::clone(&acknowledged)));
        Session { metrics: Arc::clone(metrics), id, acknowledged }
    }

    pub(super) fn count(&self) -> usize {
        self.with(|open| open.len())
    }

    /// The oldest revision that some open stream stands at.
    pub(super) fn slowest(&self, lane: Lane) -> Option<u64> {
        self.with(|open| open.values().map(|acknowledged| acknowledged[lane as usize].load(Relaxed)).min())
    }

    fn with<R>(&self, act: impl FnOnce(&mut HashMap<u64, Arc<[AtomicU64; 2]>>) -> R) -> R {
        act(&mut self.open.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Session {
    /// The data plane stands at `revision`, as it said when it connected.
    pub fn at(&self, lane: Lane, revision: u64) {
        self.acknowledged[lane as usize].store(revision, Relaxed);
    }

    /// A delta was sent.
    pub fn sent(&self, lane: Lane, bytes: usize, full: bool) {
        let metrics = self.metrics.lane(lane);
        if full {
            metrics.full.increment()
        } else {
            metrics.deltas.increment()
        }
        metrics.bytes.add(bytes.try_into().unwrap_or(u64::MAX));
    }

    /// The data plane enforces `revision`. `since_commit` is the time since that was committed, if it was sent as it was
    /// committed and not to catch up.
    pub fn acknowledged(&self, lane: Lane, revision: u64, since_commit: Option<Duration>) {
        self.at(lane, revision);
        if let Some(since_commit) = since_commit {
            self.metrics.lane(lane).publish.record(since_commit);
        }
    }

    /// The data plane has refused a delta.
    pub fn refused(&self, lane: Lane) {
        self.metrics.lane(lane).nacks.increment();
    }
}

impl Drop for Session {
    fn drop(&mut self) {
        self.metrics.sessions.with(|open| open.remove(&self.id));
    }
}
