//! Cards that are ready to serve: single flight, stale served while refetching, bounded.

use std::collections::HashMap;
use std::future::Future;
use std::hash::Hash;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::OwnedMutexGuard;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::a2a::card::DEFAULT_FRESH;

/// Most cards held. Trusted proxies may pass on hosts that callers choose, and hosts are part of the key.
const MAX_ENTRIES: usize = 8192;

/// Most bytes of cards held.
const MAX_BYTES: usize = 64 * 1024 * 1024;

/// Share of the cache that is given up, oldest first, when it is full, so that many new cards pay for one search.
const EVICTED_FRACTION: usize = 8;

/// Age from which an old card is no longer served.
const STALE: Duration = Duration::from_secs(3600);

/// Time for which a failed fetch is answered without trying again.
const FAILED: Duration = Duration::from_secs(1);

/// What the cache has to know of a value.
pub(in crate::pipeline) trait Cached {
    /// Bytes of memory that it takes.
    fn bytes(&self) -> usize;

    /// Age from which it is fetched again, while the old one is still served.
    fn fresh_for(&self) -> Duration {
        DEFAULT_FRESH
    }
}

/// A cache of `V` by `K`, filled by fetches that may fail with `E`.
#[derive(Debug)]
pub(in crate::pipeline) struct Cache<K, V: Cached, E> {
    entries: Mutex<HashMap<K, Arc<Entry<V, E>>>>,
    /// Of all values held.
    bytes: Arc<AtomicUsize>,
    max_bytes: usize,
}

#[derive(Debug)]
struct Entry<V: Cached, E> {
    /// Held by the one task that fetches.
    flight: Arc<tokio::sync::Mutex<()>>,
    held: Mutex<Held<V, E>>,
    created: Instant,
    /// Of all values of the cache.
    bytes: Arc<AtomicUsize>,
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
    V: Cached + Send + Sync + 'static,
    E: Clone + Send + 'static,
{
    /// An empty cache.
    #[must_use]
    pub(in crate::pipeline) fn new() -> Self {
        Self { entries: Mutex::default(), bytes: Arc::default(), max_bytes: MAX_BYTES }
    }

    /// Forgets what may no longer be served.
    pub(in crate::pipeline) fn sweep(&self) {
        let gone: Vec<_> = {
            let mut entries = lock(&self.entries);
            entries.extract_if(|_, entry| entry.is_worthless()).collect()
        };
        drop(gone);
    }

    /// The value of `key`, fetched by `fetch` if there is none. An old one is served while one task fetches anew; that
    /// fetch gets to see it.
    ///
    /// Cancellation leaves a fetch under way to whoever asks next: impatient callers do not keep a slow agent's card
    /// from ever arriving.
    ///
    /// # Errors
    ///
    /// What `fetch` failed with, if there is no value that may still be served.
    pub(in crate::pipeline) async fn get<F>(
        &self,
        key: &K,
        fetch: impl FnOnce(Option<Arc<V>>) -> F,
    ) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let entry = self.entry(key);
        match entry.look() {
            Found::Fresh(value) => Ok(value),
            Found::Failed(error) => Err(error),
            Found::Stale(value) => {
                let fetch = fetch(Some(Arc::clone(&value)));
                tokio::spawn(async move {
                    if let Ok(_flight) = entry.flight.try_lock()
                        && matches!(entry.look(), Found::Stale(_))
                    {
                        // Whoever asks next sees what became of it.
                        let _ = entry.fill(fetch.await);
                    }
                });
                Ok(value)
            }
            Found::Nothing => Self::fetch(entry, fetch).await,
        }
    }

    /// Like `get`, but waits for the fetch where the value is old; if that fails, the old one is still good.
    ///
    /// # Errors
    ///
    /// What `fetch` failed with, if there is no value that may still be served.
    pub(in crate::pipeline) async fn get_current<F>(
        &self,
        key: &K,
        fetch: impl FnOnce(Option<Arc<V>>) -> F,
    ) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let entry = self.entry(key);
        match entry.look() {
            Found::Fresh(value) => Ok(value),
            Found::Failed(error) => Err(error),
            Found::Stale(old) => Ok(Self::fetch(entry, fetch).await.unwrap_or(old)),
            Found::Nothing => Self::fetch(entry, fetch).await,
        }
    }

    /// Waits for a fetch under way, or starts one.
    async fn fetch<F>(entry: Arc<Entry<V, E>>, fetch: impl FnOnce(Option<Arc<V>>) -> F) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<V, E>> + Send + 'static,
    {
        let flight = Arc::clone(&entry.flight).lock_owned().await;
        match entry.look() {
            Found::Fresh(value) => Ok(value),
            Found::Failed(error) => Err(error),
            Found::Stale(_) | Found::Nothing => {
                let fetch = fetch(entry.held());
                finish(tokio::spawn(entry.fill_by(fetch, flight))).await
            }
        }
    }

    fn entry(&self, key: &K) -> Arc<Entry<V, E>> {
        let mut entries = lock(&self.entries);
        if let Some(entry) = entries.get(key) {
            return Arc::clone(entry);
        }
        let evicted = self.make_room(&mut entries);
        let entry = Arc::new(Entry {
            flight: Arc::default(),
            held: Mutex::new(Held { value: None, failure: None }),
            created: Instant::now(),
            bytes: Arc::clone(&self.bytes),
        });
        entries.insert(key.clone(), Arc::clone(&entry));
        drop(entries);
        drop(evicted);
        entry
    }

    /// Takes the oldest entries out of a cache that is full, for the caller to free.
    fn make_room(&self, entries: &mut HashMap<K, Arc<Entry<V, E>>>) -> Vec<Arc<Entry<V, E>>> {
        let used = self.bytes.load(Ordering::Relaxed);
        if entries.len() < MAX_ENTRIES && used < self.max_bytes {
            return Vec::new();
        }
        let mut by_age: Vec<(Instant, K)> =
            entries.iter().map(|(key, entry)| (entry.created, key.clone())).collect();
        by_age.sort_unstable_by_key(|(created, _)| *created);
        let entries_wanted = MAX_ENTRIES - MAX_ENTRIES / EVICTED_FRACTION;
        let bytes_wanted = self.max_bytes - self.max_bytes / EVICTED_FRACTION;
        let (mut evicted, mut left) = (Vec::new(), used);
        for (_, key) in by_age {
            if entries.len() <= entries_wanted && left <= bytes_wanted {
                break;
            }
            let Some(entry) = entries.remove(&key) else { continue };
            left = left.saturating_sub(lock(&entry.held).bytes());
            evicted.push(entry);
        }
        evicted
    }
}

impl<V: Cached, E> Held<V, E> {
    fn bytes(&self) -> usize {
        self.value.as_ref().map_or(0, |(value, _)| value.bytes())
    }
}

impl<V: Cached, E> Drop for Entry<V, E> {
    fn drop(&mut self) {
        self.bytes.fetch_sub(lock(&self.held).bytes(), Ordering::Relaxed);
    }
}

impl<V: Cached, E: Clone> Entry<V, E> {
    /// The value, however old: a fetch may find that it still holds.
    fn held(&self) -> Option<Arc<V>> {
        lock(&self.held).value.as_ref().map(|(value, _)| Arc::clone(value))
    }

    fn look(&self) -> Found<V, E> {
        let held = lock(&self.held);
        match (&held.value, &held.failure) {
            (Some((value, at)), _) if at.elapsed() < value.fresh_for() => Found::Fresh(Arc::clone(value)),
            // A failed refetch holds the next one back, not the old card.
            (Some((value, at)), Some((_, failed))) if at.elapsed() < STALE && failed.elapsed() < FAILED => {
                Found::Fresh(Arc::clone(value))
            }
            (Some((value, at)), _) if at.elapsed() < STALE => Found::Stale(Arc::clone(value)),
            (_, Some((error, at))) if at.elapsed() < FAILED => Found::Failed(error.clone()),
            _ => Found::Nothing,
        }
    }

    /// Whether whoever asks would have to wait for a fetch anyway.
    fn is_worthless(&self) -> bool {
        let is_in_use = self.flight.try_lock().is_err();
        !is_in_use && matches!(self.look(), Found::Nothing)
    }

    async fn fill_by<F>(self: Arc<Self>, fetch: F, flight: OwnedMutexGuard<()>) -> Result<Arc<V>, E>
    where
        F: Future<Output = Result<V, E>>,
    {
        let outcome = self.fill(fetch.await);
        drop(flight);
        outcome
    }

    fn fill(&self, fetched: Result<V, E>) -> Result<Arc<V>, E> {
        let mut held = lock(&self.held);
        match fetched {
            Ok(value) => {
                self.bytes.fetch_add(value.bytes(), Ordering::Relaxed);
                self.bytes.fetch_sub(held.bytes(), Ordering::Relaxed);
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

/// What a task of this cache's came to. Its panic is its caller's; a runtime that shuts down answers nobody.
async fn finish<T>(task: JoinHandle<T>) -> T {
    match task.await {
        Ok(outcome) => outcome,
        Err(error) => match error.try_into_panic() {
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => std::future::pending().await,
        },
    }
}

/// A panic while one of these is held leaves a whole value behind: they are only replaced, never edited.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
