//! Rules over several resources, or over the old and the new form of one.
//!
//! The control plane holds them in the transaction that commits a change, with lookups proportional to the change; a
//! data plane that runs from a manifest holds them over the whole manifest. References and organizations of a single
//! message are checked where that message is checked.

use super::agent::Agent;
use super::consumer::{ApiKey, ApiKeyState, Subscription, SubscriptionState};
use super::name::DEFAULT_ORGANIZATION;
use super::plan::{Plan, Security};
use super::violation::{FieldPath, Violations};

#[cfg(test)]
mod tests;

/// Something outside the resource tree of which there is one in the fleet: a host, a path, a key.
///
/// Resources may claim the same key only on behalf of the same holder.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Claim {
    /// What is claimed: "host:echo.agents.example".
    pub key: String,
    /// On whose behalf: mostly the resource's own name.
    pub holder: String,
    /// The field that claims it.
    pub field: FieldPath,
    /// What is claimed, for people: "the host echo.agents.example".
    pub text: String,
    /// Reason of the violation if somebody else holds it.
    pub reason: &'static str,
}

/// Somebody else's address.
const ADDRESS_TAKEN: &str = "ADDRESS_TAKEN";

/// Somebody else's key.
const KEY_TAKEN: &str = "KEY_TAKEN";

impl Claim {
    /// Notes that somebody else holds it.
    pub fn refuse(&self, holder: &str, wrong: &mut Violations) {
        let text = format!("{} belongs to {holder}", self.text);
        wrong.push(self.field.clone(), self.reason, text);
    }
}

/// Every address of an agent that could be another's.
///
/// `/a2a/{id}` is an agent of the default organization or a whole other organization, never both.
#[must_use]
pub fn agent_claims(agent: &Agent, at: &FieldPath) -> Vec<Claim> {
    let name = agent.name.as_str();
    let claim = |key: String, field: FieldPath, text: String| Claim {
        key,
        holder: name.to_owned(),
        field,
        text,
        reason: ADDRESS_TAKEN,
    };
    let mut claims = vec![segment_claim(agent, at)];
    let addresses = at.field("addresses");
    if let Some(path) = &agent.addresses.context_path {
        let path = path.as_str();
        claims.push(claim(
            format!("path:{path}"),
            addresses.field("context_path"),
            format!("the path {path}"),
        ));
    }
    for (index, host) in agent.addresses.hosts.iter().enumerate() {
        let host = host.as_str();
        let field = addresses.field("hosts").index(index);
        claims.push(claim(format!("host:{host}"), field, format!("the host {host}")));
    }
    claims
}

fn segment_claim(agent: &Agent, at: &FieldPath) -> Claim {
    let organization = agent.name.organization();
    let (segment, holder) = if organization == DEFAULT_ORGANIZATION {
        (agent.name.id(), agent.name.to_string())
    } else {
        (organization, format!("organizations/{organization}"))
    };
    Claim {
        key: format!("segment:{segment}"),
        holder,
        field: at.field("name"),
        text: format!("the address /a2a/{segment}"),
        reason: ADDRESS_TAKEN,
    }
}

/// The claim of an API key: one key text opens one plan.
#[must_use]
pub fn api_key_claim(key: &ApiKey, at: &FieldPath) -> Option<Claim> {
    let sha256 = key.sha256.as_ref()?;
    Some(Claim {
        key: format!("key:{sha256}"),
        holder: key.name.to_string(),
        field: at.field("key_sha256"),
        text: "a key with this hash".to_owned(),
        reason: KEY_TAKEN,
    })
}

/// A subscription may only be to a plan that keys can open.
pub fn subscription_plan(plan: &Plan, at: &FieldPath, wrong: &mut Violations) {
    if matches!(plan.security, Security::Keyless) {
        let text = format!("{} is keyless: anyone may call, so that nobody can subscribe", plan.name);
        wrong.push(at.field("plan"), "PLAN_WITHOUT_KEYS", text);
    }
}

/// Whether a plan would stop asking for keys; it may not while it has subscriptions.
#[must_use]
pub fn abandons_keys(old: &Plan, new: &Plan) -> bool {
    matches!(old.security, Security::ApiKey { .. }) && matches!(new.security, Security::Keyless)
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
