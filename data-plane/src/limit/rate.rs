//! One rate limit, asked through governor.

use std::cell::Cell;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock;
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};
use signalbox_proto::model::plan::{RateLimit, RateLimitKey};

use super::buckets::Buckets;
use super::subject::{Counted, Subject};

/// Longest time that a full burst may take to come back; keeps all sums far from overflow (about 146 years).
const MAX_BURST_NANOSECONDS: u128 = 1 << 62;

/// A rate limit with its buckets.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    pub(super) name: Arc<str>,
    pub(super) buckets: Arc<Buckets>,
    requests: NonZeroU32,
    period: Duration,
    quota: Quota,
    /// Time in which one request comes back.
    weight: Duration,
    key: RateLimitKey,
    shared: bool,
}

/// What a limit says to a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// Name of the limit.
    pub name: Arc<str>,
    /// Requests that would pass now.
    pub remaining: u32,
    /// Time until the whole burst is there again.
    pub reset: Duration,
    /// If the request is refused: time until one would pass.
    pub retry_after: Option<Duration>,
}

/// governor reads the clock once when a limiter is made, for its epoch, and once per question. Ours answers the epoch
/// first and then the time that the caller passed, so every limiter ever made counts from the same epoch.
struct FixedEpoch<'a>(&'a Cell<Duration>);

impl Clock for FixedEpoch<'_> {
    type Instant = Duration;

    fn now(&self) -> Duration {
        self.0.get()
    }
}

impl Rule {
    /// Compiles a limit onto buckets that may already hold what was spent under another rate.
    pub(super) fn new(limit: &RateLimit, buckets: Arc<Buckets>) -> Self {
        let nanos = (limit.period.as_nanos() / u128::from(limit.requests.get())).max(1);
        let longest = u32::try_from(MAX_BURST_NANOSECONDS / nanos).unwrap_or(u32::MAX);
        let burst = limit.burst.min(NonZeroU32::new(longest).unwrap_or(NonZeroU32::MIN));
        let weight = Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX));
        let fallback = Quota::per_second(NonZeroU32::MIN);
        let quota = Quota::with_period(weight).unwrap_or(fallback).allow_burst(burst);
        Self {
            name: Arc::clone(&limit.name),
            buckets,
            requests: limit.requests,
            period: limit.period,
            quota,
            weight,
            key: limit.key,
            shared: limit.shared,
        }
    }

    /// What `RateLimit-Policy` says of it.
    pub(super) fn policy(&self) -> (&str, u32, Duration) {
        (&self.name, self.requests.get(), self.period)
    }

    /// The bucket that a subject draws from.
    pub(super) fn bucket(&self, subject: &Subject<'_>) -> u64 {
        let counted = match self.key {
            RateLimitKey::ApiKey => subject.key_or_address(),
            RateLimitKey::Consumer => subject.consumer_or_address(),
            RateLimitKey::Ip => subject.network(),
            RateLimitKey::Plan => Counted::Everybody,
        };
        self.buckets.key(&((!self.shared).then_some(subject.agent), counted))
    }

    /// Draws one request at `now`, a time since the fixed epoch.
    pub(super) fn draw(&self, bucket: u64, now: Duration) -> Verdict {
        let reading = Cell::new(Duration::ZERO);
        let limiter: RateLimiter<u64, &Buckets, FixedEpoch<'_>, StateInformationMiddleware> =
            RateLimiter::new(self.quota, &*self.buckets, FixedEpoch(&reading));
        reading.set(now);
        match limiter.check_key(&bucket) {
            Ok(state) => {
                let remaining = state.remaining_burst_capacity();
                let spent = self.quota.burst_size().get().saturating_sub(remaining);
                self.verdict(remaining, self.weight.saturating_mul(spent), None)
            }
            Err(until) => {
                let wait = until.wait_time_from(now);
                let rest = self.quota.burst_size().get() - 1;
                self.verdict(0, wait.saturating_add(self.weight.saturating_mul(rest)), Some(wait))
            }
        }
    }

    /// Gives back what [`Rule::draw`] took.
    pub(super) fn refund(&self, bucket: u64) {
        self.buckets.refund(bucket, self.weight);
    }

    fn verdict(&self, remaining: u32, reset: Duration, retry_after: Option<Duration>) -> Verdict {
        Verdict { name: Arc::clone(&self.name), remaining, reset, retry_after }
    }
}
