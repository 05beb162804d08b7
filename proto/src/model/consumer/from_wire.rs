//! Wire → model for consumers, subscriptions and API keys.

use super::{ApiKey, ApiKeyState, Consumer, KeySha256, Subscription, SubscriptionState};
use crate::model::name::{ApiKeyName, ConsumerName, PlanName, SubscriptionName};
use crate::model::violation::{FieldPath, Violations};
use crate::model::{address, bound, check};
use crate::wire::config::v1 as wire;

macro_rules! try_from_wire {
    ($($type:ident),*) => {$(
        impl TryFrom<wire::$type> for $type {
            type Error = Violations;

            fn try_from(wire: wire::$type) -> Result<Self, Violations> {
                let mut wrong = Violations::new();
                let value = Self::from_wire(wire, &FieldPath::root(), &mut wrong);
                wrong.or_value(value)
            }
        }
    )*};
}

try_from_wire!(ApiKey, Consumer, Subscription);

impl Consumer {
    /// Checks a consumer at `at` and notes all that is wrong with it.
    pub fn from_wire(wire: wire::Consumer, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::Consumer {
            name,
            uid: _,
            etag: _,
            create_time: _,
            update_time: _,
            display_name,
            description,
            labels,
        } = wire;
        let name = wrong.collect(ConsumerName::parse(&name, &at.field("name")));
        if let Some(name) = &name {
            address::reserved_organization(name.organization(), &at.field("name"), wrong);
        }
        let display_name = check::text(display_name, &bound::DISPLAY_NAME, &at.field("display_name"), wrong);
        let description = check::text(description, &bound::DESCRIPTION, &at.field("description"), wrong);
        let labels = check::labels(labels, &at.field("labels"), wrong);
        Some(Self { name: name?, display_name: display_name?, description: description?, labels })
    }
}

impl Subscription {
    /// Checks a subscription at `at` and notes all that is wrong with it.
    pub fn from_wire(wire: wire::Subscription, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::Subscription {
            name,
            uid: _,
            etag: _,
            create_time: _,
            update_time: _,
            plan,
            state,
            expire_time,
        } = wire;
        let name = wrong.collect(SubscriptionName::parse(&name, &at.field("name")));
        let plan = wrong.collect(PlanName::parse(&plan, &at.field("plan")));
        if let (Some(name), Some(plan)) = (&name, &plan)
            && name.organization() != plan.organization()
        {
            let text = "must be a plan of the consumer's own organization";
            wrong.push(at.field("plan"), "FOREIGN_ORGANIZATION", text);
        }
        let state = check::known(state, &at.field("state"), wrong).map(|known| match known {
            wire::SubscriptionState::Unspecified | wire::SubscriptionState::Active => {
                SubscriptionState::Active
            }
            wire::SubscriptionState::Paused => SubscriptionState::Paused,
            wire::SubscriptionState::Closed => SubscriptionState::Closed,
        });
        let expire_time = check::time(expire_time, &at.field("expire_time"), wrong);
        Some(Self { name: name?, plan: plan?, state: state?, expire_time })
    }
}

impl ApiKey {
    /// Checks an API key at `at` and notes all that is wrong with it.
    pub fn from_wire(wire: wire::ApiKey, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::ApiKey {
            name,
            uid: _,
            etag: _,
            create_time: _,
            update_time: _,
            display_name,
            state,
            expire_time,
            key_sha256,
            key_prefix: _,
        } = wire;
        let name = wrong.collect(ApiKeyName::parse(&name, &at.field("name")));
        let display_name = check::text(display_name, &bound::DISPLAY_NAME, &at.field("display_name"), wrong);
        let state = check::known(state, &at.field("state"), wrong).map(|known| match known {
            wire::ApiKeyState::Unspecified | wire::ApiKeyState::Active => ApiKeyState::Active,
            wire::ApiKeyState::Revoked => ApiKeyState::Revoked,
        });
        let expire_time = check::time(expire_time, &at.field("expire_time"), wrong);
        let sha256 = (!key_sha256.is_empty())
            .then(|| wrong.collect(KeySha256::parse(&key_sha256, &at.field("key_sha256"))))
            .flatten();
        Some(Self { name: name?, display_name: display_name?, state: state?, expire_time, sha256 })
    }
}

impl KeySha256 {
    /// Reads 64 hex digits.
    ///
    /// # Errors
    ///
    /// One violation at `at`.
    pub fn parse(text: &str, at: &FieldPath) -> Result<Self, Violations> {
        let refuse = || {
            let text = "must be the SHA-256 of the key as 64 hex digits, not the key itself";
            Violations::one(at.clone(), "INVALID_SHA256", text)
        };
        let mut bytes = [0_u8; 32];
        if text.len() != 64 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(refuse());
        }
        for (byte, digits) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
            let digits = std::str::from_utf8(digits).map_err(|_| refuse())?;
            *byte = u8::from_str_radix(digits, 16).map_err(|_| refuse())?;
        }
        Ok(Self(bytes))
    }
}

impl std::fmt::Display for KeySha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}
