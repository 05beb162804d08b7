//! What has been spent of every limit: governor's state, kept by us so that it outlives the limiters.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::sync::{Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;

use super::clock::since;
use super::identity::{Identities, Identity};
use crate::clock::{Instant, now};

/// Locks that share the buckets; a power of two.
const SHARDS: usize = 64;

/// Buckets looked at to find one to give up when a shard is full of buckets in use.
const EVICTION_SAMPLE: usize = 16;

/// The arrival times of every bucket of the process, at most `max_buckets` of them.
///
/// A bucket that has recovered fully is as good as none and is given up first. If a shard is full of buckets in use,
/// the least spent of a sample goes: whoever floods the table with addresses loses nothing but precision.
#[derive(Debug)]
pub struct States {
    pub(super) epoch: Instant,
    pub(super) identities: Identities,
    shards: Box<[Mutex<Shard>]>,
    max_per_shard: usize,
}

type Shard = HashMap<Identity, u64, BuildHasherDefault<Unhashed>>;

impl States {
    /// Default of `max_buckets`: about 40 MB when full.
    pub const DEFAULT_MAX_BUCKETS: usize = 1 << 20;

    /// An empty table.
    #[must_use]
    pub fn new(max_buckets: usize) -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self {
            epoch: now(),
            identities: Identities::new(),
            shards,
            max_per_shard: (max_buckets / SHARDS).max(1),
        }
    }

    /// Number of buckets held.
    #[must_use]
    pub fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// Whether no bucket is held.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Gives up buckets that have recovered. To be called now and then; work is O(buckets), one shard at a time.
    pub fn sweep(&self) {
        let now = since(self.epoch);
        for shard in &self.shards {
            let mut shard = lock(shard);
            shard.retain(|_, arrival| *arrival > now);
            if shard.capacity() > shard.len() * 4 {
                shard.shrink_to_fit();
            }
        }
    }

    fn shard(&self, identity: Identity) -> MutexGuard<'_, Shard> {
        // The hash map uses the low bits; the shard is chosen by others.
        let index = usize::try_from(identity.0 >> 120).unwrap_or(0) % SHARDS;
        lock(&self.shards[index])
    }

    fn make_room(&self, shard: &mut Shard) {
        if shard.len() < self.max_per_shard {
            return;
        }
        let now = since(self.epoch);
        let sample = shard.iter().take(EVICTION_SAMPLE).min_by_key(|(_, arrival)| **arrival);
        if let Some((&victim, &arrival)) = sample {
            if arrival <= now {
                shard.retain(|_, arrival| *arrival > now);
            } else {
                shard.remove(&victim);
            }
        }
    }
}

/// The part of a limiter that governor calls: the shared table, seen through one limit's capacity.
#[derive(Debug)]
pub(super) struct View {
    pub(super) states: std::sync::Arc<States>,
    /// Time in which an empty bucket of this limit fills.
    pub(super) capacity_nanos: u64,
}

impl StateStore for View {
    type Key = Identity;

    fn measure_and_replace<T, F, E>(&self, key: &Identity, f: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        // Under an older, slower rate the bucket may be in debt for longer than this limit can ever be: forgive the
        // rest for good, since a refusal writes nothing back.
        let emptiest = since(self.states.epoch).saturating_add(self.capacity_nanos);
        let mut shard = self.states.shard(*key);
        if let Some(arrival) = shard.get_mut(key) {
            *arrival = (*arrival).min(emptiest);
            let (outcome, next) = f(Some(Nanos::from(*arrival)))?;
            *arrival = next.as_u64();
            return Ok(outcome);
        }
        let (outcome, next) = f(None)?;
        self.states.make_room(&mut shard);
        shard.insert(*key, next.as_u64());
        Ok(outcome)
    }
}

/// Takes the low half of an identity, which is a keyed hash already.
#[derive(Debug, Default)]
pub(super) struct Unhashed(u64);

impl std::hash::Hasher for Unhashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for chunk in bytes.chunks(8) {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            self.0 ^= u64::from_le_bytes(word);
        }
    }

    fn write_u128(&mut self, identity: u128) {
        #[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
        let low = identity as u64;
        self.0 = low;
    }
}

/// A panic while a shard is locked leaves it whole: values are replaced in one assignment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
