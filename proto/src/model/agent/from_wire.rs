//! Wire → model for agents.

use super::{About, Agent, AgentLimits, AgentState, CardPolicy, TaskOwnership, Upstream};
use crate::model::address::{self, Addresses};
use crate::model::name::{AgentName, PlanName};
use crate::model::pointer::SkillSelector;
use crate::model::push::PushPolicy;
use crate::model::violation::{FieldPath, Violations};
use crate::model::{bound, check};
use crate::wire::config::v1 as wire;

impl TryFrom<wire::Agent> for Agent {
    type Error = Violations;

    fn try_from(wire: wire::Agent) -> Result<Self, Violations> {
        let mut wrong = Violations::new();
        let agent = Self::from_wire(wire, &FieldPath::root(), &mut wrong);
        wrong.or_value(agent)
    }
}

impl Agent {
    /// Checks an agent at `at` and notes all that is wrong with it.
    pub fn from_wire(wire: wire::Agent, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::Agent {
            name,
            uid: _,
            etag: _,
            create_time: _,
            update_time: _,
            state,
            display_name,
            version,
            description,
            capabilities,
            labels,
            metadata,
            addresses,
            upstreams,
            card,
            heartbeat_interval,
            plans,
            limits,
            push,
            skill_selector,
            lenient,
            task_ownership,
        } = wire;
        let name = wrong.collect(AgentName::parse(&name, &at.field("name")));
        if let Some(name) = &name {
            address::reserved_agent(name, &at.field("name"), wrong);
        }
        let state = check::known(state, &at.field("state"), wrong).map(AgentState::from_wire);
        let about = About::from_wire(
            AboutFields { display_name, version, description, capabilities, labels, metadata },
            at,
            wrong,
        );
        let addresses = Addresses::from_wire(addresses.unwrap_or_default(), &at.field("addresses"), wrong);
        let upstreams = upstreams_from_wire(upstreams, state, &at.field("upstreams"), wrong);
        let card = CardPolicy::from_wire(card.unwrap_or_default(), &at.field("card"), wrong);
        let heartbeat = check::duration(
            heartbeat_interval,
            &bound::HEARTBEAT_INTERVAL,
            &at.field("heartbeat_interval"),
            wrong,
        )
        .unwrap_or(bound::HEARTBEAT_INTERVAL.default_duration());
        let plans = plans_from_wire(&plans, name.as_ref(), &at.field("plans"), wrong);
        let limits = AgentLimits::from_wire(limits.unwrap_or_default(), &at.field("limits"), wrong);
        let push = PushPolicy::from_wire(push, &at.field("push"), wrong);
        let selector_at = at.field("skill_selector");
        let skill_selector =
            skill_selector.map(|selector| SkillSelector::from_wire(selector, &selector_at, wrong));
        let task_ownership = check::known(task_ownership, &at.field("task_ownership"), wrong);
        let task_ownership = task_ownership.map(TaskOwnership::from_wire);
        Some(Self {
            name: name?,
            state: state?,
            about: about?,
            addresses,
            upstreams,
            card: card?,
            heartbeat_interval: (!heartbeat.is_zero()).then_some(heartbeat),
            plans,
            limits,
            push: push?,
            skill_selector,
            lenient,
            task_ownership: task_ownership?,
        })
    }
}

impl AgentState {
    fn from_wire(wire: wire::AgentState) -> Self {
        match wire {
            wire::AgentState::Unspecified | wire::AgentState::Deployed => Self::Deployed,
            wire::AgentState::Saved => Self::Saved,
            wire::AgentState::Stopped => Self::Stopped,
        }
    }
}

impl TaskOwnership {
    fn from_wire(wire: wire::TaskOwnership) -> Self {
        match wire {
            wire::TaskOwnership::Unspecified | wire::TaskOwnership::Off => Self::Off,
            wire::TaskOwnership::Known => Self::Known,
            wire::TaskOwnership::Strict => Self::Strict,
        }
    }
}

/// The fields of an agent that people read.
struct AboutFields {
    display_name: String,
    version: String,
    description: String,
    capabilities: Vec<String>,
    labels: std::collections::BTreeMap<String, String>,
    metadata: std::collections::BTreeMap<String, String>,
}

impl About {
    fn from_wire(fields: AboutFields, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let AboutFields { display_name, version, description, capabilities, labels, metadata } = fields;
        let display_name = check::text(display_name, &bound::DISPLAY_NAME, &at.field("display_name"), wrong);
        let version = check::text(version, &bound::AGENT_VERSION, &at.field("version"), wrong);
        let description = check::text(description, &bound::DESCRIPTION, &at.field("description"), wrong);
        let capabilities_at = at.field("capabilities");
        check::count(capabilities.len(), &bound::CAPABILITIES, &capabilities_at, wrong);
        let capabilities = capabilities
            .into_iter()
            .enumerate()
            .filter_map(|(i, text)| check::text(text, &bound::CAPABILITY, &capabilities_at.index(i), wrong))
            .collect();
        let labels = check::labels(labels, &at.field("labels"), wrong);
        let metadata_at = at.field("metadata");
        check::count(metadata.len(), &bound::METADATA, &metadata_at, wrong);
        for (key, value) in &metadata {
            let at = metadata_at.key(key);
            check::text(key.clone(), &bound::METADATA_KEY, &at, wrong);
            check::text(value.clone(), &bound::METADATA_VALUE, &at, wrong);
        }
        Some(Self {
            display_name: display_name?,
            version: version?,
            description: description?,
            capabilities,
            labels,
            metadata,
        })
    }
}

fn upstreams_from_wire(
    wire: Vec<wire::Upstream>,
    state: Option<AgentState>,
    at: &FieldPath,
    wrong: &mut Violations,
) -> Vec<Upstream> {
    check::count(wire.len(), &bound::UPSTREAMS, at, wrong);
    if wire.is_empty() && state.is_some_and(|state| state != AgentState::Saved) {
        wrong.push(at.clone(), "REQUIRED", "must have at least one server unless the state is SAVED");
    }
    let check = |(index, upstream)| Upstream::from_wire(upstream, &at.index(index), wrong);
    wire.into_iter().enumerate().filter_map(check).collect()
}

fn plans_from_wire(
    plans: &[String],
    agent: Option<&AgentName>,
    at: &FieldPath,
    wrong: &mut Violations,
) -> Vec<PlanName> {
    check::count(plans.len(), &bound::PLANS, at, wrong);
    let mut names = Vec::new();
    for (index, plan) in plans.iter().enumerate() {
        let at = at.index(index);
        let Some(name) = wrong.collect(PlanName::parse(plan, &at)) else { continue };
        if agent.is_some_and(|agent| agent.organization() != name.organization()) {
            wrong.push(at, "FOREIGN_ORGANIZATION", "must be a plan of the agent's own organization");
        }
        names.push(name);
    }
    check::unique(&names, at, wrong);
    names
}

impl AgentLimits {
    fn from_wire(wire: wire::AgentLimits, at: &FieldPath, wrong: &mut Violations) -> Self {
        let wire::AgentLimits {
            max_body_bytes,
            connect_timeout,
            send_timeout,
            unary_timeout,
            stream_idle_timeout,
            stream_max_duration,
        } = wire;
        let default = Self::default();
        let body = if max_body_bytes == 0 {
            None
        } else {
            check::number(max_body_bytes, &bound::MAX_BODY_BYTES, &at.field("max_body_bytes"), wrong)
        };
        let mut duration = |value, bound, field: &str| check::duration(value, bound, &at.field(field), wrong);
        Self {
            max_body_bytes: body.unwrap_or(default.max_body_bytes),
            connect_timeout: duration(connect_timeout, &bound::CONNECT_TIMEOUT, "connect_timeout")
                .unwrap_or(default.connect_timeout),
            send_timeout: duration(send_timeout, &bound::SEND_TIMEOUT, "send_timeout")
                .unwrap_or(default.send_timeout),
            unary_timeout: duration(unary_timeout, &bound::UNARY_TIMEOUT, "unary_timeout")
                .unwrap_or(default.unary_timeout),
            stream_idle_timeout: duration(
                stream_idle_timeout,
                &bound::STREAM_IDLE_TIMEOUT,
                "stream_idle_timeout",
            )
            .unwrap_or(default.stream_idle_timeout),
            stream_max_duration: duration(
                stream_max_duration,
                &bound::STREAM_MAX_DURATION,
                "stream_max_duration",
            )
            .filter(|duration| !duration.is_zero()),
        }
    }
}
