//! How many event streams are open at once.

use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::identity::{Identities, Identity};
use super::subject::Subject;

/// Counts of open event streams by plan, agent and consumer. Entries exist only while streams are open, so their
/// number is bounded by the connections.
#[derive(Debug)]
pub struct OpenStreams {
    identities: Identities,
    counts: Mutex<HashMap<Identity, u32>>,
}

/// One open stream; counts until it is dropped.
#[derive(Debug)]
pub struct StreamGuard {
    streams: Arc<OpenStreams>,
    identity: Identity,
}

impl Default for OpenStreams {
    fn default() -> Self {
        Self { identities: Identities::new(), counts: Mutex::default() }
    }
}

impl OpenStreams {
    /// Counts one more stream, unless `max` are open already.
    #[must_use]
    pub fn open(
        self: &Arc<Self>,
        plan: &str,
        agent: &str,
        subject: &Subject<'_>,
        max: Option<NonZeroU32>,
    ) -> Option<StreamGuard> {
        let identity = self.identities.of((plan, agent, subject.by_consumer()));
        let mut counts = self.lock();
        let count = counts.entry(identity).or_default();
        if max.is_some_and(|max| *count >= max.get()) {
            return None;
        }
        *count += 1;
        drop(counts);
        Some(StreamGuard { streams: Arc::clone(self), identity })
    }

    /// Streams that are open now.
    #[must_use]
    pub fn total(&self) -> u64 {
        self.lock().values().map(|&count| u64::from(count)).sum()
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, u32>> {
        // A panic cannot leave a count half changed.
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        let mut counts = self.streams.lock();
        if let Some(count) = counts.get_mut(&self.identity) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.identity);
            }
        }
    }
}
