//! Many resources at once, each checked, and checked against one another.

use std::collections::BTreeMap;

use super::address::Claims;
use super::agent::Agent;
use super::bound;
use super::check;
use super::consumer::{ApiKey, Consumer, Subscription};
use super::plan::Plan;
use super::rules;
use super::violation::{FieldPath, Violations};
use crate::wire::config::v1 as wire;

/// Checked resources, each name at most once. What they refer to may lie outside.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Manifest {
    /// Plans.
    pub plans: Vec<Plan>,
    /// Agents; no two claim one address.
    pub agents: Vec<Agent>,
    /// Consumers.
    pub consumers: Vec<Consumer>,
    /// Subscriptions.
    pub subscriptions: Vec<Subscription>,
    /// API keys.
    pub api_keys: Vec<ApiKey>,
}

impl TryFrom<wire::Manifest> for Manifest {
    type Error = Violations;

    fn try_from(wire: wire::Manifest) -> Result<Self, Violations> {
        let wire::Manifest { plans, agents, consumers, subscriptions, api_keys } = wire;
        let mut wrong = Violations::new();
        let count = plans.len() + agents.len() + consumers.len() + subscriptions.len() + api_keys.len();
        check::count(count, &bound::MANIFEST_RESOURCES, &FieldPath::root(), &mut wrong);
        let manifest = Self {
            plans: each(plans, "plans", |p| &p.name, Plan::from_wire, &mut wrong),
            agents: each(agents, "agents", |a| &a.name, Agent::from_wire, &mut wrong),
            consumers: each(consumers, "consumers", |c| &c.name, Consumer::from_wire, &mut wrong),
            subscriptions: each(
                subscriptions,
                "subscriptions",
                |s| &s.name,
                Subscription::from_wire,
                &mut wrong,
            ),
            api_keys: each(api_keys, "api_keys", |k| &k.name, ApiKey::from_wire, &mut wrong),
        };
        // Indices below are those of the wire message only if nothing was dropped.
        if wrong.is_empty() {
            let mut claims = Claims::default();
            let agents_at = FieldPath::root().field("agents");
            for (index, agent) in manifest.agents.iter().enumerate() {
                claims.add(agent, &agents_at.index(index), &mut wrong);
            }
        }
        wrong.or_value(Some(manifest))
    }
}

/// Checks each element and notes names that occur twice.
fn each<W, M>(
    wire: Vec<W>,
    field: &str,
    name: impl Fn(&W) -> &String,
    check: impl Fn(W, &FieldPath, &mut Violations) -> Option<M>,
    wrong: &mut Violations,
) -> Vec<M> {
    let at = FieldPath::root().field(field);
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let mut checked = Vec::with_capacity(wire.len());
    for (index, element) in wire.into_iter().enumerate() {
        let at = at.index(index);
        let name = name(&element).clone();
        if let Some(first) = seen.get(&name).filter(|_| !name.is_empty()) {
            let text = format!("is the name of {field}[{first}] already");
            wrong.push(at.field("name"), "DUPLICATE", text);
        }
        seen.entry(name).or_insert(index);
        checked.extend(check(element, &at, wrong));
    }
    checked
}

impl Manifest {
    /// Checks that the manifest stands on its own, as a data plane without a control plane needs it: everything that a
    /// resource refers to is in it, and every API key brings its hash along.
    ///
    /// # Errors
    ///
    /// Every reference that leads nowhere, with its path.
    pub fn check_complete(&self) -> Result<(), Violations> {
        let root = FieldPath::root();
        let mut wrong = Violations::new();
        let plans: BTreeMap<_, _> = self.plans.iter().map(|plan| (&plan.name, plan)).collect();
        let consumers: BTreeMap<_, _> = self.consumers.iter().map(|c| (&c.name, ())).collect();
        let subscriptions: BTreeMap<_, _> = self.subscriptions.iter().map(|s| (&s.name, ())).collect();
        let mut missing = |at: FieldPath, name: &dyn std::fmt::Display| {
            wrong.push(at, "REFERENCE_NOT_FOUND", format!("{name} is not in this manifest"));
        };
        for (index, agent) in self.agents.iter().enumerate() {
            for (position, plan) in
                agent.plans.iter().enumerate().filter(|(_, plan)| !plans.contains_key(plan))
            {
                missing(root.field("agents").index(index).field("plans").index(position), plan);
            }
        }
        for (index, subscription) in self.subscriptions.iter().enumerate() {
            let at = root.field("subscriptions").index(index);
            if !consumers.contains_key(&subscription.name.consumer()) {
                missing(at.field("name"), &subscription.name.consumer());
            }
            if !plans.contains_key(&subscription.plan) {
                missing(at.field("plan"), &subscription.plan);
            }
        }
        for (index, key) in self.api_keys.iter().enumerate() {
            if !subscriptions.contains_key(&key.name.subscription()) {
                missing(root.field("api_keys").index(index).field("name"), &key.name.subscription());
            }
        }
        self.check_plans_take_keys(&plans, &mut wrong);
        self.check_hashes(&mut wrong);
        wrong.or_value(Some(()))
    }

    /// What is allowed and may yet not be what was meant, with its path: as far as the manifest alone can tell.
    #[must_use]
    pub fn advice(&self) -> Violations {
        let at = FieldPath::root().field("agents");
        let mut advice = Violations::new();
        let plans: BTreeMap<_, _> = self.plans.iter().map(|plan| (&plan.name, plan)).collect();
        for (index, agent) in self.agents.iter().enumerate() {
            for plan in agent.plans.iter().filter_map(|name| plans.get(name)) {
                rules::unenforced_skills(agent, plan, &at.index(index), &mut advice);
                rules::shared_ownership(agent, plan, &at.index(index), &mut advice);
            }
        }
        advice
    }

    fn check_plans_take_keys(&self, plans: &BTreeMap<&super::name::PlanName, &Plan>, wrong: &mut Violations) {
        let at = FieldPath::root().field("subscriptions");
        for (index, subscription) in self.subscriptions.iter().enumerate() {
            if let Some(plan) = plans.get(&subscription.plan) {
                rules::subscription_plan(plan, &at.index(index), wrong);
            }
        }
    }

    fn check_hashes(&self, wrong: &mut Violations) {
        let at = FieldPath::root().field("api_keys");
        let mut seen = BTreeMap::new();
        for (index, key) in self.api_keys.iter().enumerate() {
            let at = at.index(index).field("key_sha256");
            match key.sha256 {
                None => wrong.push(
                    at,
                    "REQUIRED",
                    "must be given here; `signalbox keys generate` makes a key and its hash",
                ),
                Some(hash) => {
                    if let Some(first) = seen.insert(hash, index) {
                        wrong.push(at, "DUPLICATE", format!("is the hash of api_keys[{first}] already"));
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
