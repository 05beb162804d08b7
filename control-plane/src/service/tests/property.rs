//! Whatever is done in whatever order: what data planes hold follows from what is stored, and the log leads to it.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use signalbox_proto::wire::discovery::v1 as discovery;

use super::*;
use crate::service::feed::Since;

/// Something that may be done, sensible or not.
#[derive(Clone, Debug)]
enum Deed {
    Agent { id: u8, plans: Vec<u8> },
    Plan { id: u8, display_name: u8 },
    Consumer { id: u8 },
    Subscription { consumer: u8, id: u8, plan: u8, state: i32 },
    Key { consumer: u8, subscription: u8, id: u8, revoked: bool },
    DeleteAgent { id: u8 },
    DeletePlan { id: u8, force: bool },
    DeleteConsumer { id: u8, force: bool },
    DeleteSubscription { consumer: u8, id: u8, force: bool },
    DeleteKey { consumer: u8, subscription: u8, id: u8 },
}

fn deeds() -> impl Strategy<Value = Vec<Deed>> {
    let id = 0..3_u8;
    let few = 0..2_u8;
    let deed = prop_oneof![
        2 => (id.clone(), prop::collection::btree_set(id.clone(), 0..3))
            .prop_map(|(id, plans)| Deed::Agent { id, plans: plans.into_iter().collect() }),
        2 => (id.clone(), few.clone()).prop_map(|(id, display_name)| Deed::Plan { id, display_name }),
        1 => id.clone().prop_map(|id| Deed::Consumer { id }),
        4 => (id.clone(), few.clone(), id.clone(), 0..3)
            .prop_map(|(consumer, id, plan, state)| { Deed::Subscription { consumer, id, plan, state } }),
        8 => (id.clone(), few.clone(), id.clone(), prop::bool::weighted(0.2)).prop_map(
            |(consumer, subscription, id, revoked)| Deed::Key { consumer, subscription, id, revoked }
        ),
        1 => id.clone().prop_map(|id| Deed::DeleteAgent { id }),
        1 => (id.clone(), prop::bool::weighted(0.3)).prop_map(|(id, force)| Deed::DeletePlan { id, force }),
        1 => (id.clone(), prop::bool::weighted(0.3)).prop_map(|(id, force)| Deed::DeleteConsumer { id, force }),
        1 => (id.clone(), few.clone(), any::<bool>())
            .prop_map(|(consumer, id, force)| Deed::DeleteSubscription { consumer, id, force }),
        2 => (id.clone(), few, id).prop_map(|(consumer, subscription, id)| Deed::DeleteKey {
            consumer,
            subscription,
            id
        }),
    ];
    prop::collection::vec(deed, 1..80)
}

async fn do_it(fixture: &Fixture, deed: Deed) -> Result<(), Error> {
    let plan = |id: u8| format!("{ORGANIZATION}/plans/p{id}");
    let consumer_name = |id: u8| format!("{ORGANIZATION}/consumers/c{id}");
    let subscription_name = |consumer, id: u8| format!("{}/subscriptions/s{id}", consumer_name(consumer));
    let key_name = |consumer, subscription, id: u8| {
        format!("{}/apiKeys/k{id}", subscription_name(consumer, subscription))
    };
    let service = &fixture.service;
    match deed {
        Deed::Agent { id, plans } => {
            let mut agent = agent(&[]);
            agent.name = format!("{ORGANIZATION}/agents/a{id}");
            agent.plans = plans.into_iter().map(plan).collect();
            service.update(call(), agent, true).await.map(|_| ())
        }
        Deed::Plan { id, display_name } => {
            let plan = wire::Plan { display_name: display_name.to_string(), ..keyed_plan(&format!("p{id}")) };
            service.update(call(), plan, true).await.map(|_| ())
        }
        Deed::Consumer { id } => service.update(call(), consumer(&format!("c{id}")), true).await.map(|_| ()),
        Deed::Subscription { consumer, id, plan, state } => {
            // Mostly the plan that it has, for that cannot change.
            let plan = if plan == 0 { plan } else { consumer };
            let (consumer, id, plan) = (format!("c{consumer}"), format!("s{id}"), format!("p{plan}"));
            let wanted = wire::Subscription { state, ..subscription(&consumer, &id, &plan) };
            service.update(call(), wanted, true).await.map(|_| ())
        }
        Deed::Key { consumer, subscription, id, revoked } => {
            // Some hashes come twice.
            let digit = char::from_digit(u32::from(consumer * 2 + subscription + id), 16).unwrap();
            let name = key_name(consumer, subscription, id);
            let state = if revoked { wire::ApiKeyState::Revoked } else { wire::ApiKeyState::Unspecified };
            let key = wire::ApiKey { name, state: state.into(), ..hashed_key(digit) };
            service.update(call(), key, true).await.map(|_| ())
        }
        Deed::DeleteAgent { id } => {
            fixture.delete::<wire::Agent>(&format!("{ORGANIZATION}/agents/a{id}"), false).await
        }
        Deed::DeletePlan { id, force } => fixture.delete::<wire::Plan>(&plan(id), force).await,
        Deed::DeleteConsumer { id, force } => {
            fixture.delete::<wire::Consumer>(&consumer_name(id), force).await
        }
        Deed::DeleteSubscription { consumer, id, force } => {
            fixture.delete::<wire::Subscription>(&subscription_name(consumer, id), force).await
        }
        Deed::DeleteKey { consumer, subscription, id } => {
            fixture.delete::<wire::ApiKey>(&key_name(consumer, subscription, id), false).await
        }
    }
}

/// What data planes should hold, from the stored resources alone: each name with its plan or etag.
async fn expected(fixture: &Fixture) -> [BTreeMap<String, String>; 2] {
    let service = &fixture.service;
    let any = "organizations/-/consumers/-";
    let agents = service.list::<wire::Agent>("organizations/-", 0, "").await.unwrap().resources;
    let plans = service.list::<wire::Plan>("organizations/-", 0, "").await.unwrap().resources;
    let keys =
        service.list::<wire::ApiKey>(&format!("{any}/subscriptions/-"), 0, "").await.unwrap().resources;
    let subscriptions = service.list::<wire::Subscription>(any, 0, "").await.unwrap().resources;
    let subscriptions: BTreeMap<_, _> = subscriptions.into_iter().map(|s| (s.name.clone(), s)).collect();

    let mut config = BTreeMap::new();
    for agent in agents {
        for plan in &agent.plans {
            assert!(
                plans.iter().any(|other| other.name == *plan),
                "{} names a plan that is gone",
                agent.name
            );
        }
        config.insert(agent.name, agent.plans.join(" "));
    }
    config.extend(plans.into_iter().map(|plan| (plan.name, plan.display_name)));
    let mut credentials = BTreeMap::new();
    for key in keys {
        let subscription = &subscriptions[key.name.split("/apiKeys/").next().unwrap()];
        if key.state() == wire::ApiKeyState::Active && subscription.state() == wire::SubscriptionState::Active
        {
            credentials.insert(key.name, subscription.plan.clone());
        }
    }
    [config, credentials]
}

fn gist(change: &discovery::Change) -> Option<String> {
    match change.body.as_ref().unwrap() {
        discovery::change::Body::Agent(agent) => Some(agent.plans.join(" ")),
        discovery::change::Body::Plan(plan) => Some(plan.display_name.clone()),
        discovery::change::Body::Key(key) => Some(key.plan.clone()),
        discovery::change::Body::Deleted(_) => None,
    }
}

/// Follows the feed from `at` to its head, `step` changes at a time.
async fn follow(feed: &Feed, lane: Lane, at: &mut u64, held: &mut BTreeMap<String, String>, step: usize) {
    loop {
        match feed.since(lane, *at, step).await.unwrap() {
            Since::Nothing => return,
            Since::Everything => panic!("the log does not reach back"),
            Since::Delta(batch) => {
                assert_eq!(batch.from, *at);
                *at = batch.to;
                for change in batch.changes {
                    match gist(&change.message) {
                        Some(gist) => held.insert(change.message.name.clone(), gist),
                        None => held.remove(&change.message.name),
                    };
                }
            }
        }
    }
}

async fn snapshot(feed: &Feed, lane: Lane) -> BTreeMap<String, String> {
    let mut everything = feed.everything(lane).await.unwrap();
    let mut held = BTreeMap::new();
    loop {
        let page = everything.next_page().await.unwrap();
        if page.is_empty() {
            return held;
        }
        held.extend(page.iter().map(|c| (c.message.name.clone(), gist(&c.message).unwrap())));
    }
}

/// Plans, consumers and subscriptions to begin with, so that most deeds find what they need.
fn beginning() -> wire::Manifest {
    let mut manifest = wire::Manifest::default();
    for id in 0..3 {
        manifest.plans.push(keyed_plan(&format!("p{id}")));
        manifest.consumers.push(consumer(&format!("c{id}")));
        for n in 0..2 {
            manifest.subscriptions.push(subscription(&format!("c{id}"), &format!("s{n}"), &format!("p{id}")));
        }
    }
    manifest
}

async fn live_through(deeds: Vec<Deed>) {
    let fixture = Fixture::new().await;
    fixture.apply(beginning()).await.unwrap();
    let feed = fixture.service.feed();
    let mut refused = 0;
    let mut at = [0, 0];
    let mut live = [BTreeMap::new(), BTreeMap::new()];
    for deed in deeds {
        match do_it(&fixture, deed).await {
            Ok(()) => {}
            Err(error) => {
                assert_ne!(error.facts().reason, "INTERNAL", "{}", error.internal());
                refused += 1;
            }
        }
        for (n, lane) in Lane::ALL.into_iter().enumerate() {
            follow(feed, lane, &mut at[n], &mut live[n], 1000).await;
        }
    }
    let expected = expected(&fixture).await;
    // From the store's log alone, in small steps, as after a restart.
    let restarted = Feed::start(Arc::clone(fixture.service.store())).await.unwrap();
    for (n, lane) in Lane::ALL.into_iter().enumerate() {
        let mut rebuilt = BTreeMap::new();
        follow(&restarted, lane, &mut 0, &mut rebuilt, 2).await;
        assert_eq!(rebuilt, expected[n], "log of {lane:?} after {refused} refusals");
        assert_eq!(live[n], expected[n], "feed of {lane:?}");
        assert_eq!(snapshot(feed, lane).await, expected[n], "snapshot of {lane:?}");
    }
}

#[test]
fn what_data_planes_hold_follows_from_what_is_stored() {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    let result = TestRunner::new(config).run(&deeds(), |deeds| {
        runtime.block_on(live_through(deeds));
        Ok(())
    });
    result.unwrap();
}
