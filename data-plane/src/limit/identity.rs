//! Identities of what is counted, as 128 bits.

use std::hash::{BuildHasher as _, Hash};

use foldhash::quality::FixedState;

/// Hashes identities with a key of this process, so that nobody outside can find two that collide.
#[derive(Debug)]
pub(super) struct Identities {
    low: FixedState,
    high: FixedState,
}

/// What a count is kept by. 128 keyed bits stand for the names themselves: no allocation, a fixed size.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Identity(pub(super) u128);

impl Identities {
    pub(super) fn new() -> Self {
        Self { low: FixedState::with_seed(rand::random()), high: FixedState::with_seed(rand::random()) }
    }

    pub(super) fn of(&self, parts: impl Hash + Copy) -> Identity {
        let low = u128::from(self.low.hash_one(parts));
        let high = u128::from(self.high.hash_one(parts));
        Identity(high << 64 | low)
    }
}
