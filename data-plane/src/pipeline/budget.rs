//! How many bytes of request bodies the process holds at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes that may be buffered over the whole process; beyond it requests are refused with 503.
#[derive(Clone, Debug)]
pub(super) struct BufferBudget(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    max_bytes: u64,
    used_bytes: AtomicU64,
}

/// Bytes taken from the budget; given back on drop.
#[derive(Debug)]
pub(super) struct Reservation {
    budget: Arc<Shared>,
    bytes: u64,
}

impl BufferBudget {
    /// A budget of `max_bytes`.
    #[must_use]
    pub(super) fn new(max_bytes: u64) -> Self {
        Self(Arc::new(Shared { max_bytes, used_bytes: AtomicU64::new(0) }))
    }

    /// An empty reservation that can grow.
    #[must_use]
    pub(super) fn reserve(&self) -> Reservation {
        Reservation { budget: Arc::clone(&self.0), bytes: 0 }
    }

    /// Bytes in use now.
    #[must_use]
    pub(super) fn used_bytes(&self) -> u64 {
        self.0.used_bytes.load(Ordering::Relaxed)
    }
}

impl Reservation {
    /// Takes `more` bytes; false, and nothing taken, if the budget has too few left.
    pub(super) fn grow(&mut self, more: u64) -> bool {
        let used = self.budget.used_bytes.fetch_add(more, Ordering::Relaxed) + more;
        if used > self.budget.max_bytes {
            self.budget.used_bytes.fetch_sub(more, Ordering::Relaxed);
            return false;
        }
        self.bytes += more;
        true
    }
}

impl Drop for Reservation {
    fn drop(&mut self) {
        self.budget.used_bytes.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
