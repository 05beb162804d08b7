//! Agents and their addresses.

use std::sync::Arc;

use arc_swap::ArcSwapOption;
use hashbrown::{HashMap, HashSet};
use signalbox_proto::model;
use signalbox_proto::model::agent::{Upstream, UpstreamProtocol};

use super::{Compiled, Setting};
use crate::config::runtime::{Agent, Plan, Runtime, Site, Target};
use crate::route::{addresses, public_path};
use crate::upstream::endpoint::Endpoint;

/// Takes agents away, puts others, and rebuilds those in `stale`, whose plans changed.
pub(super) fn apply(
    previous: &Runtime,
    puts: Vec<(u64, Box<model::agent::Agent>)>,
    deleted: &HashSet<Arc<str>>,
    stale: HashSet<Arc<str>>,
    setting: &Setting,
    next: &mut Compiled,
) {
    let mut changed: HashMap<Arc<str>, (u64, Arc<model::agent::Agent>)> = HashMap::new();
    for name in stale.into_iter().filter(|name| !deleted.contains(name)) {
        if let Some(held) = previous.agents.get(&name) {
            changed.insert(name, (held.revision, Arc::clone(&held.spec)));
        }
    }
    for (revision, spec) in puts {
        let held = previous.agents.get(spec.name.as_str());
        if held.is_none_or(|held| *held.spec != *spec) {
            changed.insert(spec.name.shared(), (revision, Arc::new(*spec)));
        }
    }
    // All old addresses go before the first new one comes: two agents may have swapped theirs.
    for name in changed.keys().chain(deleted) {
        if let Some(held) = previous.agents.get(name) {
            withdraw(held, &mut next.runtime);
        }
    }
    for name in deleted {
        if let Some(held) = next.runtime.agents.remove(name) {
            leave_plans(&held.spec, &mut next.runtime);
            next.touched.names.insert(Arc::clone(name));
        }
    }
    for (name, (revision, spec)) in changed {
        let agent = Arc::new(build(revision, spec, &next.runtime, previous, setting));
        if let Some(held) = previous.agents.get(&name) {
            leave_plans(&held.spec, &mut next.runtime);
            if loses_streams(held, &agent) {
                next.touched.names.insert(Arc::clone(&name));
            }
        }
        join_plans(&name, &agent.spec, &mut next.runtime);
        publish(&agent, &mut next.runtime);
        next.runtime.agents.insert(name, agent);
    }
}

fn build(
    revision: u64,
    spec: Arc<model::agent::Agent>,
    runtime: &Runtime,
    previous: &Runtime,
    setting: &Setting,
) -> Agent {
    let site = &setting.site;
    let plans = spec.plans.iter().filter_map(|name| runtime.plans.get(name.as_str()));
    let plans: Vec<Arc<Plan>> = plans.cloned().collect();
    let held = previous.agents.get(spec.name.as_str());
    let same_targets = held.filter(|held| {
        held.spec.upstreams == spec.upstreams
            && held.spec.limits.connect_timeout == spec.limits.connect_timeout
            // What was learned from another card may be wrong by now.
            && held.spec.card.static_card == spec.card.static_card
            && held.spec.card.fetch_credential == spec.card.fetch_credential
    });
    let targets = match same_targets {
        Some(held) => Arc::clone(&held.targets),
        None => used_here(&spec.upstreams, site).map(|upstream| target(upstream, &spec, setting)).collect(),
    };
    let wanted = spec.addresses.public_urls.iter();
    let public_url = wanted.clone().find(|url| url.selector.matches(&site.region, &site.labels));
    Agent {
        name: spec.name.clone(),
        revision,
        plans,
        targets,
        public_url: public_url.map(|public| public.url.clone()),
        path: public_path(&spec.name, &spec.addresses).into(),
        metrics: setting.metrics.agent(spec.name.organization(), spec.name.id()),
        spec,
    }
}

fn target(upstream: &Upstream, agent: &model::agent::Agent, setting: &Setting) -> Arc<Target> {
    let endpoint = Endpoint::compile(upstream, agent.limits.connect_timeout, &setting.tls);
    let http2_endpoint = (upstream.protocol == UpstreamProtocol::Auto).then(|| {
        let upstream = Upstream { protocol: UpstreamProtocol::Http2, ..upstream.clone() };
        Box::new(Endpoint::compile(&upstream, agent.limits.connect_timeout, &setting.tls))
    });
    Arc::new(Target {
        upstream: upstream.clone(),
        endpoint,
        http2_endpoint,
        interfaces: ArcSwapOption::empty(),
        card_failure: ArcSwapOption::empty(),
    })
}

/// The servers whose selector names this data plane, else those without a selector.
fn used_here<'a>(upstreams: &'a [Upstream], site: &Site) -> impl Iterator<Item = &'a Upstream> {
    let selects = |upstream: &Upstream| {
        !upstream.selector.is_empty() && upstream.selector.matches(&site.region, &site.labels)
    };
    let selected: Vec<&Upstream> = upstreams.iter().filter(|upstream| selects(upstream)).collect();
    let rest = upstreams.iter().filter(|upstream| upstream.selector.is_empty());
    let rest: Vec<&Upstream> = if selected.is_empty() { rest.collect() } else { Vec::new() };
    selected.into_iter().chain(rest)
}

/// Whether streams that were open on `before` may not go on under `after`.
fn loses_streams(before: &Agent, after: &Agent) -> bool {
    let kept = |plan: &Arc<Plan>| after.plans.iter().any(|other| other.name == plan.name);
    !after.is_served() || !before.plans.iter().all(kept)
}

fn publish(agent: &Arc<Agent>, runtime: &mut Runtime) {
    if !agent.is_served() {
        return;
    }
    for address in addresses(&agent.name, &agent.spec.addresses) {
        // Two agents never claim one address in a valid model; should they, the outcome must not depend on order.
        if runtime.routes.at(&address).is_none_or(|held| held.name >= agent.name) {
            runtime.routes.insert(&address, Arc::clone(agent));
        }
    }
}

fn withdraw(agent: &Arc<Agent>, runtime: &mut Runtime) {
    for address in addresses(&agent.name, &agent.spec.addresses) {
        if runtime.routes.at(&address).is_some_and(|held| held.name == agent.name) {
            runtime.routes.remove(&address);
        }
    }
}

fn join_plans(name: &Arc<str>, spec: &model::agent::Agent, runtime: &mut Runtime) {
    for plan in &spec.plans {
        match runtime.members.get_mut(plan.as_str()) {
            Some(members) => {
                Arc::make_mut(members).insert(Arc::clone(name));
            }
            None => {
                let members = std::iter::once(Arc::clone(name)).collect();
                runtime.members.insert(plan.shared(), Arc::new(members));
            }
        }
    }
}

fn leave_plans(spec: &model::agent::Agent, runtime: &mut Runtime) {
    for plan in &spec.plans {
        if let Some(members) = runtime.members.get_mut(plan.as_str()) {
            Arc::make_mut(members).remove(spec.name.as_str());
            if members.is_empty() {
                runtime.members.remove(plan.as_str());
            }
        }
    }
}
