use super::*;
use crate::model::violation::Violations;
use crate::wire::config::v1 as wire;

fn plan() -> wire::Plan {
    wire::Plan {
        name: "organizations/default/plans/free".to_owned(),
        security: Some(wire::plan::Security::ApiKey(wire::ApiKeySecurity::default())),
        ..Default::default()
    }
}

fn limit() -> wire::RateLimit {
    wire::RateLimit {
        name: "per-minute".to_owned(),
        requests: 60,
        period: Some(pbjson_types::Duration { seconds: 60, nanos: 0 }),
        ..Default::default()
    }
}

fn found(wrong: &Violations) -> Vec<(&str, &str)> {
    wrong.iter().map(|v| (v.field.as_str(), v.reason)).collect()
}

fn with_limits(rate_limits: Vec<wire::RateLimit>) -> Result<Plan, Violations> {
    Plan::try_from(wire::Plan { rate_limits, ..plan() })
}

fn with_header(header: &str) -> Result<Plan, Violations> {
    let security = wire::plan::Security::ApiKey(wire::ApiKeySecurity { header: header.to_owned() });
    Plan::try_from(wire::Plan { security: Some(security), ..plan() })
}

#[test]
fn security_must_be_chosen() {
    let wrong = Plan::try_from(wire::Plan { security: None, ..plan() }).unwrap_err();
    assert_eq!(found(&wrong), [("security", "REQUIRED")]);
    let Security::ApiKey { header } = Plan::try_from(plan()).unwrap().security else { panic!("not a key") };
    assert_eq!(header, "x-api-key");
}

#[test]
fn headers_with_a_meaning_carry_no_key() {
    with_header("X-Acme-Key").unwrap();
    for bad in [
        "Cookie",
        "Host",
        "Content-Type",
        "Connection",
        "Authorization",
        "A2A-Version",
        "X-Forwarded-For",
        "a b",
        "",
    ]
    .iter()
    .filter(|text| !text.is_empty())
    {
        assert_eq!(found(&with_header(bad).unwrap_err()), [("api_key.header", "INVALID_HEADER")], "{bad}");
    }
}

#[test]
fn a_burst_is_the_rate_unless_given() {
    let plan = with_limits(vec![limit()]).unwrap();
    assert_eq!(plan.rate_limits[0].burst.get(), 60);
    assert_eq!(plan.rate_limits[0].key, RateLimitKey::Consumer);
    let plan = with_limits(vec![wire::RateLimit { burst: 5, ..limit() }]).unwrap();
    assert_eq!(plan.rate_limits[0].burst.get(), 5);
}

#[test]
fn bad_limits_are_refused_with_their_path() {
    let period = |seconds| Some(pbjson_types::Duration { seconds, nanos: 0 });
    let cases: [(wire::RateLimit, &str, &str); 7] = [
        (wire::RateLimit { name: String::new(), ..limit() }, "rate_limits[0].name", "REQUIRED"),
        (wire::RateLimit { name: "A".to_owned(), ..limit() }, "rate_limits[0].name", "INVALID_ID"),
        (wire::RateLimit { requests: 0, ..limit() }, "rate_limits[0].requests", "OUT_OF_RANGE"),
        (wire::RateLimit { period: None, ..limit() }, "rate_limits[0].period", "REQUIRED"),
        (wire::RateLimit { period: period(0), ..limit() }, "rate_limits[0].period", "OUT_OF_RANGE"),
        (
            wire::RateLimit { period: period(31 * 86_400 + 1), ..limit() },
            "rate_limits[0].period",
            "OUT_OF_RANGE",
        ),
        (
            wire::RateLimit { requests: 1, burst: 1_000_000, period: period(86_400), ..limit() },
            "rate_limits[0].burst",
            "OUT_OF_RANGE",
        ),
    ];
    for (limit, field, reason) in cases {
        assert_eq!(found(&with_limits(vec![limit]).unwrap_err()), [(field, reason)]);
    }
    let twice = with_limits(vec![limit(), limit()]).unwrap_err();
    assert_eq!(found(&twice), [("rate_limits[1].name", "DUPLICATE")]);
}
