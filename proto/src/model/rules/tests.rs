use super::*;
use crate::wire::config::v1 as wire;

fn agent(name: &str, context_path: &str, hosts: &[&str]) -> Agent {
    Agent::try_from(wire::Agent {
        name: name.to_owned(),
        state: wire::AgentState::Saved.into(),
        addresses: Some(wire::Addresses {
            context_path: context_path.to_owned(),
            hosts: hosts.iter().map(|&host| host.to_owned()).collect(),
            public_urls: Vec::new(),
        }),
        ..Default::default()
    })
    .unwrap()
}

fn key(state: wire::ApiKeyState, digit: char) -> ApiKey {
    ApiKey::try_from(wire::ApiKey {
        name: "organizations/default/consumers/c/subscriptions/s/apiKeys/k".to_owned(),
        state: state.into(),
        key_sha256: digit.to_string().repeat(64),
        ..Default::default()
    })
    .unwrap()
}

fn subscription(plan: &str, state: wire::SubscriptionState) -> Subscription {
    Subscription::try_from(wire::Subscription {
        name: "organizations/default/consumers/c/subscriptions/s".to_owned(),
        plan: format!("organizations/default/plans/{plan}"),
        state: state.into(),
        ..Default::default()
    })
    .unwrap()
}

fn plan(security: wire::plan::Security) -> Plan {
    let name = "organizations/default/plans/p".to_owned();
    Plan::try_from(wire::Plan { name, security: Some(security), ..Default::default() }).unwrap()
}

fn reasons(check: impl FnOnce(&mut Violations)) -> Vec<&'static str> {
    let mut wrong = Violations::new();
    check(&mut wrong);
    wrong.iter().map(|violation| violation.reason).collect()
}

#[test]
fn an_agent_of_the_default_organization_shares_a_namespace_with_organizations() {
    let ours = agent_claims(&agent("organizations/default/agents/acme", "", &[]), &FieldPath::root());
    let theirs = agent_claims(&agent("organizations/acme/agents/bot", "", &[]), &FieldPath::root());
    assert_eq!(ours[0].key, theirs[0].key);
    assert_ne!(ours[0].holder, theirs[0].holder);
}

#[test]
fn agents_of_one_organization_share_its_address() {
    let one = agent_claims(&agent("organizations/acme/agents/one", "", &[]), &FieldPath::root());
    let two = agent_claims(&agent("organizations/acme/agents/two", "", &[]), &FieldPath::root());
    assert_eq!((&one[0].key, &one[0].holder), (&two[0].key, &two[0].holder));
}

#[test]
fn paths_and_hosts_are_claimed_by_the_agent_at_the_field_that_names_them() {
    let agent = agent("organizations/acme/agents/bot", "/support", &["a.example", "b.example"]);
    let claims = agent_claims(&agent, &FieldPath::root().field("agent"));
    let seen: Vec<_> = claims.iter().map(|claim| (claim.key.as_str(), claim.field.as_str())).collect();
    assert_eq!(
        seen,
        [
            ("id acme", "agent.name"),
            ("path /support", "agent.addresses.context_path"),
            ("host a.example", "agent.addresses.hosts[0]"),
            ("host b.example", "agent.addresses.hosts[1]"),
        ]
    );
    assert!(claims[1..].iter().all(|claim| claim.holder == "organizations/acme/agents/bot"));
}

#[test]
fn a_revoked_key_and_a_closed_subscription_stay_so() {
    use wire::ApiKeyState::{Active, Revoked};
    use wire::SubscriptionState as State;
    let at = FieldPath::root();
    let keys = |old, new| reasons(|wrong| api_key_change(&key(old, 'a'), &key(new, 'a'), &at, wrong));
    assert_eq!(keys(Revoked, Active), ["FINAL_STATE"]);
    assert!(keys(Revoked, Revoked).is_empty() && keys(Active, Revoked).is_empty());
    let subscriptions = |old, new| {
        reasons(|wrong| {
            subscription_change(&subscription("p", old), &subscription("p", new), &at, wrong);
        })
    };
    assert_eq!(subscriptions(State::Closed, State::Paused), ["FINAL_STATE"]);
    assert!(subscriptions(State::Paused, State::Active).is_empty());
}

#[test]
fn the_hash_of_a_key_and_the_plan_of_a_subscription_cannot_change() {
    let at = FieldPath::root();
    let active = wire::ApiKeyState::Active;
    assert_eq!(
        reasons(|wrong| api_key_change(&key(active, 'a'), &key(active, 'b'), &at, wrong)),
        ["IMMUTABLE"]
    );
    let state = wire::SubscriptionState::Active;
    assert_eq!(
        reasons(|wrong| subscription_change(
            &subscription("p", state),
            &subscription("q", state),
            &at,
            wrong
        )),
        ["IMMUTABLE"]
    );
}

#[test]
fn only_a_plan_with_keys_can_be_subscribed_to() {
    let keyless = plan(wire::plan::Security::Keyless(wire::KeylessSecurity {}));
    let keyed = plan(wire::plan::Security::ApiKey(wire::ApiKeySecurity::default()));
    let at = FieldPath::root();
    assert_eq!(reasons(|wrong| subscription_plan(&keyless, &at, wrong)), ["KEYLESS_PLAN"]);
    assert!(reasons(|wrong| subscription_plan(&keyed, &at, wrong)).is_empty());
    assert!(abandons_keys(&keyed, &keyless) && !abandons_keys(&keyless, &keyed));
}
