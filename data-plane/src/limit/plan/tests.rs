use std::net::{IpAddr, Ipv4Addr};
use std::num::NonZeroU32;
use std::time::Duration;

use proptest::prelude::*;
use signalbox_proto::model::name::PlanName;
use signalbox_proto::model::plan::{Plan, PlanState, RateLimit, RateLimitKey, Security};
use signalbox_proto::model::violation::FieldPath;

use super::{PlanLimits, refusal};
use crate::limit::Subject;

fn limit(name: &str, requests: u32, seconds: u64, burst: u32) -> RateLimit {
    RateLimit {
        name: name.into(),
        requests: NonZeroU32::new(requests).unwrap(),
        period: Duration::from_secs(seconds),
        burst: NonZeroU32::new(burst).unwrap(),
        key: RateLimitKey::Consumer,
        shared: false,
    }
}

fn plan(rate_limits: Vec<RateLimit>, max_open_streams: u32) -> Plan {
    Plan {
        name: PlanName::parse("organizations/default/plans/p", &FieldPath::root()).unwrap(),
        state: PlanState::Published,
        display_name: String::new(),
        description: String::new(),
        security: Security::Keyless,
        rate_limits,
        max_open_streams: NonZeroU32::new(max_open_streams),
        permits: Default::default(),
        push: Default::default(),
    }
}

fn caller(consumer: &str) -> Subject<'_> {
    Subject {
        agent: "agent",
        consumer: Some(consumer),
        key: Some("key"),
        address: Ipv4Addr::LOCALHOST.into(),
    }
}

/// How many requests pass at `now`.
fn drain(limits: &PlanLimits, subject: &Subject<'_>, now: Duration) -> u32 {
    let mut passed = 0;
    while refusal(&limits.check(subject, now)).is_none() {
        passed += 1;
        assert!(passed < 10_000);
    }
    passed
}

const T0: Duration = Duration::from_secs(1_000);

#[test]
fn a_changed_rate_keeps_what_was_spent() {
    let before = PlanLimits::compile(&plan(vec![limit("l", 100, 60, 100)], 0), None);
    assert_eq!(drain(&before, &caller("ada"), T0), 100);

    let halved = PlanLimits::compile(&plan(vec![limit("l", 50, 60, 50)], 0), Some(&before));
    assert_eq!(drain(&halved, &caller("ada"), T0), 0, "the push did not refill");
    let later = T0 + Duration::from_secs(30);
    assert_eq!(drain(&halved, &caller("ada"), later), 25, "half the new burst came back in half the period");
    assert_eq!(drain(&halved, &caller("bob"), later), 50);

    let raised = PlanLimits::compile(&plan(vec![limit("l", 600, 60, 600)], 0), Some(&halved));
    assert_eq!(drain(&raised, &caller("ada"), later), 0);
    let same = PlanLimits::compile(&plan(vec![limit("l", 600, 60, 600)], 0), Some(&raised));
    assert_eq!(drain(&same, &caller("ada"), later + Duration::from_secs(1)), 10);
}

#[test]
fn another_limit_of_another_name_starts_full() {
    let before = PlanLimits::compile(&plan(vec![limit("l", 5, 60, 5)], 0), None);
    drain(&before, &caller("ada"), T0);
    let after = PlanLimits::compile(&plan(vec![limit("m", 5, 60, 5)], 0), Some(&before));
    assert_eq!(drain(&after, &caller("ada"), T0), 5);
}

#[test]
fn a_refused_request_costs_nothing() {
    let limits =
        PlanLimits::compile(&plan(vec![limit("wide", 100, 60, 100), limit("narrow", 1, 60, 1)], 0), None);
    assert_eq!(drain(&limits, &caller("ada"), T0), 1);
    let verdicts = limits.check(&caller("ada"), T0);
    assert_eq!(&*verdicts[0].name, "wide");
    assert_eq!(verdicts[0].remaining, 98, "one passed, this one drew and gave back");
    let refused = refusal(&verdicts).unwrap();
    assert_eq!((&*refused.name, refused.retry_after), ("narrow", Some(Duration::from_secs(60))));
    assert_eq!(refused.reset, Duration::from_secs(60));
}

#[test]
fn limits_count_by_what_they_say() {
    let by = |key, shared| {
        let rule = RateLimit { key, shared, ..limit("l", 1, 60, 1) };
        PlanLimits::compile(&plan(vec![rule], 0), None)
    };
    let base = caller("ada");
    let other_agent = Subject { agent: "other", ..base };
    let other_key = Subject { key: Some("other"), ..base };
    let other_consumer = Subject { consumer: Some("bob"), ..base };
    let other_address = Subject { address: IpAddr::V4(Ipv4Addr::BROADCAST), ..base };
    for (key, shared, passing) in [
        (RateLimitKey::Consumer, false, [1, 0, 1, 0]),
        (RateLimitKey::Consumer, true, [0, 0, 1, 0]),
        (RateLimitKey::ApiKey, false, [1, 1, 0, 0]),
        (RateLimitKey::Ip, false, [1, 0, 0, 1]),
        (RateLimitKey::Plan, false, [1, 0, 0, 0]),
        (RateLimitKey::Plan, true, [0, 0, 0, 0]),
    ] {
        let limits = by(key, shared);
        assert_eq!(drain(&limits, &base, T0), 1);
        let found = [other_agent, other_key, other_consumer, other_address].map(|s| drain(&limits, &s, T0));
        assert_eq!(found, passing, "{key:?} shared: {shared}");
    }
}

#[test]
fn open_streams_are_counted_across_changes() {
    let before = PlanLimits::compile(&plan(vec![], 0), None);
    let first = before.open_stream(&caller("ada")).unwrap();
    let after = PlanLimits::compile(&plan(vec![], 2), Some(&before));
    let _second = after.open_stream(&caller("ada")).unwrap();
    assert_eq!(after.open_stream(&caller("ada")).unwrap_err().limit, 2);
    assert!(after.open_stream(&caller("bob")).is_ok());
    drop(first);
    assert!(after.open_stream(&caller("ada")).is_ok());
    assert_eq!(after.streams_open(), 1);
}

/// GCRA in exact integers: a request passes if it comes no earlier than the theoretical time less the tolerance.
struct Exact {
    weight: u128,
    tolerance: u128,
    arrival: u128,
}

impl Exact {
    fn passes(&mut self, now: u128) -> bool {
        if now + self.tolerance < self.arrival {
            return false;
        }
        self.arrival = self.arrival.max(now) + self.weight;
        true
    }
}

proptest! {
    #[test]
    fn decides_as_exact_gcra_does(
        requests in 1..2_000_u32,
        seconds in 1..100_000_u64,
        burst in 1..50_u32,
        gaps in prop::collection::vec(prop_oneof![Just(0_u64), 0..2_000_000_000_u64, 0..90_000_000_000_000_u64], 1..120),
    ) {
        let limits = PlanLimits::compile(&plan(vec![limit("l", requests, seconds, burst)], 0), None);
        let weight = u128::from(seconds) * 1_000_000_000 / u128::from(requests);
        let mut exact = Exact { weight, tolerance: weight * u128::from(burst - 1), arrival: 0 };
        let mut now = 0_u64;
        for gap in gaps {
            now += gap;
            let at = Duration::from_nanos(now);
            let verdicts = limits.check(&caller("ada"), at);
            let refused = refusal(&verdicts);
            prop_assert_eq!(refused.is_none(), exact.passes(u128::from(now)));
            if let Some(wait) = refused.and_then(|verdict| verdict.retry_after) {
                prop_assert!(wait > Duration::ZERO);
                let mut later = Exact { ..exact };
                prop_assert!(later.passes((at + wait).as_nanos()), "passes after the advised wait");
                let mut sooner = Exact { ..exact };
                prop_assert!(!sooner.passes((at + wait).as_nanos() - 1), "and not before");
            }
        }
    }

    #[test]
    fn extreme_limits_neither_panic_nor_overflow(requests in 1..=u32::MAX, burst in 1..=u32::MAX, seconds in 1..2_678_400_u64) {
        let limits = PlanLimits::compile(&plan(vec![limit("l", requests, seconds, burst)], 0), None);
        let verdicts = limits.check(&caller("ada"), Duration::from_secs(u64::from(u32::MAX)));
        prop_assert!(refusal(&verdicts).is_none());
    }
}
