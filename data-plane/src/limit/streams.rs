//! Event streams open at once.

use std::hash::BuildHasher as _;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, PoisonError};

use foldhash::quality::RandomState;
use hashbrown::HashMap;

use super::subject::Subject;

/// Open streams by agent and caller. Bounded by the connections that the process accepts.
#[derive(Debug, Default)]
pub(super) struct OpenStreams {
    hasher: RandomState,
    counts: Mutex<HashMap<u64, u32>>,
}

/// The caller has too many streams open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{limit} event streams are open already")]
pub struct TooManyStreams {
    /// Most that may be open.
    pub limit: u32,
}

/// Counts one open stream until it is dropped, whatever happens to the plan meanwhile.
#[derive(Debug)]
pub struct StreamGuard {
    streams: Arc<OpenStreams>,
    key: u64,
}

impl OpenStreams {
    /// Streams are counted under plans without a limit too: one that comes later finds them.
    pub(super) fn open(
        self: &Arc<Self>,
        subject: &Subject<'_>,
        limit: Option<NonZeroU32>,
    ) -> Result<StreamGuard, TooManyStreams> {
        let key = self.hasher.hash_one((subject.agent, subject.consumer_or_address()));
        let mut counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        let open = counts.get(&key).copied().unwrap_or_default();
        if let Some(limit) = limit.filter(|limit| open >= limit.get()) {
            return Err(TooManyStreams { limit: limit.get() });
        }
        counts.insert(key, open.saturating_add(1));
        Ok(StreamGuard { streams: Arc::clone(self), key })
    }

    pub(super) fn total(&self) -> usize {
        let counts = self.counts.lock().unwrap_or_else(PoisonError::into_inner);
        counts.values().map(|&open| open as usize).sum()
    }
}

impl Drop for StreamGuard {
    fn drop(&mut self) {
        let mut counts = self.streams.counts.lock().unwrap_or_else(PoisonError::into_inner);
        match counts.get_mut(&self.key) {
            Some(open) if *open > 1 => *open -= 1,
            _ => {
                counts.remove(&self.key);
            }
        }
    }
}
