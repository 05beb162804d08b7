//! The rate limits of a plan (GCRA, by governor).

use std::sync::Arc;
use std::time::Duration;

use governor::clock::Clock as _;
use governor::middleware::StateInformationMiddleware;
use governor::{Quota, RateLimiter};
use signalbox_proto::model::plan::{Plan, RateLimit, RateLimitKey};
use smallvec::SmallVec;

use super::clock::EpochClock;
use super::identity::Identity;
use super::states::{States, View};
use super::subject::{Counted, Subject};

type Governor = RateLimiter<Identity, View, EpochClock, StateInformationMiddleware>;

/// The rate limits of a plan, compiled. They hold no counts: those are in [`States`].
#[derive(Debug)]
pub struct RateLimits {
    plan: Arc<str>,
    states: Arc<States>,
    limits: Box<[Limit]>,
}

#[derive(Debug)]
struct Limit {
    config: RateLimit,
    governor: Governor,
}

/// How much of one limit is left, for the `RateLimit` header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Remaining {
    /// Name of the limit.
    pub name: Arc<str>,
    /// Requests that may come at once now.
    pub requests: u32,
    /// Time until one more may come, or until the bucket is full if some may come now.
    pub reset: Duration,
}

/// What the limits say of one request.
#[derive(Debug, Default)]
pub struct Decision {
    /// What is left of each limit that was asked; the last is the one that refused.
    pub remaining: SmallVec<[Remaining; 2]>,
    /// Name of the limit that refused, and when to come back.
    pub refused: Option<(Arc<str>, Duration)>,
}

impl RateLimits {
    /// Compiles the rate limits of `plan` over the process's `states`.
    #[must_use]
    pub fn compile(plan: &Plan, states: &Arc<States>) -> Self {
        let limits = plan.rate_limits.iter().map(|limit| Limit::compile(limit, states)).collect();
        Self { plan: plan.name.shared(), states: Arc::clone(states), limits }
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.limits.is_empty()
    }

    /// The limits as configured.
    pub fn configured(&self) -> impl Iterator<Item = &RateLimit> {
        self.limits.iter().map(|limit| &limit.config)
    }

    /// Spends one request of each limit, in order, until one refuses.
    #[must_use]
    pub fn check(&self, agent: &str, subject: &Subject<'_>) -> Decision {
        let mut decision = Decision::default();
        for limit in &self.limits {
            let identity = self.identity(limit, agent, subject);
            let (remaining, refused) = limit.spend(identity);
            decision.remaining.push(remaining);
            if refused {
                let reset = decision.remaining.last().map_or(Duration::ZERO, |last| last.reset);
                decision.refused = Some((Arc::clone(&limit.config.name), reset));
                break;
            }
        }
        decision
    }

    fn identity(&self, limit: &Limit, agent: &str, subject: &Subject<'_>) -> Identity {
        let config = &limit.config;
        let counted = match config.key {
            RateLimitKey::ApiKey => subject.by_api_key(),
            RateLimitKey::Consumer => subject.by_consumer(),
            RateLimitKey::Ip => subject.by_address(),
            RateLimitKey::Plan => Counted::Everybody,
        };
        let agent = if config.shared { "" } else { agent };
        self.states.identities.of((&*self.plan, &*config.name, agent, counted))
    }
}

impl Limit {
    fn compile(config: &RateLimit, states: &Arc<States>) -> Self {
        let interval = (config.period / config.requests.get()).max(Duration::from_nanos(1));
        // A checked period over at least one request is never zero.
        let quota = Quota::with_period(interval)
            .unwrap_or_else(|| Quota::per_second(config.requests))
            .allow_burst(config.burst);
        let capacity_nanos = u64::try_from((interval * config.burst.get()).as_nanos()).unwrap_or(u64::MAX);
        let view = View { states: Arc::clone(states), capacity_nanos };
        let governor = Governor::new(quota, view, EpochClock::held_at(states.epoch));
        governor.clock().release();
        Self { config: config.clone(), governor }
    }

    fn spend(&self, identity: Identity) -> (Remaining, bool) {
        let name = Arc::clone(&self.config.name);
        match self.governor.check_key(&identity) {
            Ok(state) => {
                let requests = state.remaining_burst_capacity();
                let missing = self.config.burst.get().saturating_sub(requests);
                let reset = state.quota().replenish_interval() * missing;
                (Remaining { name, requests, reset }, false)
            }
            Err(not_until) => {
                let reset = not_until.wait_time_from(self.governor.clock().now());
                (Remaining { name, requests: 0, reset }, true)
            }
        }
    }
}
