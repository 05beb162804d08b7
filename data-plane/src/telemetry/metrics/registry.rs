//! Counters by identity: found again after a config change, folded together when nobody uses them any more.

#[cfg(test)]
mod tests;

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

/// Sweeps that something unused survives, so that an agent which is taken away and put back keeps its counters.
const SWEEPS_KEPT: u32 = 10;

/// Organization and id.
type Identity = (Box<str>, Box<str>);

/// Everything of one kind that is or was counted.
#[derive(Debug)]
pub(super) struct Registry<T> {
    entries: Mutex<HashMap<Identity, Entry<T>>>,
    /// What belongs to nobody.
    pub(super) unnamed: Arc<T>,
    /// What those have counted that are gone.
    pub(super) gone: Arc<T>,
    absorb: fn(&T, &T),
}

#[derive(Debug)]
struct Entry<T> {
    metrics: Arc<T>,
    unused_sweeps: u32,
}

impl<T> Registry<T> {
    pub(super) fn new(unnamed: T, gone: T, absorb: fn(&T, &T)) -> Self {
        Self { entries: Mutex::default(), unnamed: Arc::new(unnamed), gone: Arc::new(gone), absorb }
    }

    /// The counters of this identity, made when it is new.
    pub(super) fn get(&self, organization: &str, id: &str, make: impl FnOnce() -> T) -> Arc<T> {
        let mut entries = self.lock();
        let entry = entries
            .entry((organization.into(), id.into()))
            .or_insert_with(|| Entry { metrics: Arc::new(make()), unused_sweeps: 0 });
        Arc::clone(&entry.metrics)
    }

    /// Everything that has counters, by identity; what belongs to nobody and what is gone come last.
    pub(super) fn all(&self) -> Vec<Arc<T>> {
        let entries = self.lock();
        let mut found: Vec<_> = entries.iter().map(|(identity, entry)| (identity, &entry.metrics)).collect();
        found.sort_unstable_by_key(|(identity, _)| *identity);
        let named = found.into_iter().map(|(_, metrics)| metrics);
        named.chain([&self.unnamed, &self.gone]).map(Arc::clone).collect()
    }

    /// Folds what neither the config nor a stream has used for [`SWEEPS_KEPT`] sweeps.
    pub(super) fn sweep(&self) {
        self.lock().retain(|_, entry| {
            // Handles are given out under this lock only: a count of one stays one.
            if Arc::strong_count(&entry.metrics) > 1 {
                entry.unused_sweeps = 0;
                return true;
            }
            entry.unused_sweeps += 1;
            let keep = entry.unused_sweeps < SWEEPS_KEPT;
            if !keep {
                (self.absorb)(&self.gone, &entry.metrics);
            }
            keep
        });
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Identity, Entry<T>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
