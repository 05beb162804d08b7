use super::*;
use wire::ApplyAction::{Created, Unchanged, Updated};

fn actions(applied: &crate::service::Applied) -> Vec<wire::ApplyAction> {
    applied.results.iter().map(wire::ApplyResult::action).collect()
}

fn key(consumer: &str, subscription: &str, id: &str, digit: char) -> wire::ApiKey {
    let name = format!("{ORGANIZATION}/consumers/{consumer}/subscriptions/{subscription}/apiKeys/{id}");
    wire::ApiKey { name, ..hashed_key(digit) }
}

fn whole() -> wire::Manifest {
    let mut manifest = manifest();
    let name = "organizations/default/agents/echo".to_owned();
    manifest.agents = vec![wire::Agent { name, ..agent(&["keyed"]) }];
    manifest.api_keys = vec![key("shop", "gold", "k", 'a')];
    manifest
}

#[tokio::test]
async fn a_manifest_is_one_commit_whatever_its_order_and_size() {
    let fixture = Fixture::new().await;
    let applied = fixture.apply(whole()).await.unwrap();
    assert_eq!(actions(&applied), [Created; 6]);
    assert_eq!(fixture.heads().await, Heads { config: 1, credentials: 1 });
    let names: Vec<_> = applied.results.iter().map(|result| result.name.as_str()).collect();
    assert_eq!(names[0], "organizations/default/plans/keyed");
    assert_eq!(names[5], "organizations/default/consumers/shop/subscriptions/gold/apiKeys/k");
    assert_eq!(fixture.held(Lane::Credentials).await.len(), 1);
}

#[tokio::test]
async fn skills_that_only_filter_cards_are_told() {
    let fixture = Fixture::new().await;
    let mut plans = whole();
    plans.plans[0].skills = vec!["search".to_owned()];
    let agents = std::mem::take(&mut plans.agents);
    assert!(fixture.apply(plans).await.unwrap().advice.is_empty());
    // The plan is stored already; the agent alone does not show it.
    let mut manifest = wire::Manifest { agents, ..Default::default() };
    let advice = fixture.apply(manifest.clone()).await.unwrap().advice;
    let told: Vec<_> = advice.iter().map(|advice| (advice.field.as_str(), advice.reason)).collect();
    assert_eq!(told, [("manifest.agents[0].skill_selector", "SKILLS_NOT_ENFORCED")]);
    manifest.agents[0].skill_selector =
        Some(wire::SkillSelector { message_metadata: vec!["/skill".to_owned()], ..Default::default() });
    assert!(fixture.apply(manifest).await.unwrap().advice.is_empty());
}

#[tokio::test]
async fn a_manifest_that_says_nothing_new_commits_nothing() {
    let fixture = Fixture::new().await;
    fixture.apply(whole()).await.unwrap();
    let again = fixture.apply(whole()).await.unwrap();
    assert_eq!(actions(&again), [Unchanged; 6]);
    assert_eq!(again.commit, None);
    assert_eq!(fixture.heads().await, Heads { config: 1, credentials: 1 });
    assert_eq!(fixture.service.store().audit(None, 9).await.unwrap().len(), 1);

    let mut changed = whole();
    changed.agents[0].display_name = "Echo".to_owned();
    let updated = fixture.apply(changed).await.unwrap();
    assert_eq!(actions(&updated), [Unchanged, Unchanged, Updated, Unchanged, Unchanged, Unchanged]);
    let commit = updated.commit.unwrap();
    assert_eq!((commit.config_revision, commit.credentials_revision), (Some(2), None));
}

#[tokio::test]
async fn what_was_read_can_be_applied_again() {
    let fixture = Fixture::new().await;
    fixture.apply(whole()).await.unwrap();
    let service = &fixture.service;
    let read = wire::Manifest {
        plans: service.list(ORGANIZATION, 0, "").await.unwrap().resources,
        agents: service.list(ORGANIZATION, 0, "").await.unwrap().resources,
        consumers: service.list(ORGANIZATION, 0, "").await.unwrap().resources,
        subscriptions: service.list("organizations/-/consumers/-", 0, "").await.unwrap().resources,
        api_keys: service.list("organizations/-/consumers/-/subscriptions/-", 0, "").await.unwrap().resources,
    };
    let applied = fixture.apply(read).await.unwrap();
    assert_eq!(actions(&applied), [Unchanged; 6]);
}

#[tokio::test]
async fn one_fault_refuses_the_whole_manifest_and_says_where_it_is() {
    let fixture = Fixture::new().await;
    let mut manifest = whole();
    manifest.agents[0].upstreams[0].url = "nonsense".to_owned();
    manifest.api_keys.push(wire::ApiKey { key_sha256: String::new(), ..key("shop", "gold", "l", 'b') });
    let refused = fixture.apply(manifest).await;
    let at: Vec<String> = violations(refused).into_iter().map(|(at, _)| at).collect();
    assert_eq!(at, ["manifest.agents[0].upstreams[0].url", "manifest.api_keys[1].key_sha256"]);

    let mut manifest = whole();
    manifest.agents[0].plans.push("organizations/default/plans/missing".to_owned());
    manifest.subscriptions.push(subscription("nobody", "s", "keyed"));
    let refused = fixture.apply(manifest).await;
    assert_eq!(
        violations(refused),
        [
            ("manifest.agents[0].plans[1]".to_owned(), "REFERENCE_NOT_FOUND"),
            ("manifest.subscriptions[1].name".to_owned(), "REFERENCE_NOT_FOUND")
        ]
    );
    assert_eq!(fixture.heads().await, Heads::default());
}

#[tokio::test]
async fn resources_of_one_manifest_are_held_to_each_other() {
    let fixture = Fixture::new().await;
    let mut manifest = whole();
    manifest.plans.push(keyed_plan("keyed"));
    assert_eq!(
        violations(fixture.apply(manifest).await),
        [("manifest.plans[2].name".to_owned(), "DUPLICATE")]
    );

    let mut manifest = whole();
    let host = |name: &str| wire::Agent {
        name: format!("{ORGANIZATION}/agents/{name}"),
        addresses: Some(wire::Addresses { hosts: vec!["a.example".to_owned()], ..Default::default() }),
        ..agent(&[])
    };
    manifest.agents = vec![host("one"), host("two")];
    let refused = fixture.apply(manifest).await;
    assert_eq!(violations(refused), [("manifest.agents[1].addresses.hosts[0]".to_owned(), "ADDRESS_TAKEN")]);
}

#[tokio::test]
async fn an_address_can_move_within_one_manifest() {
    let fixture = Fixture::new().await;
    let at = |name: &str, path: &str| wire::Agent {
        name: format!("{ORGANIZATION}/agents/{name}"),
        addresses: Some(wire::Addresses { context_path: path.to_owned(), ..Default::default() }),
        ..agent(&[])
    };
    let both = |one: &str, two: &str| wire::Manifest {
        agents: vec![at("one", one), at("two", two)],
        ..Default::default()
    };
    fixture.apply(both("/a", "/b")).await.unwrap();
    let swapped = fixture.apply(both("/b", "/a")).await.unwrap();
    assert_eq!(actions(&swapped), [Updated, Updated]);
}

#[tokio::test]
async fn a_subscription_and_its_keys_can_change_together() {
    let fixture = Fixture::new().await;
    fixture.apply(whole()).await.unwrap();
    let mut manifest = whole();
    manifest.subscriptions[0].set_state(wire::SubscriptionState::Paused);
    manifest.api_keys.push(key("shop", "gold", "l", 'b'));
    fixture.apply(manifest).await.unwrap();
    assert!(fixture.held(Lane::Credentials).await.is_empty());
}

#[tokio::test]
async fn a_manifest_that_is_too_large_is_refused() {
    let fixture = Fixture::new().await;
    let consumers = (0..10_001).map(|n| consumer(&format!("c{n}"))).collect();
    let refused = fixture.apply(wire::Manifest { consumers, ..Default::default() }).await;
    assert_eq!(violations(refused), [("manifest".to_owned(), "TOO_MANY")]);
}
