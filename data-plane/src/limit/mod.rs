//! Rate limits and open-stream limits, with state that lives across config changes.
//!
//! Rates are GCRA by the governor crate over a store of our own. A bucket is one instant (the theoretical arrival time)
//! on a clock whose epoch never changes, kept by plan, limit, agent and subject: a push that changes the rate finds what
//! was spent, and one that does not touch the plan touches nothing. Memory is bounded whatever callers send.

mod buckets;
mod headers;
mod plan;
mod rate;
mod streams;
mod subject;

pub use buckets::{Buckets, MAX_KEYS};
pub use headers::rate_limit;
pub use plan::{PlanLimits, Verdicts, refusal};
pub use rate::Verdict;
pub use streams::{StreamGuard, TooManyStreams};
pub use subject::Subject;
