use super::*;

const KEYED: &str = "organizations/default/plans/keyed";
const SHOP: &str = "organizations/default/consumers/shop";

#[tokio::test]
async fn whatever_is_referred_to_must_exist() {
    let fixture = Fixture::with_subscription().await;
    let refused = fixture.create(ORGANIZATION, "echo", agent(&["open", "missing"])).await;
    assert_eq!(violations(refused), [("agent.plans[1]".to_owned(), "REFERENCE_NOT_FOUND")]);
    let refused = fixture.create(SHOP, "s", subscription("shop", "s", "missing")).await;
    assert_eq!(violations(refused), [("subscription.plan".to_owned(), "REFERENCE_NOT_FOUND")]);
    let nobody = "organizations/default/consumers/nobody";
    let refused = fixture.create(nobody, "s", subscription("nobody", "s", "keyed")).await;
    assert_eq!(violations(refused), [("subscription.name".to_owned(), "REFERENCE_NOT_FOUND")]);
    let nothing = format!("{SHOP}/subscriptions/nothing");
    let refused = fixture.create(&nothing, "k", hashed_key('a')).await;
    assert_eq!(violations(refused), [("api_key.name".to_owned(), "REFERENCE_NOT_FOUND")]);
}

#[tokio::test]
async fn two_agents_cannot_have_one_address() {
    let fixture = Fixture::new().await;
    let at = |path: &str, hosts: &[&str]| {
        let hosts = hosts.iter().map(|&host| host.to_owned()).collect();
        let addresses = wire::Addresses { context_path: path.to_owned(), hosts, public_urls: Vec::new() };
        wire::Agent { addresses: Some(addresses), ..agent(&[]) }
    };
    fixture.create(ORGANIZATION, "one", at("/support", &["a.example"])).await.unwrap();
    let refused = fixture.create(ORGANIZATION, "two", at("/support/", &["b.example", "A.example"])).await;
    assert_eq!(
        violations(refused),
        [
            ("agent.addresses.context_path".to_owned(), "ADDRESS_TAKEN"),
            ("agent.addresses.hosts[1]".to_owned(), "ADDRESS_TAKEN")
        ]
    );
    fixture.create(ORGANIZATION, "two", at("/support/more", &["b.example"])).await.unwrap();
    // An agent keeps its own addresses, and what it gives up is free.
    let mut one: wire::Agent = fixture.service.get("organizations/default/agents/one").await.unwrap();
    one.addresses = at("/other", &["a.example"]).addresses;
    fixture.update(one).await.unwrap();
    fixture.create(ORGANIZATION, "three", at("/support", &[])).await.unwrap();
    fixture.delete::<wire::Agent>("organizations/default/agents/three", false).await.unwrap();
    fixture.create(ORGANIZATION, "four", at("/support", &[])).await.unwrap();
}

#[tokio::test]
async fn an_agent_of_the_default_organization_and_an_organization_cannot_share_an_id() {
    let fixture = Fixture::new().await;
    fixture.create("organizations/acme", "bot", agent(&[])).await.unwrap();
    fixture.create("organizations/acme", "other", agent(&[])).await.unwrap();
    let refused = fixture.create(ORGANIZATION, "acme", agent(&[])).await.unwrap_err();
    assert_eq!(refused.facts().reason, "ADDRESS_TAKEN");
    assert!(refused.to_string().contains("id acme already belongs to organizations/acme"), "{refused}");

    fixture.create(ORGANIZATION, "echo", agent(&[])).await.unwrap();
    assert_eq!(reason(fixture.create("organizations/echo", "bot", agent(&[])).await), "ADDRESS_TAKEN");
    // The organization's id is free once its last agent is gone.
    fixture.delete::<wire::Agent>("organizations/acme/agents/bot", false).await.unwrap();
    assert_eq!(reason(fixture.create(ORGANIZATION, "acme", agent(&[])).await), "ADDRESS_TAKEN");
    fixture.delete::<wire::Agent>("organizations/acme/agents/other", false).await.unwrap();
    fixture.create(ORGANIZATION, "acme", agent(&[])).await.unwrap();
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted_unless_forced() {
    let fixture = Fixture::with_subscription().await;
    fixture.create(ORGANIZATION, "echo", agent(&["keyed", "open"])).await.unwrap();
    fixture.create(SUBSCRIPTION, "k", hashed_key('a')).await.unwrap();
    let in_use = async |result: Result<(), Error>| match result.unwrap_err() {
        Error::InUse { by, .. } => by,
        other => panic!("{other:?}"),
    };
    let by = in_use(fixture.delete::<wire::Plan>(KEYED, false).await).await;
    assert_eq!(by, ["organizations/default/agents/echo", SUBSCRIPTION]);
    assert_eq!(in_use(fixture.delete::<wire::Consumer>(SHOP, false).await).await, [SUBSCRIPTION]);
    let key = format!("{SUBSCRIPTION}/apiKeys/k");
    assert_eq!(in_use(fixture.delete::<wire::Subscription>(SUBSCRIPTION, false).await).await, [key.as_str()]);

    let before = fixture.heads().await;
    fixture.delete::<wire::Plan>(KEYED, true).await.unwrap();
    let after = fixture.heads().await;
    assert_eq!((after.config, after.credentials), (before.config + 1, before.credentials + 1));
    assert_eq!(reason(fixture.service.get::<wire::Plan>(KEYED).await), "NOT_FOUND");
    assert_eq!(reason(fixture.service.get::<wire::Subscription>(SUBSCRIPTION).await), "NOT_FOUND");
    assert_eq!(reason(fixture.service.get::<wire::ApiKey>(&key).await), "NOT_FOUND");
    assert!(fixture.held(Lane::Credentials).await.is_empty());
    // The agent stays, closed to those who came by the plan.
    let echo: wire::Agent = fixture.service.get("organizations/default/agents/echo").await.unwrap();
    assert_eq!(echo.plans, ["organizations/default/plans/open"]);
    fixture.delete::<wire::Consumer>(SHOP, false).await.unwrap();
}

#[tokio::test]
async fn a_forced_delete_of_a_consumer_takes_everything_of_it_and_nothing_else() {
    let fixture = Fixture::with_subscription().await;
    let mut more = wire::Manifest {
        // A name that begins like the consumer's.
        consumers: vec![consumer("shop-2")],
        subscriptions: vec![subscription("shop-2", "s", "keyed"), subscription("shop", "silver", "keyed")],
        ..Default::default()
    };
    for (n, owner) in ["shop/subscriptions/gold", "shop/subscriptions/silver", "shop-2/subscriptions/s"]
        .into_iter()
        .enumerate()
    {
        let digit = char::from_digit(u32::try_from(n).unwrap(), 16).unwrap();
        let name = format!("{ORGANIZATION}/consumers/{owner}/apiKeys/k");
        more.api_keys.push(wire::ApiKey { name, ..hashed_key(digit) });
    }
    fixture.apply(more).await.unwrap();
    fixture.delete::<wire::Consumer>(SHOP, true).await.unwrap();
    let left = "organizations/default/consumers/shop-2/subscriptions/s/apiKeys/k";
    assert_eq!(fixture.held(Lane::Credentials).await, [left]);
}

#[tokio::test]
async fn a_keyless_plan_has_no_subscriptions() {
    let fixture = Fixture::with_subscription().await;
    let refused = fixture.create(SHOP, "s", subscription("shop", "s", "open")).await;
    assert_eq!(violations(refused), [("subscription.plan".to_owned(), "KEYLESS_PLAN")]);
    let refused = fixture.update(open_plan("keyed")).await;
    assert_eq!(violations(refused), [("plan.keyless".to_owned(), "IN_USE")]);
    fixture.delete::<wire::Subscription>(SUBSCRIPTION, false).await.unwrap();
    fixture.update(open_plan("keyed")).await.unwrap();
}
