//! What a data plane must be able to do to get a resource.
//!
//! What narrows who may call, or says where and how an agent is reached, must not go to a data plane that would ignore
//! it. What only widens what is accepted, as leniency does, goes to everybody.

use std::collections::BTreeSet;

use signalbox_proto::wire::config::v1 as config;
use signalbox_proto::wire::discovery::v1::{Change, Deleted, change::Body};

/// The capabilities that `change` needs; none: any data plane can apply it.
fn required(change: &Change) -> Vec<&'static str> {
    match &change.body {
        Some(Body::Plan(plan)) => plan_needs(plan),
        Some(Body::Agent(agent)) => agent_needs(agent),
        _ => Vec::new(),
    }
}

fn plan_needs(plan: &config::Plan) -> Vec<&'static str> {
    let security = match plan.security {
        Some(config::plan::Security::ApiKey(_)) => "plan.api_key",
        Some(config::plan::Security::Keyless(_)) => "plan.keyless",
        // What nobody can enforce goes to nobody.
        None => "plan.unknown",
    };
    let needs = [
        (true, security),
        (!plan.operations.is_empty(), "plan.operations"),
        (!plan.skills.is_empty(), "plan.skills"),
        (restricts(plan.push.as_ref()), "plan.push"),
    ];
    chosen(&needs)
}

fn agent_needs(agent: &config::Agent) -> Vec<&'static str> {
    let card = agent.card.as_ref();
    let needs = [
        (restricts(agent.push.as_ref()), "agent.push"),
        (agent.skill_selector.is_some(), "agent.skill_selector"),
        (keeps_apart(agent), "agent.task_ownership"),
        (card.is_some_and(|card| card.static_card.is_some()), "agent.static_card"),
        (card.is_some_and(|card| card.fetch_credential.is_some()), "agent.card_credential"),
        (agent.upstreams.iter().any(|upstream| !upstream.bindings.is_empty()), "upstream.bindings"),
    ];
    chosen(&needs)
}

fn chosen(needs: &[(bool, &'static str)]) -> Vec<&'static str> {
    needs.iter().filter(|(needed, _)| *needed).map(|(_, name)| *name).collect()
}

fn restricts(push: Option<&config::PushPolicy>) -> bool {
    push.is_some_and(|push| !matches!(push.mode(), config::PushMode::Unspecified | config::PushMode::Pass))
}

fn keeps_apart(agent: &config::Agent) -> bool {
    use config::TaskOwnership as Ownership;
    !matches!(agent.task_ownership(), Ownership::Unspecified | Ownership::Off)
}

/// The first capability that `change` needs and a data plane with these `capabilities` lacks.
pub fn lacking(change: &Change, capabilities: &BTreeSet<String>) -> Option<&'static str> {
    required(change).into_iter().find(|needed| !capabilities.contains(*needed))
}

/// Whether a change of this resource may have been withheld, or may be now.
pub fn may_be_withheld(change: &Change) -> bool {
    match &change.body {
        Some(Body::Plan(_) | Body::Agent(_)) => true,
        Some(Body::Deleted(_)) => change.name.contains("/plans/") || change.name.contains("/agents/"),
        _ => false,
    }
}

/// What a data plane that lacks the capability gets instead: an older form of the resource must not stay in force.
pub fn withheld(change: &Change) -> Change {
    Change { name: change.name.clone(), revision: change.revision, body: Some(Body::Deleted(Deleted {})) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(plan: config::Plan) -> Change {
        Change { body: Some(Body::Plan(plan)), ..Default::default() }
    }

    fn agent(agent: config::Agent) -> Change {
        Change { body: Some(Body::Agent(agent)), ..Default::default() }
    }

    fn push(mode: config::PushMode) -> Option<config::PushPolicy> {
        Some(config::PushPolicy { mode: mode.into(), ..Default::default() })
    }

    #[test]
    fn plans_need_what_their_security_and_permits_need() {
        let key = || Some(config::plan::Security::ApiKey(config::ApiKeySecurity::default()));
        assert_eq!(required(&plan(config::Plan { security: key(), ..Default::default() })), ["plan.api_key"]);
        assert_eq!(required(&plan(config::Plan::default())), ["plan.unknown"]);
        let full = config::Plan {
            security: key(),
            operations: vec!["GetTask".to_owned()],
            skills: vec!["search".to_owned()],
            push: push(config::PushMode::Off),
            ..Default::default()
        };
        let names = ["plan.api_key", "plan.operations", "plan.skills", "plan.push"];
        assert_eq!(required(&plan(full.clone())), names);
        let all: BTreeSet<String> = names.iter().map(|&name| name.to_owned()).collect();
        assert_eq!(lacking(&plan(full.clone()), &all), None);
        let old = BTreeSet::from(["plan.api_key".to_owned()]);
        assert_eq!(lacking(&plan(full), &old), Some("plan.operations"));
    }

    #[test]
    fn agents_need_what_would_be_ignored_at_a_loss() {
        assert!(required(&agent(config::Agent { lenient: true, ..Default::default() })).is_empty());
        let passing = config::Agent { push: push(config::PushMode::Pass), ..Default::default() };
        assert!(required(&agent(passing)).is_empty());
        let card = config::CardPolicy {
            static_card: Some(Default::default()),
            fetch_credential: Some(config::FetchCredential::default()),
            ..Default::default()
        };
        let grpc = config::Upstream { bindings: vec![config::Binding::Grpc.into()], ..Default::default() };
        let full = config::Agent {
            push: push(config::PushMode::Validate),
            skill_selector: Some(config::SkillSelector::default()),
            task_ownership: config::TaskOwnership::Known.into(),
            card: Some(card),
            upstreams: vec![grpc],
            ..Default::default()
        };
        assert_eq!(
            required(&agent(full)),
            [
                "agent.push",
                "agent.skill_selector",
                "agent.task_ownership",
                "agent.static_card",
                "agent.card_credential",
                "upstream.bindings"
            ]
        );
    }
}
