use std::collections::HashMap;
use std::sync::LazyLock;
use std::time::{Duration, UNIX_EPOCH};

use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use signalbox_proto::key::{Token, TokenKind};
use signalbox_proto::model::credential::Credential;
use signalbox_proto::model::name::{ApiKeyName, ConsumerName, PlanName};
use signalbox_proto::model::plan::Security;
use signalbox_proto::model::violation::FieldPath;

use super::{Admission, Denied, Gate, authenticate};
use crate::auth::{KeyTable, PEPPER_BYTES};

const NOW: u64 = 1_000;
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

fn plan(id: &str) -> PlanName {
    PlanName::parse(&format!("organizations/default/plans/{id}"), &FieldPath::root()).unwrap()
}

fn gate(id: &str, open: bool, security: Security) -> Gate {
    Gate { plan: plan(id), open, security }
}

fn api_key(id: &str) -> Gate {
    gate(id, true, Security::ApiKey { header: X_API_KEY })
}

fn keyless() -> Gate {
    gate("free", true, Security::Keyless)
}

/// Keys by the names that tests give them: `sbx_nope` belongs to nobody.
static TOKENS: LazyLock<HashMap<&str, String>> = LazyLock::new(|| {
    let made = |name| (name, Token::generate(TokenKind::ApiKey).unwrap().expose().to_owned());
    ["sbx_gold", "sbx_old", "sbx_silver", "sbx_nope"].map(made).into()
});

/// `text` with the name of a key replaced by the key.
fn real(text: &str) -> String {
    TOKENS.iter().fold(text.to_owned(), |text, (name, token)| text.replace(name, token))
}

/// `sbx_gold` of plan gold, `sbx_old` of gold and expired, `sbx_silver` of silver, `imported` of gold.
fn keys() -> KeyTable {
    let mut table = KeyTable::new([1; PEPPER_BYTES]);
    let consumer = "organizations/default/consumers/ada";
    for (token, plan_id, expires) in [
        ("sbx_gold", "gold", None),
        ("sbx_old", "gold", Some(NOW)),
        ("sbx_silver", "silver", None),
        ("imported", "gold", None),
    ] {
        let id = token.replace('_', "-");
        let name = format!("{consumer}/subscriptions/s/apiKeys/{id}");
        table.put(&Credential {
            name: ApiKeyName::parse(&name, &FieldPath::root()).unwrap(),
            digest: table.hasher().digest(real(token).as_bytes()).unwrap(),
            plan: plan(plan_id),
            consumer: ConsumerName::parse(consumer, &FieldPath::root()).unwrap(),
            expire_time: expires.map(|at| UNIX_EPOCH + Duration::from_secs(at)),
        });
    }
    table
}

fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in pairs {
        map.append(
            HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(&real(value)).unwrap(),
        );
    }
    map
}

fn ask(pairs: &[(&str, &str)], gates: &[Gate]) -> Result<Admission, Denied> {
    let known = |name: &PlanName| name.id() != "silver";
    authenticate(&headers(pairs), gates.iter(), &keys(), known, NOW)
}

#[test]
fn a_key_is_read_from_bearer_and_from_the_plans_header_and_then_stripped() {
    let gates = [api_key("gold")];
    for (pairs, consumed) in [
        (vec![("authorization", "Bearer sbx_gold")], vec![AUTHORIZATION]),
        (vec![("authorization", "bEARER   sbx_gold ")], vec![AUTHORIZATION]),
        (vec![("authorization", "Bearer imported")], vec![AUTHORIZATION]),
        (vec![("x-api-key", "sbx_gold")], vec![X_API_KEY]),
        (vec![("x-api-key", "imported")], vec![X_API_KEY]),
        (
            vec![("x-api-key", "sbx_gold"), ("authorization", "Bearer sbx_gold")],
            vec![AUTHORIZATION, X_API_KEY],
        ),
        (vec![("x-api-key", "sbx_gold"), ("authorization", "Bearer agents-own")], vec![X_API_KEY]),
        (vec![("x-api-key", "sbx_gold"), ("authorization", "Basic dTpw")], vec![X_API_KEY]),
    ] {
        let admission = ask(&pairs, &gates).unwrap();
        assert_eq!(admission.consumed.to_vec(), consumed, "{pairs:?}");
        assert_eq!(admission.principal.consumer(), Some("organizations/default/consumers/ada"));
    }
}

#[test]
fn a_plan_may_name_another_header() {
    let gates = [gate("gold", true, Security::ApiKey { header: HeaderName::from_static("x-team-key") })];
    assert!(ask(&[("x-team-key", "sbx_gold")], &gates).is_ok());
    assert_eq!(ask(&[("x-api-key", "sbx_gold")], &gates).unwrap_err(), Denied::MissingCredential);
}

#[test]
fn what_does_not_open_the_agent_is_refused_for_its_reason() {
    let gates = [api_key("gold")];
    for (value, denied) in [
        ("Bearer sbx_nope", Denied::InvalidCredential),
        ("Bearer sbx_malformed", Denied::InvalidCredential),
        ("Bearer sbxadm_token", Denied::InvalidCredential),
        ("Bearer eyJhbGciOi", Denied::InvalidCredential),
        ("Bearer sbx_old", Denied::ExpiredCredential),
        ("Bearer sbx_silver", Denied::PlanNotReady),
        ("Basic dTpw", Denied::MissingCredential),
        ("Bearersbx_gold", Denied::MissingCredential),
    ] {
        assert_eq!(ask(&[("authorization", value)], &gates).unwrap_err(), denied, "{value}");
    }
    assert_eq!(ask(&[("x-api-key", "sbx_gold")], &[api_key("bronze")]).unwrap_err(), Denied::NotSubscribed);
    assert_eq!(ask(&[], &gates).unwrap_err(), Denied::MissingCredential);
    let long = "x".repeat(600);
    assert_eq!(ask(&[("x-api-key", &long)], &gates).unwrap_err(), Denied::InvalidCredential);
}

#[test]
fn an_agent_without_a_published_plan_answers_nobody() {
    assert_eq!(ask(&[], &[]).unwrap_err(), Denied::NoPlan);
    assert_eq!(ask(&[("x-api-key", "sbx_gold")], &[]).unwrap_err(), Denied::NoPlan);
    assert_eq!(ask(&[("x-api-key", "sbx_silver")], &[]).unwrap_err(), Denied::PlanNotReady);
    let closed =
        [gate("gold", false, Security::ApiKey { header: X_API_KEY }), gate("free", false, Security::Keyless)];
    assert_eq!(ask(&[], &closed).unwrap_err(), Denied::NoPlan);
    assert_eq!(ask(&[("x-api-key", "sbx_gold")], &closed).unwrap_err(), Denied::PlanClosed);
}

#[test]
fn ambiguous_credentials_are_refused() {
    let gates = [api_key("gold"), keyless()];
    for pairs in [
        [("x-api-key", "sbx_gold"), ("authorization", "Bearer sbx_silver")],
        [("x-api-key", "sbx_gold"), ("x-api-key", "sbx_gold")],
        [("authorization", "Bearer sbx_gold"), ("authorization", "Bearer sbx_gold")],
        [("x-api-key", "imported"), ("authorization", "Bearer sbx_gold")],
    ] {
        assert_eq!(ask(&pairs, &gates).unwrap_err(), Denied::ConflictingCredentials, "{pairs:?}");
    }
}

#[test]
fn a_keyless_plan_admits_only_callers_without_a_key() {
    let gates = [api_key("gold"), keyless()];
    assert_eq!(ask(&[], &gates).unwrap().plan, 1);
    assert_eq!(ask(&[("x-api-key", "sbx_gold")], &gates).unwrap().plan, 0);
    assert_eq!(ask(&[("x-api-key", "sbx_nope")], &gates).unwrap_err(), Denied::InvalidCredential);
    assert_eq!(ask(&[("authorization", "Bearer sbx_old")], &gates).unwrap_err(), Denied::ExpiredCredential);
    let own = ask(&[("authorization", "Bearer agents-own")], &gates).unwrap();
    assert_eq!((own.plan, own.consumed.len()), (1, 0), "the agent's own credential passes through");
}

#[test]
fn a_gateway_key_never_reaches_a_keyless_agent() {
    for pairs in
        [[("authorization", "Bearer sbx_gold")], [("x-api-key", "sbx_nope")], [("x-api-key", "sbxdp_x")]]
    {
        let admission = ask(&pairs, &[keyless()]).unwrap();
        assert_eq!(admission.consumed.len(), 1, "{pairs:?}");
        assert_eq!(admission.principal.key_name(), None);
    }
    let own = ask(&[("x-api-key", "agents-own")], &[keyless()]).unwrap();
    assert!(own.consumed.is_empty());
}

#[test]
fn a_key_that_is_sent_twice_is_stripped_twice() {
    for token in ["imported", "sbx_gold"] {
        let bearer = format!("Bearer {token}");
        let admission = ask(&[("x-api-key", token), ("authorization", &bearer)], &[api_key("gold")]).unwrap();
        let mut consumed: Vec<_> = admission.consumed.iter().map(HeaderName::as_str).collect();
        consumed.sort_unstable();
        assert_eq!(consumed, ["authorization", "x-api-key"], "{token}");
    }
}
