use super::*;
use crate::model::violation::Violations;
use crate::wire::config::v1 as wire;

const KEY: &str = "organizations/default/consumers/app/subscriptions/gold/apiKeys/k1";

fn found(wrong: &Violations) -> Vec<(&str, &str)> {
    wrong.iter().map(|v| (v.field.as_str(), v.reason)).collect()
}

#[test]
fn a_key_knows_its_parents() {
    let key = ApiKey::try_from(wire::ApiKey { name: KEY.to_owned(), ..Default::default() }).unwrap();
    assert_eq!(key.name.consumer().as_str(), "organizations/default/consumers/app");
    assert_eq!(key.name.subscription().as_str(), "organizations/default/consumers/app/subscriptions/gold");
    assert_eq!(key.name.subscription().consumer(), key.name.consumer());
    assert_eq!(key.state, ApiKeyState::Active);
}

#[test]
fn a_hash_is_64_hex_digits() {
    let key = |sha: &str| {
        ApiKey::try_from(wire::ApiKey {
            name: KEY.to_owned(),
            key_sha256: sha.to_owned(),
            ..Default::default()
        })
    };
    let text = "0123456789abcdef".repeat(4);
    assert_eq!(key(&text.to_uppercase()).unwrap().sha256.unwrap().to_string(), text);
    for bad in ["00", &"g".repeat(64), &"\u{e9}".repeat(32)] {
        assert_eq!(found(&key(bad).unwrap_err()), [("key_sha256", "INVALID_SHA256")]);
    }
}

#[test]
fn a_subscription_names_a_plan_of_its_organization() {
    let subscription = |plan: &str| {
        Subscription::try_from(wire::Subscription {
            name: "organizations/default/consumers/app/subscriptions/gold".to_owned(),
            plan: plan.to_owned(),
            ..Default::default()
        })
    };
    assert_eq!(subscription("organizations/default/plans/gold").unwrap().state, SubscriptionState::Active);
    assert_eq!(found(&subscription("").unwrap_err()), [("plan", "REQUIRED")]);
    let foreign = subscription("organizations/acme/plans/gold").unwrap_err();
    assert_eq!(found(&foreign), [("plan", "FOREIGN_ORGANIZATION")]);
}

#[test]
fn times_lie_between_1970_and_9999() {
    let expiring = |seconds, nanos| {
        let expire_time = Some(pbjson_types::Timestamp { seconds, nanos });
        ApiKey::try_from(wire::ApiKey { name: KEY.to_owned(), expire_time, ..Default::default() })
    };
    expiring(1, 0).unwrap();
    for (seconds, nanos) in [(-1, 0), (i64::MAX, 0), (0, -1), (0, 1_000_000_000)] {
        assert_eq!(found(&expiring(seconds, nanos).unwrap_err()), [("expire_time", "OUT_OF_RANGE")]);
    }
}
