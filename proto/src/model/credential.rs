//! An API key as a data plane knows it.

use std::time::SystemTime;

use super::name::{ApiKeyName, ConsumerName, PlanName};

/// First 16 bytes of HMAC-SHA-256(pepper, SHA-256(key)).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct KeyDigest(pub [u8; 16]);

/// A key that may be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credential {
    /// The key's name.
    pub name: ApiKeyName,
    /// What it is looked up by.
    pub digest: KeyDigest,
    /// The plan that it opens.
    pub plan: PlanName,
    /// Whose it is.
    pub consumer: ConsumerName,
    /// When it stops working.
    pub expire_time: Option<SystemTime>,
}

mod from_wire;
