//! Where the buckets of one limit live.

#[cfg(test)]
mod tests;

use std::hash::{BuildHasher as _, BuildHasherDefault, Hash, Hasher};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use foldhash::quality::RandomState;
use governor::nanos::Nanos;
use governor::state::StateStore;
use hashbrown::HashMap;

/// Most buckets of one limit, in subjects (`rate_limit_keys`). Beyond that the ones nearest to full are forgotten.
pub const MAX_KEYS: usize = 1 << 16;

const SHARDS: usize = 8;

/// Share of a shard that is forgotten when it is full, so that the search for victims is paid by many inserts.
const EVICTED_FRACTION: usize = 8;

/// Theoretical arrival times by hashed subject. A lock is held for some 20 ns and protects one of eight parts.
#[derive(Debug)]
pub struct Buckets {
    hasher: RandomState,
    shards: [Mutex<Shard>; SHARDS],
    capacity: usize,
}

type Shard = HashMap<u64, u64, BuildHasherDefault<Identity>>;

/// The keys are hashes already.
#[derive(Clone, Copy, Debug, Default)]
struct Identity(u64);

impl Hasher for Identity {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}

impl Default for Buckets {
    fn default() -> Self {
        Self::with_capacity(MAX_KEYS)
    }
}

impl Buckets {
    /// Room for about `capacity` buckets; nothing is allocated yet.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            hasher: RandomState::default(),
            shards: std::array::from_fn(|_| Mutex::default()),
            capacity: (capacity / SHARDS).max(1),
        }
    }

    /// The key of a subject, hashed with a seed that callers cannot know.
    pub(super) fn key(&self, subject: &impl Hash) -> u64 {
        self.hasher.hash_one(subject)
    }

    /// Gives back what one request took.
    pub(super) fn refund(&self, key: u64, weight: Duration) {
        if let Some(tat) = self.shard(key).get_mut(&key) {
            *tat = tat.saturating_sub(u64::try_from(weight.as_nanos()).unwrap_or(u64::MAX));
        }
    }

    /// Forgets buckets that are full at `now`, which loses nothing, and returns their memory.
    pub fn sweep(&self, now: Duration) {
        let now = u64::try_from(now.as_nanos()).unwrap_or(u64::MAX);
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, tat| *tat > now);
            let len = shard.len();
            if shard.capacity() > 4 * len.max(16) {
                shard.shrink_to(2 * len);
            }
        }
    }

    /// Number of buckets held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| shard.lock().unwrap_or_else(PoisonError::into_inner).len()).sum()
    }

    /// Whether no bucket is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn shard(&self, key: u64) -> MutexGuard<'_, Shard> {
        // Bits that the map inside uses neither for its position nor for its tag.
        let at = usize::try_from(key >> 40).unwrap_or_default() % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the buckets with the earliest arrival times: first those that are full, then those nearest to it. Somebody
/// who has spent a limit is the last to be forgotten, however many subjects an attacker invents.
fn evict(shard: &mut Shard) {
    let mut times: Vec<u64> = shard.values().copied().collect();
    let victims = (times.len() / EVICTED_FRACTION).max(1);
    let (_, &mut latest, _) = times.select_nth_unstable(victims - 1);
    let mut left = victims;
    shard.retain(|_, tat| {
        let goes = left > 0 && *tat <= latest;
        left -= usize::from(goes);
        !goes
    });
}

impl StateStore for &Buckets {
    type Key = u64;

    fn measure_and_replace<T, F, E>(&self, key: &u64, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut shard = self.shard(*key);
        if let Some(tat) = shard.get_mut(key) {
            let (outcome, next) = decide(Some(Nanos::new(*tat)))?;
            *tat = next.as_u64();
            return Ok(outcome);
        }
        let (outcome, next) = decide(None)?;
        if shard.len() >= self.capacity {
            evict(&mut shard);
        }
        shard.insert(*key, next.as_u64());
        Ok(outcome)
    }
}
