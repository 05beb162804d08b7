//! How long to wait before the next attempt.

use std::time::Duration;

use rand::Rng as _;

/// Mean-less unit of the first wait: full jitter draws from zero up to this.
const FIRST: Duration = Duration::from_millis(100);

/// Longest wait.
const LONGEST: Duration = Duration::from_secs(30);

/// Longest wait after the control plane ended the stream in good order, as it does when it restarts.
const AFTER_CLEAN_END: Duration = Duration::from_secs(2);

/// Failed attempts in a row.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after one more failure: random between 0 and min(30 s, 0.1 s × 2^failures).
    pub(super) fn next(&mut self) -> Duration {
        self.failures = self.failures.saturating_add(1);
        up_to(self.limit())
    }

    /// The wait after the stream was ended in good order.
    pub(super) fn after_clean_end(&mut self) -> Duration {
        self.failures = 0;
        up_to(AFTER_CLEAN_END)
    }

    /// The wait before an attempt that is expected to go well; not zero, should it not.
    pub(super) fn briefly() -> Duration {
        up_to(FIRST)
    }

    pub(super) fn reset(&mut self) {
        self.failures = 0;
    }

    fn limit(&self) -> Duration {
        FIRST.saturating_mul(1_u32.checked_shl(self.failures).unwrap_or(u32::MAX)).min(LONGEST)
    }
}

fn up_to(limit: Duration) -> Duration {
    limit.mul_f64(rand::rng().random_range(0.0..=1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_bounded_and_their_bound_doubles() {
        let mut backoff = Backoff::default();
        let mut limits = Vec::new();
        for _ in 0..40 {
            let wait = backoff.next();
            assert!(wait <= backoff.limit());
            limits.push(backoff.limit().as_millis());
        }
        assert_eq!(limits[..4], [200, 400, 800, 1_600]);
        assert_eq!(limits[39], 30_000);
        backoff.reset();
        assert_eq!(backoff.limit(), FIRST);
        assert!(backoff.after_clean_end() <= AFTER_CLEAN_END);
    }
}
