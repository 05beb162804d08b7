//! When a refused delta is sent again.

use std::time::Duration;

/// First pause after a refusal.
pub const FIRST: Duration = Duration::from_secs(1);
/// Longest pause.
pub const LONGEST: Duration = Duration::from_secs(5 * 60);

/// Pauses that double from 1 s to 5 min.
#[derive(Clone, Copy, Debug)]
pub struct Backoff {
    next: Duration,
}

impl Default for Backoff {
    fn default() -> Self {
        Self { next: FIRST }
    }
}

impl Backoff {
    /// The pause to make now; the next one is twice as long.
    pub fn pause(&mut self) -> Duration {
        let pause = self.next;
        self.next = (pause * 2).min(LONGEST);
        pause
    }

    /// Begins again at the shortest.
    pub fn reset(&mut self) {
        *self = Self::default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest() {
        let mut backoff = Backoff::default();
        let seconds: Vec<u64> = (0..11).map(|_| backoff.pause().as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300]);
        backoff.reset();
        assert_eq!(backoff.pause(), FIRST);
    }
}
