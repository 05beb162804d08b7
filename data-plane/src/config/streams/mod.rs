//! Event streams that are open, and how they learn that they have to end.
//!
//! A push does not decide about streams: it tells those whose agent, plan or key it touched to look again, and each
//! compares itself with the current state. So there is one rule for what ends a stream, a stream that opens while a push
//! arrives cannot slip through, and streams that a push does not touch never notice it.

mod lease;
#[cfg(test)]
mod tests;

pub use lease::{EndReason, Lease};

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::task::AtomicWaker;
use hashbrown::HashMap;

use super::compile::Touched;

/// One open stream, as pushes see it.
#[derive(Debug, Default)]
struct Bell {
    rung: AtomicBool,
    waker: AtomicWaker,
}

impl Bell {
    fn ring(&self) {
        self.rung.store(true, Ordering::Release);
        self.waker.wake();
    }
}

/// Streams that hang from one resource, by their number.
type Bells = HashMap<u64, Arc<Bell>>;

/// Open streams by the names of their agent, plan and key. Some 300 bytes a stream, nothing for keys without one.
#[derive(Debug, Default)]
pub(super) struct Registry {
    next: AtomicU64,
    by_name: Mutex<HashMap<Arc<str>, Bells>>,
}

impl Registry {
    /// Rings every stream that hangs from one of these resources.
    pub(super) fn ring(&self, touched: &Touched) {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let named = touched.names.iter().filter_map(|name| by_name.get(name));
        let is_key = |name: &str| touched.all_keys && name.contains("/apiKeys/");
        let keys = by_name.iter().filter(|(name, _)| is_key(name)).map(|(_, bells)| bells);
        for bell in named.chain(keys).flat_map(Bells::values) {
            bell.ring();
        }
    }

    /// Streams that are open.
    pub(super) fn open(&self) -> usize {
        let by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        let agents = by_name.iter().filter(|(name, _)| name.contains("/agents/"));
        agents.map(|(_, bells)| bells.len()).sum()
    }

    fn enter(&self, names: &[Arc<str>]) -> (u64, Arc<Bell>) {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let bell = Arc::new(Bell::default());
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            by_name.entry(Arc::clone(name)).or_default().insert(number, Arc::clone(&bell));
        }
        (number, bell)
    }

    fn leave(&self, names: &[Arc<str>], number: u64) {
        let mut by_name = self.by_name.lock().unwrap_or_else(PoisonError::into_inner);
        for name in names {
            if let Some(bells) = by_name.get_mut(name) {
                bells.remove(&number);
                if bells.is_empty() {
                    by_name.remove(name);
                }
            }
        }
    }
}
