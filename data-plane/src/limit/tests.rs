use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use proptest::prelude::*;
use signalbox_proto::model::name::PlanName;
use signalbox_proto::model::plan::{Plan, PlanState, RateLimit, RateLimitKey, Security};
use signalbox_proto::model::violation::FieldPath;
use tokio::time::advance;

use super::headers;
use super::rate::RateLimits;
use super::states::States;
use super::streams::OpenStreams;
use super::subject::Subject;

fn limit(name: &str, requests: u32, period: Duration, burst: u32) -> RateLimit {
    RateLimit {
        name: name.into(),
        requests: NonZeroU32::new(requests).unwrap(),
        period,
        burst: NonZeroU32::new(burst).unwrap(),
        key: RateLimitKey::Consumer,
        shared: false,
    }
}

fn plan(rate_limits: Vec<RateLimit>) -> Plan {
    Plan {
        name: PlanName::parse("organizations/default/plans/gold", &FieldPath::root()).unwrap(),
        state: PlanState::Published,
        display_name: String::new(),
        description: String::new(),
        security: Security::Keyless,
        rate_limits,
        max_open_streams: None,
    }
}

fn states() -> Arc<States> {
    Arc::new(States::new(States::DEFAULT_MAX_BUCKETS))
}

fn consumer(name: &str) -> Subject<'_> {
    Subject { consumer: Some(name), api_key: Some("key"), address: IpAddr::from([127, 0, 0, 1]) }
}

fn admitted(limits: &RateLimits, subject: &Subject<'_>, tries: u32) -> u32 {
    (0..tries).map(|_| u32::from(limits.check("agent", subject).refused.is_none())).sum()
}

const SECOND: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_burst_then_the_rate() {
    let limits = RateLimits::compile(&plan(vec![limit("l", 10, SECOND, 5)]), &states());
    let subject = consumer("a");
    assert_eq!(admitted(&limits, &subject, 20), 5);
    let refused = limits.check("agent", &subject);
    assert_eq!(refused.refused.unwrap().1, Duration::from_millis(100));
    advance(Duration::from_millis(300)).await;
    assert_eq!(admitted(&limits, &subject, 20), 3);
}

#[tokio::test(start_paused = true)]
async fn a_push_refills_nothing_and_a_halved_rate_keeps_what_was_spent() {
    let states = states();
    let before = RateLimits::compile(&plan(vec![limit("l", 10, SECOND, 10)]), &states);
    let subject = consumer("a");
    assert_eq!(admitted(&before, &subject, 10), 10);
    advance(Duration::from_millis(500)).await;

    let same = RateLimits::compile(&plan(vec![limit("l", 10, SECOND, 10)]), &states);
    assert_eq!(admitted(&same, &subject, 10), 5);

    let halved = RateLimits::compile(&plan(vec![limit("l", 5, SECOND, 5)]), &states);
    assert_eq!(admitted(&halved, &subject, 10), 0);
    advance(SECOND).await;
    assert_eq!(admitted(&halved, &subject, 10), 5);
}

#[tokio::test(start_paused = true)]
async fn a_faster_rate_does_not_inherit_days_of_debt() {
    let states = states();
    let day = RateLimits::compile(&plan(vec![limit("l", 100, 86400 * SECOND, 100)]), &states);
    let subject = consumer("a");
    assert_eq!(admitted(&day, &subject, 200), 100);
    let minute = RateLimits::compile(&plan(vec![limit("l", 60, 60 * SECOND, 60)]), &states);
    assert_eq!(admitted(&minute, &subject, 1), 0);
    advance(60 * SECOND).await;
    assert_eq!(admitted(&minute, &subject, 200), 60);
}

#[tokio::test(start_paused = true)]
async fn consumers_agents_and_limits_are_counted_apart_unless_shared() {
    let mut shared = limit("shared", 3, SECOND, 3);
    shared.shared = true;
    let limits = RateLimits::compile(&plan(vec![limit("own", 2, SECOND, 2), shared]), &states());
    assert!(limits.check("one", &consumer("a")).refused.is_none());
    assert!(limits.check("one", &consumer("a")).refused.is_none());
    assert_eq!(&*limits.check("one", &consumer("a")).refused.unwrap().0, "own");
    assert!(limits.check("two", &consumer("a")).refused.is_none());
    assert_eq!(&*limits.check("two", &consumer("a")).refused.unwrap().0, "shared");
    assert!(limits.check("two", &consumer("b")).refused.is_none());
}

#[tokio::test(start_paused = true)]
async fn without_a_consumer_the_address_counts_and_ipv6_by_its_64() {
    let limits = RateLimits::compile(&plan(vec![limit("l", 1, SECOND, 1)]), &states());
    let at = |address: &str| Subject { consumer: None, api_key: None, address: address.parse().unwrap() };
    assert_eq!(admitted(&limits, &at("2001:db8::1"), 1), 1);
    assert_eq!(admitted(&limits, &at("2001:db8::ffff"), 1), 0);
    assert_eq!(admitted(&limits, &at("2001:db8:0:1::1"), 1), 1);
    assert_eq!(admitted(&limits, &at("192.0.2.1"), 1), 1);
    assert_eq!(admitted(&limits, &at("::ffff:192.0.2.1"), 1), 0);
}

#[tokio::test(start_paused = true)]
async fn memory_is_bounded_whatever_addresses_come() {
    let states = Arc::new(States::new(640));
    let limits = RateLimits::compile(&plan(vec![limit("l", 10, SECOND, 10)]), &states);
    for n in 0..20_000_u32 {
        let subject = Subject { consumer: None, api_key: None, address: IpAddr::from(n.to_be_bytes()) };
        assert!(limits.check("agent", &subject).refused.is_none());
        assert!(states.len() <= 640);
    }
    advance(2 * SECOND).await;
    states.sweep();
    assert!(states.is_empty());
}

#[tokio::test(start_paused = true)]
async fn headers_name_each_limit() {
    let rates = vec![limit("burst", 10, SECOND, 10), limit("daily", 1000, 86400 * SECOND, 1000)];
    let limits = RateLimits::compile(&plan(rates), &states());
    let decision = limits.check("agent", &consumer("a"));
    let policy = headers::policy(limits.configured()).unwrap();
    assert_eq!(policy, r#""burst";q=10;w=1, "daily";q=1000;w=86400"#);
    let remaining = headers::remaining(&decision.remaining).unwrap();
    assert_eq!(remaining, r#""burst";r=9;t=1, "daily";r=999;t=87"#);
    assert!(headers::remaining(&[]).is_none());
}

#[test]
fn open_streams_are_counted_until_dropped() {
    let streams = Arc::new(OpenStreams::default());
    let max = NonZeroU32::new(2);
    let subject = consumer("a");
    let first = streams.open("plan", "agent", &subject, max).unwrap();
    let _second = streams.open("plan", "agent", &subject, max).unwrap();
    assert!(streams.open("plan", "agent", &subject, max).is_none());
    assert!(streams.open("plan", "other", &subject, max).is_some());
    assert!(streams.open("plan", "agent", &consumer("b"), max).is_some());
    drop(first);
    assert!(streams.open("plan", "agent", &subject, max).is_some());
    assert_eq!(streams.total(), 1);
}

proptest! {
    /// Against exact GCRA: whatever the arrivals, the limiter admits what the definition admits.
    #[test]
    fn the_limiter_is_gcra(
        requests in 1_u32..20,
        burst in 1_u32..20,
        gaps in proptest::collection::vec(0_u64..500, 1..100),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().start_paused(true).build().unwrap();
        runtime.block_on(async {
            let limits = RateLimits::compile(&plan(vec![limit("l", requests, SECOND, burst)]), &states());
            let interval = u128::from(1_000_000_000 / requests);
            let (mut now, mut arrival) = (0_u128, 0_u128);
            for gap in gaps {
                advance(Duration::from_millis(gap)).await;
                now += u128::from(gap) * 1_000_000;
                let due = arrival.max(now);
                let expected = due <= now + interval * u128::from(burst - 1);
                if expected {
                    arrival = due + interval;
                }
                let admitted = limits.check("agent", &consumer("a")).refused.is_none();
                prop_assert_eq!(admitted, expected);
            }
            Ok(())
        })?;
    }
}
