//! Rules over several resources, or over the old and the new form of one.
//!
//! The control plane holds them in the transaction that commits a change, with lookups proportional to the change; a
//! data plane that runs from a manifest holds them over the whole manifest. References and organizations of a single
//! message are checked where that message is checked.

use super::address::{Claim, taken};
use super::agent::{Agent, TaskOwnership};
use super::consumer::{ApiKey, ApiKeyState, Subscription, SubscriptionState};
use super::plan::{Plan, Security};
use super::violation::{FieldPath, Violations};

#[cfg(test)]
mod tests;

/// Every address of an agent that could be another's, with the field of the agent at `at` that claims it.
#[must_use]
pub fn agent_claims(agent: &Agent, at: &FieldPath) -> Vec<Claim> {
    let join = |claim: Claim| Claim { field: at.join(&claim.field), ..claim };
    agent.claims().into_iter().map(join).collect()
}

/// The claim of an API key: one key text opens one plan.
#[must_use]
pub fn api_key_claim(key: &ApiKey, at: &FieldPath) -> Option<Claim> {
    let sha256 = key.sha256.as_ref()?;
    Some(Claim {
        key: format!("{KEY_HASH}{sha256}"),
        holder: key.name.to_string(),
        field: at.field("key_sha256"),
    })
}

/// What claims of keys begin with.
const KEY_HASH: &str = "key hash ";

/// Notes that `holder` has what is claimed.
pub fn refuse_claim(claim: &Claim, holder: &str, wrong: &mut Violations) {
    let reason = if claim.key.starts_with(KEY_HASH) { "KEY_TAKEN" } else { "ADDRESS_TAKEN" };
    wrong.push(claim.field.clone(), reason, taken(&claim.key, holder));
}

/// A subscription may only be to a plan that keys can open.
pub fn subscription_plan(plan: &Plan, at: &FieldPath, wrong: &mut Violations) {
    if matches!(plan.security, Security::Keyless) {
        let text = format!("{} is keyless: anyone may call, so that nobody can subscribe", plan.name);
        wrong.push(at.field("plan"), "KEYLESS_PLAN", text);
    }
}

/// Whether a plan would stop asking for keys; it may not while it has subscriptions.
#[must_use]
pub fn abandons_keys(old: &Plan, new: &Plan) -> bool {
    matches!(old.security, Security::ApiKey { .. }) && matches!(new.security, Security::Keyless)
}

/// Skills of a plan are enforced where the agent says where calls name theirs. Advice, no violation: a plan may be
/// shared by agents that can and others that cannot.
pub fn unenforced_skills(agent: &Agent, plan: &Plan, at: &FieldPath, advice: &mut Violations) {
    if plan.permits.skills.is_empty() || agent.skill_selector.is_some() {
        return;
    }
    let text = format!(
        "is absent, so that the skills of {} only filter what the card shows: calls are not held to them",
        plan.name
    );
    advice.push(at.field("skill_selector"), "SKILLS_NOT_ENFORCED", text);
}

/// Callers under a keyless plan cannot be told apart, and own together what any of them begins. Advice, no violation: the
/// agent's other plans may ask for keys.
pub fn shared_ownership(agent: &Agent, plan: &Plan, at: &FieldPath, advice: &mut Violations) {
    if agent.task_ownership == TaskOwnership::Off || !matches!(plan.security, Security::Keyless) {
        return;
    }
    let text =
        format!("does not keep callers under {} apart: it is keyless, and they are one owner", plan.name);
    advice.push(at.field("task_ownership"), "OWNERSHIP_SHARED", text);
}

/// What may become of a subscription.
pub fn subscription_change(old: &Subscription, new: &Subscription, at: &FieldPath, wrong: &mut Violations) {
    if old.plan != new.plan {
        let text = format!("cannot change from {}; create another subscription", old.plan);
        wrong.push(at.field("plan"), "IMMUTABLE", text);
    }
    if old.state == SubscriptionState::Closed && new.state != SubscriptionState::Closed {
        let text = "is CLOSED for good; create another subscription";
        wrong.push(at.field("state"), "FINAL_STATE", text);
    }
}

/// What may become of an API key.
pub fn api_key_change(old: &ApiKey, new: &ApiKey, at: &FieldPath, wrong: &mut Violations) {
    if old.sha256 != new.sha256 {
        wrong.push(at.field("key_sha256"), "IMMUTABLE", "cannot change; create another key");
    }
    if old.state == ApiKeyState::Revoked && new.state != ApiKeyState::Revoked {
        wrong.push(at.field("state"), "FINAL_STATE", "is REVOKED for good; create another key");
    }
}
