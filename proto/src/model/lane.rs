//! Lanes, cursors and deltas: how configuration reaches a data plane.

use std::time::SystemTime;

use super::agent::Agent;
use super::credential::Credential;
use super::name::{AgentName, ApiKeyName, PlanName};
use super::plan::Plan;

/// A gap-free log of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Lane {
    /// Agents and plans.
    Config,
    /// API keys.
    Credentials,
}

impl Lane {
    /// Both lanes.
    pub const ALL: [Self; 2] = [Self::Config, Self::Credentials];

    /// Lower-case name, for metrics and logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Config => "config",
            Self::Credentials => "credentials",
        }
    }
}

/// Identity of a history of revisions.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Epoch(pub [u8; 16]);

/// How far a lane has been applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursor {
    /// The history.
    pub epoch: Epoch,
    /// The last revision of it; 0: nothing yet.
    pub revision: u64,
}

/// One resource put or deleted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// An agent as it is now.
    PutAgent(Box<Agent>),
    /// A plan as it is now.
    PutPlan(Box<Plan>),
    /// A key that may be used.
    PutCredential(Box<Credential>),
    /// No such agent any more.
    DeleteAgent(AgentName),
    /// No such plan any more.
    DeletePlan(PlanName),
    /// Revoked, paused, expired or deleted.
    DeleteCredential(ApiKeyName),
}

/// What changed in a lane between two revisions; complete (all chunks).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delta {
    /// The lane.
    pub lane: Lane,
    /// The revision before; ignored when `full`.
    pub from: u64,
    /// Where the lane is after it.
    pub to: Cursor,
    /// Replaces everything held of the lane.
    pub full: bool,
    /// The changes with the revision of each, one per resource.
    pub changes: Vec<(u64, Change)>,
    /// W3C traceparent of the commit at `to`.
    pub traceparent: Option<String>,
    /// When `to` was committed.
    pub commit_time: Option<SystemTime>,
}

mod from_wire;
pub use from_wire::{RefusedChange, RefusedDelta, strip_agent, strip_plan};
#[cfg(test)]
mod tests;
