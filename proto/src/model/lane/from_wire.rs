//! Wire → model for deltas, and what of them goes the other way.

use std::fmt;

use super::{Change, Cursor, Delta, Epoch, Lane};
use crate::model::agent::Agent;
use crate::model::check;
use crate::model::credential::Credential;
use crate::model::name::{AgentName, ApiKeyName, PlanName};
use crate::model::plan::Plan;
use crate::model::violation::{FieldPath, Violations};
use crate::wire::config::v1 as config;
use crate::wire::discovery::v1 as wire;

/// One resource of a delta that cannot be applied, and why.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedChange {
    /// The resource's name; empty if the delta itself is wrong.
    pub name: String,
    /// What is wrong, with paths inside the resource.
    pub violations: Violations,
}

/// Every change of a delta that cannot be applied; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct RefusedDelta(pub Vec<RefusedChange>);

impl fmt::Display for RefusedDelta {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, change) in self.0.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{}: {}", change.name, change.violations)?;
        }
        Ok(())
    }
}

impl RefusedDelta {
    /// As a NACK carries it.
    #[must_use]
    pub fn to_wire(&self) -> Vec<wire::ResourceError> {
        let of_change = |change: &RefusedChange| {
            let of_violation = |violation: &crate::model::violation::Violation| wire::ResourceError {
                name: change.name.clone(),
                field: violation.field.to_string(),
                reason: violation.description.clone(),
            };
            change.violations.iter().map(of_violation).collect::<Vec<_>>()
        };
        self.0.iter().flat_map(of_change).collect()
    }

    fn delta(field: &str, reason: &'static str, text: &str) -> Self {
        let violations = Violations::one(FieldPath::root().field(field), reason, text);
        Self(vec![RefusedChange { name: String::new(), violations }])
    }
}

impl TryFrom<wire::Delta> for Delta {
    type Error = RefusedDelta;

    /// Checks a delta of which all chunks have been put together (`more` is ignored).
    fn try_from(delta: wire::Delta) -> Result<Self, RefusedDelta> {
        let wire::Delta { lane, nonce: _, epoch, from, to, full, changes, more: _, traceparent, commit_time } =
            delta;
        let lane = Lane::from_wire(lane).ok_or_else(|| {
            RefusedDelta::delta("lane", "UNKNOWN_VALUE", "is not a lane that this version knows")
        })?;
        let epoch = Epoch::from_wire(&epoch)
            .ok_or_else(|| RefusedDelta::delta("epoch", "INVALID_EPOCH", "must have 16 bytes"))?;
        if !full && from > to {
            return Err(RefusedDelta::delta("from", "OUT_OF_RANGE", "must not be greater than `to`"));
        }
        let mut refused = Vec::new();
        let mut checked = Vec::with_capacity(changes.len());
        for change in changes {
            let (name, revision) = (change.name.clone(), change.revision);
            match Change::from_wire(change, lane) {
                Ok(change) => checked.push((revision, change)),
                Err(violations) => refused.push(RefusedChange { name, violations }),
            }
        }
        if !refused.is_empty() {
            return Err(RefusedDelta(refused));
        }
        // A commit's time and trace are for telemetry alone: a bad one is no reason to refuse its changes.
        let commit_time = check::time(commit_time, &FieldPath::root(), &mut Violations::new());
        Ok(Self {
            lane,
            from,
            to: Cursor { epoch, revision: to },
            full,
            changes: checked,
            traceparent: (!traceparent.is_empty()).then_some(traceparent),
            commit_time,
        })
    }
}

impl Change {
    /// Checks one change; `lane` says which kinds may be in it.
    ///
    /// # Errors
    ///
    /// What is wrong, with paths inside the resource.
    pub fn from_wire(wire: wire::Change, lane: Lane) -> Result<Self, Violations> {
        use wire::change::Body;
        let wire::Change { name, revision: _, body } = wire;
        let root = FieldPath::root();
        let mut wrong = Violations::new();
        let change = match (body, lane) {
            (Some(Body::Agent(agent)), Lane::Config) => {
                same_name(&name, &agent.name, &mut wrong);
                Agent::from_wire(agent, &root, &mut wrong).map(|agent| Self::PutAgent(Box::new(agent)))
            }
            (Some(Body::Plan(plan)), Lane::Config) => {
                same_name(&name, &plan.name, &mut wrong);
                Plan::from_wire(plan, &root, &mut wrong).map(|plan| Self::PutPlan(Box::new(plan)))
            }
            (Some(Body::Key(key)), Lane::Credentials) => {
                Credential::from_wire(&name, key, &mut wrong).map(|key| Self::PutCredential(Box::new(key)))
            }
            (Some(Body::Deleted(wire::Deleted {})), Lane::Config) => deleted_config(&name, &mut wrong),
            (Some(Body::Deleted(wire::Deleted {})), Lane::Credentials) => {
                wrong.collect(ApiKeyName::parse(&name, &root.field("name"))).map(Self::DeleteCredential)
            }
            (Some(_), _) => {
                wrong.push(root, "WRONG_LANE", "does not belong to this lane");
                None
            }
            (None, _) => {
                wrong.push(root, "UNKNOWN_VALUE", "is of a kind that this version does not know");
                None
            }
        };
        wrong.or_value(change)
    }
}

fn same_name(outer: &str, inner: &str, wrong: &mut Violations) {
    if outer != inner {
        wrong.push(FieldPath::root().field("name"), "CONFLICT", "is not the name that the change gives");
    }
}

fn deleted_config(name: &str, wrong: &mut Violations) -> Option<Change> {
    let at = FieldPath::root().field("name");
    if let Ok(agent) = AgentName::parse(name, &at) {
        return Some(Change::DeleteAgent(agent));
    }
    match PlanName::parse(name, &at) {
        Ok(plan) => Some(Change::DeletePlan(plan)),
        Err(_) => {
            wrong.push(at, "INVALID_NAME", "is neither an agent's nor a plan's name");
            None
        }
    }
}

impl Lane {
    /// The lane of a wire value; `None` for values that this version does not know.
    #[must_use]
    pub fn from_wire(lane: i32) -> Option<Self> {
        match wire::Lane::try_from(lane) {
            Ok(wire::Lane::Config) => Some(Self::Config),
            Ok(wire::Lane::Credentials) => Some(Self::Credentials),
            Ok(wire::Lane::Unspecified) | Err(_) => None,
        }
    }

    /// The wire value.
    #[must_use]
    pub fn to_wire(self) -> wire::Lane {
        match self {
            Self::Config => wire::Lane::Config,
            Self::Credentials => wire::Lane::Credentials,
        }
    }
}

impl Epoch {
    /// Reads 16 bytes.
    #[must_use]
    pub fn from_wire(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }
}

impl Cursor {
    /// Reads a cursor and its lane; `None` if either is not well formed.
    #[must_use]
    pub fn from_wire(wire: &wire::Cursor) -> Option<(Lane, Self)> {
        let wire::Cursor { lane, epoch, revision } = wire;
        let lane = Lane::from_wire(*lane)?;
        Some((lane, Self { epoch: Epoch::from_wire(epoch)?, revision: *revision }))
    }

    /// As the wire carries it.
    #[must_use]
    pub fn to_wire(self, lane: Lane) -> wire::Cursor {
        wire::Cursor { lane: lane.to_wire().into(), epoch: self.epoch.0.to_vec(), revision: self.revision }
    }
}

/// Removes what only the control plane's callers read, so that a data plane gets the resource alone.
#[must_use]
pub fn strip_agent(mut agent: config::Agent) -> config::Agent {
    agent.uid = String::new();
    agent.etag = String::new();
    agent.create_time = None;
    agent.update_time = None;
    agent
}

/// Removes what only the control plane's callers read, so that a data plane gets the resource alone.
#[must_use]
pub fn strip_plan(mut plan: config::Plan) -> config::Plan {
    plan.uid = String::new();
    plan.etag = String::new();
    plan.create_time = None;
    plan.update_time = None;
    plan
}
