//! All limits of one plan.

#[cfg(test)]
mod tests;

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderValue;
use signalbox_proto::model::plan::Plan;
use smallvec::SmallVec;

use super::buckets::Buckets;
use super::headers::rate_limit_policy;
use super::rate::{Rule, Verdict};
use super::streams::{OpenStreams, StreamGuard, TooManyStreams};
use super::subject::Subject;

/// What each limit of a plan said, in the plan's order; ends with the one that refused.
pub type Verdicts = SmallVec<[Verdict; 2]>;

/// The limits of a plan, compiled, with the state that config changes carry over.
#[derive(Clone, Debug)]
pub struct PlanLimits {
    rates: Vec<Rule>,
    /// What `RateLimit-Policy` says where every limit had its say.
    policy: Option<HeaderValue>,
    max_open_streams: Option<NonZeroU32>,
    open_streams: Arc<OpenStreams>,
}

impl PlanLimits {
    /// Compiles the limits of `plan`, taking over what was spent and what is open from those that it had before.
    #[must_use]
    pub fn compile(plan: &Plan, previous: Option<&Self>) -> Self {
        let buckets = |name: &str| {
            let held = previous.and_then(|held| held.rates.iter().find(|rule| *rule.name == *name));
            held.map_or_else(|| Arc::new(Buckets::default()), |rule| Arc::clone(&rule.buckets))
        };
        let rates: Vec<Rule> =
            plan.rate_limits.iter().map(|limit| Rule::new(limit, buckets(&limit.name))).collect();
        Self {
            policy: rate_limit_policy(rates.iter().map(Rule::policy)),
            rates,
            max_open_streams: plan.max_open_streams,
            open_streams: previous.map(|held| Arc::clone(&held.open_streams)).unwrap_or_default(),
        }
    }

    /// Draws one request from every rate limit at `now`, a time since an epoch that is the same for the life of the
    /// process. If one refuses, what was drawn from those before it is given back: a refused request costs nothing.
    #[must_use]
    pub fn check(&self, subject: &Subject<'_>, now: Duration) -> Verdicts {
        let mut verdicts = Verdicts::new();
        for (at, rule) in self.rates.iter().enumerate() {
            let verdict = rule.draw(rule.bucket(subject), now);
            let refused = verdict.retry_after.is_some();
            verdicts.push(verdict);
            if refused {
                for drawn in self.rates.iter().take(at) {
                    drawn.refund(drawn.bucket(subject));
                }
                break;
            }
        }
        verdicts
    }

    /// The value of `RateLimit-Policy` for what [`check`](Self::check) returned; `None` without limits.
    #[must_use]
    pub fn policy(&self, verdicts: &[Verdict]) -> Option<HeaderValue> {
        if verdicts.len() == self.rates.len() {
            return self.policy.clone();
        }
        rate_limit_policy(self.rates.iter().take(verdicts.len()).map(Rule::policy))
    }

    /// Counts an event stream for as long as the guard lives.
    ///
    /// # Errors
    ///
    /// The caller has as many open on the agent as the plan allows.
    pub fn open_stream(&self, subject: &Subject<'_>) -> Result<StreamGuard, TooManyStreams> {
        self.open_streams.open(subject, self.max_open_streams)
    }

    /// Event streams open under the plan.
    #[must_use]
    pub fn streams_open(&self) -> usize {
        self.open_streams.total()
    }

    /// Forgets buckets that are full at `now`; to be called now and then.
    pub fn sweep(&self, now: Duration) {
        for rule in &self.rates {
            rule.buckets.sweep(now);
        }
    }
}

/// The verdict that refuses, if one does.
#[must_use]
pub fn refusal(verdicts: &[Verdict]) -> Option<&Verdict> {
    verdicts.last().filter(|verdict| verdict.retry_after.is_some())
}
