//! Which of an agent's plans admits a caller.

#[cfg(test)]
mod tests;

use http::header::{HeaderMap, HeaderName};
use signalbox_proto::model::name::PlanName;
use signalbox_proto::model::plan::{Plan, PlanState, Security};
use smallvec::SmallVec;

use super::extract::{Consumed, Presented, presented};
use super::keys::{KeyRef, KeyTable};
use super::principal::Principal;

/// What of a plan decides who may call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Gate {
    /// The plan's name.
    pub plan: PlanName,
    /// Whether it admits anybody.
    pub open: bool,
    /// Whom it admits.
    pub security: Security,
}

impl From<&Plan> for Gate {
    fn from(plan: &Plan) -> Self {
        Self {
            plan: plan.name.clone(),
            open: plan.state == PlanState::Published,
            security: plan.security.clone(),
        }
    }
}

/// A caller that may pass.
#[derive(Clone, Debug)]
pub struct Admission {
    /// Index of the plan among the agent's.
    pub plan: usize,
    /// Whom the request acts for.
    pub principal: Principal,
    /// Headers that must not reach the agent.
    pub consumed: Consumed,
}

/// Why a caller may not pass.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Denied {
    /// No published plan opens the agent (403).
    #[error("no published plan opens the agent")]
    NoPlan,
    /// The agent's plans need a key and none was presented (401).
    #[error("no credential was presented")]
    MissingCredential,
    /// The key is malformed, unknown or revoked (401).
    #[error("the credential is not known")]
    InvalidCredential,
    /// The key has expired (401).
    #[error("the credential has expired")]
    ExpiredCredential,
    /// Two credentials, or one header twice (400).
    #[error("more than one credential was presented")]
    ConflictingCredentials,
    /// The key's plan does not open this agent (403).
    #[error("the credential's plan does not open the agent")]
    NotSubscribed,
    /// The key's plan is closed (403).
    #[error("the credential's plan is closed")]
    PlanClosed,
    /// The key's plan has not arrived at this data plane yet (503).
    #[error("the credential's plan has not arrived yet")]
    PlanNotReady,
}

/// Header in which keys are looked for where no plan says otherwise.
const DEFAULT_HEADER: HeaderName = HeaderName::from_static("x-api-key");

/// Finds the plan that admits a caller.
///
/// `gates` are the agent's plans in its order, `known` says whether a plan has arrived at all, `now` is in Unix
/// seconds by the wall clock. Makes no allocation and takes no lock.
///
/// # Errors
///
/// Why the caller may not pass.
pub fn authenticate<'g>(
    headers: &HeaderMap,
    gates: impl Iterator<Item = &'g Gate> + Clone,
    keys: &KeyTable,
    known: impl Fn(&PlanName) -> bool,
    now: u64,
) -> Result<Admission, Denied> {
    let mut read_from: SmallVec<[&HeaderName; 4]> = SmallVec::new();
    for gate in gates.clone() {
        if let Security::ApiKey { header } = &gate.security
            && !read_from.contains(&header)
        {
            read_from.push(header);
        }
    }
    let reads_keys = !read_from.is_empty();
    let Some(Presented { token, ours, consumed }) = presented(headers, &read_from, &DEFAULT_HEADER)? else {
        return without_key(gates, Consumed::new());
    };
    let found = if ours || reads_keys { keys.find(token) } else { None };
    let Some(key) = found else {
        return match (ours, reads_keys) {
            // Somebody's key for another agent or gateway; this agent needs none and does not get to see it.
            (true, false) => without_key(gates, consumed),
            (true, true) => Err(Denied::InvalidCredential),
            // Not ours, so perhaps the agent's own.
            (false, _) => without_key(gates, Consumed::new()).map_err(|denied| match denied {
                Denied::MissingCredential => Denied::InvalidCredential,
                other => other,
            }),
        };
    };
    with_key(key, consumed, gates, keys, known, now)
}

fn with_key<'g>(
    key: KeyRef,
    consumed: Consumed,
    gates: impl Iterator<Item = &'g Gate> + Clone,
    keys: &KeyTable,
    known: impl Fn(&PlanName) -> bool,
    now: u64,
) -> Result<Admission, Denied> {
    if key.expires().is_some_and(|at| at <= now) {
        return Err(Denied::ExpiredCredential);
    }
    let plan = keys.plan(&key).ok_or(Denied::InvalidCredential)?;
    let is_its_gate = |gate: &&Gate| gate.plan == *plan;
    match gates.clone().enumerate().find(|(_, gate)| is_its_gate(gate)) {
        Some((_, gate)) if matches!(gate.security, Security::Keyless) => without_key(gates, consumed),
        Some((_, gate)) if !gate.open => Err(Denied::PlanClosed),
        Some((at, _)) => Ok(Admission { plan: at, principal: Principal::holder(key), consumed }),
        None if !known(plan) => Err(Denied::PlanNotReady),
        None if !gates.clone().any(|gate| matches!(gate.security, Security::ApiKey { .. })) => {
            without_key(gates, consumed)
        }
        None => Err(Denied::NotSubscribed),
    }
}

/// Admission by a keyless plan.
fn without_key<'g>(gates: impl Iterator<Item = &'g Gate>, consumed: Consumed) -> Result<Admission, Denied> {
    let mut denied = Denied::NoPlan;
    for (at, gate) in gates.enumerate().filter(|(_, gate)| gate.open) {
        if gate.security == Security::Keyless {
            return Ok(Admission { plan: at, principal: Principal::anyone(), consumed });
        }
        denied = Denied::MissingCredential;
    }
    Err(denied)
}
