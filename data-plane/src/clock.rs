//! The only reader of time.
//!
//! Everything else takes its instants from here, so that tests with a paused runtime clock control every timer, and so
//! that one place decides which clock measures what: [`Instant`] for durations, [`unix_time`] for what people read.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A point on the runtime's monotonic clock; follows tokio's paused time in tests.
pub use tokio::time::Instant;

/// The current instant. About 20 ns.
pub fn now() -> Instant {
    Instant::now()
}

/// The wall clock. May jump; use it only for what leaves the process (logs, expiry dates, certificates).
pub fn system_now() -> SystemTime {
    SystemTime::now()
}

/// Time since the Unix epoch by the wall clock; zero if the clock stands before it.
pub fn unix_time() -> Duration {
    system_now().duration_since(UNIX_EPOCH).unwrap_or_default()
}

/// Whole seconds since the Unix epoch by the wall clock.
pub fn unix_seconds() -> u64 {
    unix_time().as_secs()
}

/// Milliseconds since the Unix epoch by the wall clock.
pub fn unix_milliseconds() -> u64 {
    u64::try_from(unix_time().as_millis()).unwrap_or(u64::MAX)
}

/// Nanoseconds since the Unix epoch by the wall clock; enough until the year 2554.
pub fn unix_nanoseconds() -> u64 {
    u64::try_from(unix_time().as_nanos()).unwrap_or(u64::MAX)
}

/// An instant so far away that no timer armed for it fires in the life of the process.
pub fn far_future(from: Instant) -> Instant {
    // Ten years: the runtime's timer wheel takes it, and adding it never overflows.
    from + Duration::from_secs(10 * 365 * 24 * 3600)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn instants_follow_the_paused_clock() {
        let start = now();
        tokio::time::advance(Duration::from_secs(5)).await;
        assert_eq!(now() - start, Duration::from_secs(5));
    }

    #[test]
    fn the_wall_clock_units_agree() {
        let seconds = unix_seconds();
        assert!(unix_milliseconds() / 1000 >= seconds);
        assert!(unix_nanoseconds() / 1_000_000_000 >= seconds);
        assert!(seconds > 1_700_000_000);
    }
}
