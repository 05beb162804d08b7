//! Wire → model for plans.

use std::num::NonZeroU32;
use std::time::Duration;

use http::HeaderName;

use super::{Plan, PlanState, RateLimit, RateLimitKey, Security};
use crate::model::name::{self, PlanName};
use crate::model::permits::Permits;
use crate::model::push::PushPolicy;
use crate::model::violation::{FieldPath, Violations};
use crate::model::{address, bound, check};
use crate::wire::config::v1 as wire;

/// Header that carries an API key where the plan names none.
pub const DEFAULT_KEY_HEADER: HeaderName = HeaderName::from_static("x-api-key");

impl TryFrom<wire::Plan> for Plan {
    type Error = Violations;

    fn try_from(wire: wire::Plan) -> Result<Self, Violations> {
        let mut wrong = Violations::new();
        let plan = Self::from_wire(wire, &FieldPath::root(), &mut wrong);
        wrong.or_value(plan)
    }
}

impl Plan {
    /// Checks a plan at `at` and notes all that is wrong with it.
    pub fn from_wire(wire: wire::Plan, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::Plan {
            name,
            uid: _,
            etag: _,
            create_time: _,
            update_time: _,
            state,
            display_name,
            description,
            rate_limits,
            max_open_streams,
            security,
            operations,
            skills,
            push,
        } = wire;
        let name = wrong.collect(PlanName::parse(&name, &at.field("name")));
        if let Some(name) = &name {
            address::reserved_organization(name.organization(), &at.field("name"), wrong);
        }
        let state = check::known(state, &at.field("state"), wrong).map(|known| match known {
            wire::PlanState::Unspecified | wire::PlanState::Published => PlanState::Published,
            wire::PlanState::Closed => PlanState::Closed,
        });
        let display_name = check::text(display_name, &bound::DISPLAY_NAME, &at.field("display_name"), wrong);
        let description = check::text(description, &bound::DESCRIPTION, &at.field("description"), wrong);
        let security = Security::from_wire(security, at, wrong);
        let rate_limits = rate_limits_from_wire(rate_limits, &at.field("rate_limits"), wrong);
        check::number(
            u64::from(max_open_streams),
            &bound::MAX_OPEN_STREAMS,
            &at.field("max_open_streams"),
            wrong,
        );
        let permits = Permits::from_wire(&operations, skills, at, wrong);
        let push = PushPolicy::from_wire(push, &at.field("push"), wrong);
        Some(Self {
            name: name?,
            state: state?,
            display_name: display_name?,
            description: description?,
            security: security?,
            rate_limits,
            max_open_streams: NonZeroU32::new(max_open_streams),
            permits,
            push: push?,
        })
    }
}

impl Security {
    fn from_wire(wire: Option<wire::plan::Security>, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        match wire {
            None => {
                let text = "must say who may call: write `api_key: {}`, or `keyless: {}` to let anyone in";
                wrong.push(at.field("security"), "REQUIRED", text);
                None
            }
            Some(wire::plan::Security::Keyless(wire::KeylessSecurity {})) => Some(Self::Keyless),
            Some(wire::plan::Security::ApiKey(wire::ApiKeySecurity { header })) => {
                let header = if header.is_empty() {
                    Some(DEFAULT_KEY_HEADER)
                } else {
                    wrong.collect(key_header(&header, &at.field("api_key").field("header")))
                };
                Some(Self::ApiKey { header: header? })
            }
        }
    }
}

/// A header that may carry a key: none that HTTP, A2A or tracing give a meaning.
fn key_header(text: &str, at: &FieldPath) -> Result<HeaderName, Violations> {
    const TAKEN: &[&str] = &[
        "authorization",
        "baggage",
        "connection",
        "cookie",
        "date",
        "expect",
        "forwarded",
        "from",
        "host",
        "keep-alive",
        "last-event-id",
        "origin",
        "prefer",
        "range",
        "referer",
        "set-cookie",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
        "x-a2a-extensions",
        "x-request-id",
    ];
    const TAKEN_PREFIXES: &[&str] = &[
        "a2a-",
        "accept",
        "access-control-",
        "cache-",
        "content-",
        "grpc-",
        "if-",
        "proxy-",
        "sec-",
        "x-forwarded-",
    ];
    let refuse = |reason: &str| Violations::one(at.clone(), "INVALID_HEADER", reason);
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| refuse("is not a header name"))?;
    if name.as_str().len() > 64 {
        return Err(refuse("is longer than 64 bytes"));
    }
    let taken = TAKEN.contains(&name.as_str()) || TAKEN_PREFIXES.iter().any(|p| name.as_str().starts_with(p));
    if taken {
        return Err(refuse("has a meaning of its own and cannot carry a key; take a name such as X-API-Key"));
    }
    Ok(name)
}

fn rate_limits_from_wire(
    wire: Vec<wire::RateLimit>,
    at: &FieldPath,
    wrong: &mut Violations,
) -> Vec<RateLimit> {
    check::count(wire.len(), &bound::RATE_LIMITS, at, wrong);
    let mut seen = std::collections::BTreeSet::new();
    let mut limits = Vec::new();
    for (index, limit) in wire.into_iter().enumerate() {
        let at = at.index(index);
        if !limit.name.is_empty() && !seen.insert(limit.name.clone()) {
            wrong.push(at.field("name"), "DUPLICATE", "names another limit of this plan already");
        }
        limits.extend(RateLimit::from_wire(limit, &at, wrong));
    }
    limits
}

impl RateLimit {
    fn from_wire(wire: wire::RateLimit, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::RateLimit { name, requests, period, burst, key, shared, scope } = wire;
        if !name::is_id(&name) {
            let reason = if name.is_empty() { "REQUIRED" } else { "INVALID_ID" };
            wrong.push(at.field("name"), reason, "must match [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
        }
        let requests_at = at.field("requests");
        check::number(u64::from(requests), &bound::RATE_LIMIT_REQUESTS, &requests_at, wrong);
        check::number(u64::from(burst), &bound::RATE_LIMIT_BURST, &at.field("burst"), wrong);
        let period_at = at.field("period");
        if period.is_none() {
            wrong.push(period_at.clone(), "REQUIRED", "must be given: \"1s\", \"60s\"");
        }
        let period = check::duration(period, &bound::RATE_LIMIT_PERIOD, &period_at, wrong);
        let key = check::known(key, &at.field("key"), wrong).map(|known| match known {
            wire::RateLimitKey::Unspecified | wire::RateLimitKey::Consumer => RateLimitKey::Consumer,
            wire::RateLimitKey::ApiKey => RateLimitKey::ApiKey,
            wire::RateLimitKey::Ip => RateLimitKey::Ip,
            wire::RateLimitKey::Plan => RateLimitKey::Plan,
        });
        let scope = check::known(scope, &at.field("scope"), wrong).map(|known| match known {
            wire::RateLimitScope::Unspecified | wire::RateLimitScope::Local => (),
        });
        let requests = NonZeroU32::new(requests)?;
        let burst = NonZeroU32::new(burst).unwrap_or(requests);
        let period = period?;
        check_refill(requests, burst, period, &at.field("burst"), wrong);
        scope?;
        Some(Self { name: name.into(), requests, period, burst, key: key?, shared })
    }
}

/// A bucket that takes longer than that to fill is a mistake, and its arithmetic would not fit 64 bits.
fn check_refill(
    requests: NonZeroU32,
    burst: NonZeroU32,
    period: Duration,
    at: &FieldPath,
    wrong: &mut Violations,
) {
    let refill_millis = period.as_millis() * u128::from(burst.get()) / u128::from(requests.get());
    if refill_millis > u128::from(bound::RATE_LIMIT_REFILL.max) {
        let range = bound::RATE_LIMIT_REFILL.range();
        wrong.push(at.clone(), "OUT_OF_RANGE", format!("period × burst ÷ requests must be {range}"));
    }
}
