//! governor's clock, with one epoch for the whole process.

use std::sync::atomic::{AtomicBool, Ordering};

use governor::clock::Clock;
use governor::nanos::Nanos;

use crate::clock::{Instant, now};

/// Nanoseconds since one epoch.
///
/// governor keeps arrival times relative to the moment at which a limiter was built, which would make them worthless to
/// the limiter that replaces it. This clock stands at its epoch until it is released, so every limiter built on it
/// starts at the epoch, and what one has written the next can read.
#[derive(Debug)]
pub(super) struct EpochClock {
    epoch: Instant,
    released: AtomicBool,
}

impl EpochClock {
    /// A clock that stands at `epoch` until [`EpochClock::release`].
    pub(super) fn held_at(epoch: Instant) -> Self {
        Self { epoch, released: AtomicBool::new(false) }
    }

    /// Lets the clock go.
    pub(super) fn release(&self) {
        self.released.store(true, Ordering::Relaxed);
    }
}

/// Nanoseconds from `epoch` to now; enough for 584 years.
pub(super) fn since(epoch: Instant) -> u64 {
    u64::try_from(now().duration_since(epoch).as_nanos()).unwrap_or(u64::MAX)
}

impl Clock for EpochClock {
    type Instant = Nanos;

    fn now(&self) -> Nanos {
        if self.released.load(Ordering::Relaxed) { Nanos::from(since(self.epoch)) } else { Nanos::from(0) }
    }
}
