//! From the last state and what changed to the next state. Cannot fail for a valid model.
//!
//! The work is proportional to the change, with two exceptions: a plan that changes takes every agent that lists it
//! along, and a full delta looks at everything held of its lane. What a change does not touch is shared with the
//! previous state; limits keep their state by the name of plan and limit, connections by the identity of endpoints.

mod agents;
#[cfg(test)]
pub(in crate::config) mod tests;

use std::sync::Arc;

use hashbrown::HashSet;
use signalbox_proto::model;
use signalbox_proto::model::lane::Change;

use super::runtime::{Plan, Runtime, Site};
use super::stage::{KeyEdit, Staged, StagedChanges};
use crate::auth::{Gate, KeyTable};
use crate::limit::PlanLimits;
use crate::telemetry::Metrics;
use crate::upstream::tls::TlsClients;

/// What besides the configuration decides the state.
#[derive(Debug, Default)]
pub struct Setting {
    /// Where the data plane is.
    pub site: Site,
    /// TLS towards agents; made once, since reading the system's roots takes long.
    pub tls: TlsClients,
    /// Where agents and plans find their counters.
    pub metrics: Arc<Metrics>,
}

/// The next state.
#[derive(Debug)]
pub struct Compiled {
    /// What requests are to read.
    pub runtime: Runtime,
    /// Resources whose open streams may have to end.
    pub touched: Touched,
}

/// Resources whose open streams may have to end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Touched {
    /// Names of agents, plans and keys.
    pub names: HashSet<Arc<str>>,
    /// Every key may have changed.
    pub all_keys: bool,
}

/// Compiles the state after `staged`. The caller has checked that it follows on `previous`.
#[must_use]
pub fn compile(previous: &Runtime, staged: Staged, setting: &Setting) -> Compiled {
    let mut next = Compiled { runtime: previous.clone(), touched: Touched::default() };
    next.runtime.cursors.set(staged.lane, staged.to);
    match staged.changes {
        StagedChanges::Config(changes) => compile_config(previous, changes, staged.full, setting, &mut next),
        StagedChanges::Keys(edits) => edit_keys(edits, &mut next),
        StagedChanges::AllKeys { pepper, batch } => {
            next.runtime.keys = KeyTable::build(pepper, &batch);
            next.touched.all_keys = true;
        }
    }
    next
}

fn edit_keys(edits: Vec<KeyEdit>, next: &mut Compiled) {
    for edit in edits {
        let name = match edit {
            KeyEdit::Put(key) => {
                next.runtime.keys.put(&key);
                key.name.shared()
            }
            KeyEdit::Delete(name) => {
                next.runtime.keys.remove(name.as_str());
                name.shared()
            }
        };
        next.touched.names.insert(name);
    }
}

fn compile_config(
    previous: &Runtime,
    changes: Vec<(u64, Change)>,
    full: bool,
    setting: &Setting,
    next: &mut Compiled,
) {
    let mut sorted = Sorted::new(changes);
    if full {
        sorted.delete_the_rest(previous);
    }
    // Agents that change although nobody changed them: those that list a plan that did.
    let mut stale: HashSet<Arc<str>> = HashSet::new();
    for name in &sorted.deleted_plans {
        if next.runtime.plans.remove(name).is_some() {
            mark_members(&next.runtime, name, &mut stale);
            next.touched.names.insert(Arc::clone(name));
        }
    }
    for (revision, spec) in sorted.plans {
        put_plan(previous, revision, spec, setting, next, &mut stale);
    }
    agents::apply(previous, sorted.agents, &sorted.deleted_agents, stale, setting, next);
}

fn put_plan(
    previous: &Runtime,
    revision: u64,
    spec: Box<model::plan::Plan>,
    setting: &Setting,
    next: &mut Compiled,
    stale: &mut HashSet<Arc<str>>,
) {
    let name = spec.name.shared();
    let held = previous.plans.get(&name);
    if held.is_some_and(|held| *held.spec == *spec) {
        return;
    }
    let gate = Gate::from(&*spec);
    if !gate.open && held.is_some_and(|held| held.gate.open) {
        next.touched.names.insert(Arc::clone(&name));
    }
    let limits = PlanLimits::compile(&spec, held.map(|held| &held.limits));
    let metrics = setting.metrics.plan(spec.name.organization(), spec.name.id());
    let plan = Plan { name: spec.name.clone(), revision, gate, limits, spec: Arc::new(*spec), metrics };
    next.runtime.plans.insert(Arc::clone(&name), Arc::new(plan));
    mark_members(&next.runtime, &name, stale);
}

fn mark_members(runtime: &Runtime, plan: &str, stale: &mut HashSet<Arc<str>>) {
    if let Some(members) = runtime.members.get(plan) {
        stale.extend(members.iter().cloned());
    }
}

/// Changes of the config lane by kind.
struct Sorted {
    agents: Vec<(u64, Box<model::agent::Agent>)>,
    plans: Vec<(u64, Box<model::plan::Plan>)>,
    deleted_agents: HashSet<Arc<str>>,
    deleted_plans: HashSet<Arc<str>>,
}

impl Sorted {
    fn new(changes: Vec<(u64, Change)>) -> Self {
        let mut sorted = Self {
            agents: Vec::new(),
            plans: Vec::new(),
            deleted_agents: HashSet::new(),
            deleted_plans: HashSet::new(),
        };
        for (revision, change) in changes {
            match change {
                Change::PutAgent(agent) => sorted.agents.push((revision, agent)),
                Change::PutPlan(plan) => sorted.plans.push((revision, plan)),
                Change::DeleteAgent(name) => {
                    sorted.deleted_agents.insert(name.shared());
                }
                Change::DeletePlan(name) => {
                    sorted.deleted_plans.insert(name.shared());
                }
                Change::PutCredential(_) | Change::DeleteCredential(_) => {}
            }
        }
        sorted
    }

    /// Deletes everything held that is not put.
    fn delete_the_rest(&mut self, previous: &Runtime) {
        let agents: HashSet<&str> = self.agents.iter().map(|(_, agent)| agent.name.as_str()).collect();
        let plans: HashSet<&str> = self.plans.iter().map(|(_, plan)| plan.name.as_str()).collect();
        let gone = |held: &&Arc<str>, put: &HashSet<&str>| !put.contains(&***held);
        let gone_agents = previous.agents.iter().map(|(name, _)| name).filter(|name| gone(name, &agents));
        let gone_plans = previous.plans.iter().map(|(name, _)| name).filter(|name| gone(name, &plans));
        self.deleted_agents = gone_agents.cloned().collect();
        self.deleted_plans = gone_plans.cloned().collect();
    }
}
