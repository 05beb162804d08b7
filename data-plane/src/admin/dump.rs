//! What is enforced, as JSON without secrets.

use serde_json::{Value, json};
use signalbox_proto::model::agent::AgentState;
use signalbox_proto::model::lane::Cursor;
use signalbox_proto::model::plan::Security;

use crate::config::{Agent, Plan, Runtime, Target};

/// The state that requests read: cursors, agents with their addresses and servers, plans, and how many keys.
pub(super) fn render(runtime: &Runtime) -> String {
    let mut agents: Vec<_> = runtime.agents.iter().map(|(_, agent)| agent).collect();
    agents.sort_by(|a, b| a.name.cmp(&b.name));
    let mut plans: Vec<_> = runtime.plans.iter().map(|(_, plan)| plan).collect();
    plans.sort_by(|a, b| a.name.cmp(&b.name));
    let dump = json!({
        "cursors": {
            "config": cursor(runtime.cursors.config),
            "credentials": cursor(runtime.cursors.credentials),
        },
        "agents": agents.into_iter().map(|agent| self::agent(agent)).collect::<Vec<_>>(),
        "plans": plans.into_iter().map(|plan| self::plan(plan)).collect::<Vec<_>>(),
        "apiKeys": runtime.keys.len(),
    });
    format!("{dump:#}\n")
}

fn cursor(cursor: Cursor) -> Value {
    json!({ "epoch": hex::encode(cursor.epoch.0), "revision": cursor.revision })
}

fn agent(agent: &Agent) -> Value {
    let spec = &agent.spec;
    let addresses = crate::route::addresses(&agent.name, &spec.addresses);
    json!({
        "name": agent.name.as_str(),
        "revision": agent.revision,
        "state": match spec.state {
            AgentState::Saved => "SAVED",
            AgentState::Deployed => "DEPLOYED",
            AgentState::Stopped => "STOPPED",
        },
        "addresses": addresses.iter().map(|address| &*address.text).collect::<Vec<_>>(),
        "upstreams": agent.targets.iter().map(|target| &*target.upstream.url.text).collect::<Vec<_>>(),
        "cardFailures": card_failures(agent),
        "plans": agent.plans.iter().map(|plan| plan.name.as_str()).collect::<Vec<_>>(),
        "publicUrl": agent.public_url.as_ref().map(|url| url.as_str()),
    })
}

/// Servers whose card could not be fetched the last time, and why.
fn card_failures(agent: &Agent) -> Vec<Value> {
    let failure = |target: &std::sync::Arc<Target>| {
        let reason = target.card_failure.load_full()?;
        Some(json!({ "upstream": &*target.upstream.url.text, "reason": &*reason }))
    };
    agent.targets.iter().filter_map(failure).collect()
}

fn plan(plan: &Plan) -> Value {
    json!({
        "name": plan.name.as_str(),
        "revision": plan.revision,
        "open": plan.gate.open,
        "security": match plan.gate.security {
            Security::ApiKey { .. } => "API_KEY",
            Security::Keyless => "KEYLESS",
        },
        "rateLimits": plan.spec.rate_limits.iter().map(|limit| &*limit.name).collect::<Vec<_>>(),
    })
}
