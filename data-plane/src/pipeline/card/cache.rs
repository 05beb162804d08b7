//! Cards that are ready to serve: single flight, stale served while refetching, bounded.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

/// Most cards held; beyond it the oldest goes. Keys contain only what operators and trusted proxies choose.
const MAX_ENTRIES: usize = 8192;

/// Age from which a card is fetched again, while the old one is still served.
const FRESH: Duration = Duration::from_secs(30);

/// Age from which an old card is no longer served.
const STALE: Duration = Duration::from_secs(3600);

/// Time for which a failed fetch is answered without trying again.
const FAILED: Duration = Duration::from_secs(1);

/// A cache of `V` by `K`, filled by fetches that may fail with `E`.
#[derive(Debug)]
pub(in crate::pipeline) struct Cache<K, V, E> {
    entries: Mutex<HashMap<K, Arc<Entry<V, E>>>>,
}

#[derive(Debug)]
struct Entry<V, E> {
    /// Held by the one task that fetches.
    flight: tokio::sync::Mutex<()>,
    held: Mutex<Held<V, E>>,
    created: Instant,
}

#[derive(Debug)]
struct Held<V, E> {
    value: Option<(Arc<V>, Instant)>,
    failure: Option<(E, Instant)>,
}

/// What an entry holds now.
enum Found<V, E> {
    Fresh(Arc<V>),
    Stale(Arc<V>),
    Failed(E),
    Nothing,
}

impl<K, V, E> Cache<K, V, E>
where
    K: Eq + Hash + Clone,
    V: Send + Sync + 'static,
    E: Clone + Send + 'static,
{
    /// An empty cache.
    #[must_use]
    pub(in crate::pipeline) fn new() -> Self {
        Self { entries: Mutex::new(HashMap::new()) }
    }

    /// The value of `key`, fetched by `fetch` if there is none. An old one is served while one task fetches anew.
    ///
    /// # Errors
    ///
    /// What `fetch` failed with, if there is no value that may still be served.
    pub(in crate::pipeline) async fn get<F>(&self, key: &K, fetch: F) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let entry = self.entry(key);
        match entry.look() {
            Found::Fresh(value) => return Ok(value),
            Found::Failed(error) => return Err(error),
            Found::Stale(value) => {
                tokio::spawn(async move {
                    if let Ok(_flight) = entry.flight.try_lock() {
                        // Whoever asks next sees what became of it.
                        let _ = entry.fill(fetch.await);
                    }
                });
                return Ok(value);
            }
            Found::Nothing => {}
        }
        let _flight = entry.flight.lock().await;
        match entry.look() {
            Found::Fresh(value) | Found::Stale(value) => Ok(value),
            Found::Failed(error) => Err(error),
            Found::Nothing => entry.fill(fetch.await),
        }
    }

    fn entry(&self, key: &K) -> Arc<Entry<V, E>> {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.get(key) {
            return Arc::clone(entry);
        }
        if entries.len() >= MAX_ENTRIES {
            let oldest = entries.iter().min_by_key(|(_, entry)| entry.created).map(|(key, _)| key.clone());
            if let Some(oldest) = oldest {
                entries.remove(&oldest);
            }
        }
        let entry = Arc::new(Entry {
            flight: tokio::sync::Mutex::new(()),
            held: Mutex::new(Held { value: None, failure: None }),
            created: Instant::now(),
        });
        entries.insert(key.clone(), Arc::clone(&entry));
        entry
    }
}

impl<V, E: Clone> Entry<V, E> {
    fn look(&self) -> Found<V, E> {
        let held = lock(&self.held);
        match (&held.value, &held.failure) {
            (Some((value, at)), _) if at.elapsed() < FRESH => Found::Fresh(Arc::clone(value)),
            // A failed refetch holds the next one back, not the old card.
            (Some((value, at)), Some((_, failed))) if at.elapsed() < STALE && failed.elapsed() < FAILED => {
                Found::Fresh(Arc::clone(value))
            }
            (Some((value, at)), _) if at.elapsed() < STALE => Found::Stale(Arc::clone(value)),
            (_, Some((error, at))) if at.elapsed() < FAILED => Found::Failed(error.clone()),
            _ => Found::Nothing,
        }
    }

    fn fill(&self, fetched: Result<V, E>) -> Result<Arc<V>, E> {
        let mut held = lock(&self.held);
        match fetched {
            Ok(value) => {
                let value = Arc::new(value);
                *held = Held { value: Some((Arc::clone(&value), Instant::now())), failure: None };
                Ok(value)
            }
            Err(error) => {
                held.failure = Some((error.clone(), Instant::now()));
                Err(error)
            }
        }
    }
}

/// A panic while one of these is held leaves a whole value behind: they are only replaced, never edited.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
