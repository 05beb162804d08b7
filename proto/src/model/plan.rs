//! How agents may be consumed.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use super::name::PlanName;
use super::permits::Permits;
use super::push::PushPolicy;

/// How agents may be consumed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plan {
    /// Its name.
    pub name: PlanName,
    /// Whether it admits anybody.
    pub state: PlanState,
    /// For people.
    pub display_name: String,
    /// For people.
    pub description: String,
    /// Who may call.
    pub security: Security,
    /// Rate limits; names are unique.
    pub rate_limits: Vec<RateLimit>,
    /// Most event streams open at once per agent and consumer (address under keyless).
    pub max_open_streams: Option<NonZeroU32>,
    /// Operations and skills that it opens.
    pub permits: Permits,
    /// What becomes of webhooks, besides what the agent says.
    pub push: PushPolicy,
}

/// Whether a plan admits anybody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PlanState {
    /// It does.
    Published,
    /// Nobody; open streams end.
    Closed,
}

/// Who may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Security {
    /// Whoever has a key of a subscription to the plan.
    ApiKey {
        /// Header besides `Authorization: Bearer` that carries the key.
        header: HeaderName,
    },
    /// Anyone.
    Keyless,
}

/// A rate (GCRA): `requests` a `period`, `burst` at once.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Names it in headers, logs and metrics.
    pub name: Arc<str>,
    /// Requests a period.
    pub requests: NonZeroU32,
    /// Between 1 s and 31 days.
    pub period: Duration,
    /// Requests that may come at once.
    pub burst: NonZeroU32,
    /// What it counts by.
    pub key: RateLimitKey,
    /// Counted over all agents of the plan.
    pub shared: bool,
}

/// What a rate limit counts by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RateLimitKey {
    /// The API key; under keyless the client's address.
    ApiKey,
    /// The consumer; under keyless the client's address.
    Consumer,
    /// The client's address; IPv6 by /64.
    Ip,
    /// Everybody together.
    Plan,
}

mod from_wire;
pub use from_wire::DEFAULT_KEY_HEADER;
#[cfg(test)]
mod tests;
