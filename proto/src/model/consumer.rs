//! Consumers, their subscriptions and API keys, as the control plane keeps them.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::name::{ApiKeyName, ConsumerName, PlanName, SubscriptionName};

/// An application that calls agents.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Consumer {
    /// Its name.
    pub name: ConsumerName,
    /// For people.
    pub display_name: String,
    /// For people.
    pub description: String,
    /// For selection.
    pub labels: BTreeMap<String, String>,
}

/// A consumer's use of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subscription {
    /// Its name.
    pub name: SubscriptionName,
    /// The plan; of the consumer's own organization.
    pub plan: PlanName,
    /// Whether its keys work.
    pub state: SubscriptionState,
    /// When its keys stop working.
    pub expire_time: Option<SystemTime>,
}

/// Whether the keys of a subscription work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SubscriptionState {
    /// They do.
    Active,
    /// They do not, for now.
    Paused,
    /// They do not, for good.
    Closed,
}

/// SHA-256 of a whole key text.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeySha256(pub [u8; 32]);

/// A key of a subscription.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiKey {
    /// Its name.
    pub name: ApiKeyName,
    /// For people.
    pub display_name: String,
    /// Whether it works.
    pub state: ApiKeyState,
    /// When it stops working.
    pub expire_time: Option<SystemTime>,
    /// Hash of the key; `None`: the control plane makes a key.
    pub sha256: Option<KeySha256>,
}

/// Whether a key works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKeyState {
    /// It does.
    Active,
    /// It does not, for good.
    Revoked,
}

mod from_wire;
#[cfg(test)]
mod tests;
