use super::*;
use crate::model::violation::Violations;
use crate::wire::config::v1 as wire;

fn agent() -> wire::Agent {
    wire::Agent {
        name: "organizations/default/agents/echo".to_owned(),
        upstreams: vec![wire::Upstream {
            url: "http://127.0.0.1:9000/a2a/".to_owned(),
            ..Default::default()
        }],
        plans: vec!["organizations/default/plans/free".to_owned()],
        ..Default::default()
    }
}

fn seconds(seconds: i64) -> Option<pbjson_types::Duration> {
    Some(pbjson_types::Duration { seconds, nanos: 0 })
}

fn found(wrong: &Violations) -> Vec<(&str, &str)> {
    wrong.iter().map(|v| (v.field.as_str(), v.reason)).collect()
}

/// What is wrong with `agent` after `change`.
fn refused(change: impl FnOnce(&mut wire::Agent)) -> Violations {
    let mut wire = agent();
    change(&mut wire);
    Agent::try_from(wire).unwrap_err()
}

#[test]
fn absent_fields_take_their_defaults() {
    let agent = Agent::try_from(agent()).unwrap();
    assert_eq!(agent.state, AgentState::Deployed);
    assert_eq!(agent.heartbeat_interval, Some(Duration::from_secs(15)));
    assert_eq!(agent.limits, AgentLimits::default());
    assert_eq!(agent.limits.max_body_bytes, 8 << 20);
    assert_eq!(agent.limits.connect_timeout, Duration::from_secs(5));
    assert_eq!(agent.limits.send_timeout, Duration::from_secs(900));
    assert_eq!(agent.limits.unary_timeout, Duration::from_secs(60));
    assert_eq!(agent.limits.stream_idle_timeout, Duration::from_secs(3600));
    assert_eq!(agent.limits.stream_max_duration, None);
    assert_eq!(agent.card.visibility, CardVisibility::Public);
    let upstream = &agent.upstreams[0];
    assert_eq!((upstream.url.tls, &*upstream.url.host, upstream.url.port), (false, "127.0.0.1", 9000));
    assert_eq!(&*upstream.url.path, "/a2a");
}

#[test]
fn every_violation_is_reported_with_its_path() {
    let wrong = refused(|agent| {
        agent.state = 9;
        agent.display_name = "x".repeat(257);
        agent.heartbeat_interval = Some(pbjson_types::Duration { seconds: 0, nanos: 500_000_000 });
        agent.upstreams.push(wire::Upstream { url: "ftp://host".to_owned(), ..Default::default() });
        agent.limits = Some(wire::AgentLimits { max_body_bytes: 1 << 40, ..Default::default() });
        agent.plans.push("plans/free".to_owned());
    });
    assert_eq!(
        found(&wrong),
        [
            ("state", "UNKNOWN_VALUE"),
            ("display_name", "TOO_LONG"),
            ("upstreams[1].url", "INVALID_URL"),
            ("heartbeat_interval", "OUT_OF_RANGE"),
            ("plans[1]", "INVALID_NAME"),
            ("limits.max_body_bytes", "OUT_OF_RANGE"),
        ]
    );
}

#[test]
fn a_heartbeat_is_off_or_at_least_a_second() {
    let interval = |value| {
        let wire = wire::Agent { heartbeat_interval: value, ..agent() };
        Agent::try_from(wire).map(|agent| agent.heartbeat_interval)
    };
    assert_eq!(interval(seconds(0)).unwrap(), None);
    assert_eq!(interval(seconds(1)).unwrap(), Some(Duration::from_secs(1)));
    interval(seconds(-1)).unwrap_err();
    interval(seconds(3601)).unwrap_err();
    interval(Some(pbjson_types::Duration { seconds: 1, nanos: -1 })).unwrap_err();
}

#[test]
fn consumers_are_kept_apart_where_the_agent_says_so() {
    let read = |mode: i32| Agent::try_from(wire::Agent { task_ownership: mode, ..agent() });
    for (mode, expected) in [
        (wire::TaskOwnership::Unspecified, TaskOwnership::Off),
        (wire::TaskOwnership::Off, TaskOwnership::Off),
        (wire::TaskOwnership::Known, TaskOwnership::Known),
        (wire::TaskOwnership::Strict, TaskOwnership::Strict),
    ] {
        assert_eq!(read(mode.into()).unwrap().task_ownership, expected);
    }
    assert_eq!(read(9).unwrap_err().iter().next().unwrap().field.as_str(), "task_ownership");
}

#[test]
fn only_a_saved_agent_may_lack_upstreams() {
    let wrong = refused(|agent| agent.upstreams.clear());
    assert_eq!(found(&wrong), [("upstreams", "REQUIRED")]);
    let saved = wire::Agent { state: wire::AgentState::Saved.into(), upstreams: Vec::new(), ..agent() };
    assert_eq!(Agent::try_from(saved).unwrap().state, AgentState::Saved);
}

#[test]
fn reserved_ids_shadow_no_address() {
    let named =
        |name: &str| Agent::try_from(wire::Agent { name: name.to_owned(), plans: Vec::new(), ..agent() });
    assert_eq!(found(&named("organizations/default/agents/tasks").unwrap_err()), [("name", "RESERVED_ID")]);
    assert_eq!(found(&named("organizations/message/agents/echo").unwrap_err()), [("name", "RESERVED_ID")]);
    named("organizations/acme/agents/tasks").unwrap();
}

#[test]
fn plans_are_of_the_same_organization_and_listed_once() {
    let wrong = refused(|agent| agent.plans = vec!["organizations/acme/plans/free".to_owned()]);
    assert_eq!(found(&wrong), [("plans[0]", "FOREIGN_ORGANIZATION")]);
    let wrong = refused(|agent| agent.plans.push(agent.plans[0].clone()));
    assert_eq!(found(&wrong), [("plans[1]", "DUPLICATE")]);
}

#[test]
fn versions_are_major_and_minor() {
    let parse = |text| A2aVersion::parse(text, &crate::model::violation::FieldPath::root());
    assert_eq!(parse("0.3").unwrap(), A2aVersion { major: 0, minor: 3 });
    assert_eq!(parse("1.0").unwrap().to_string(), "1.0");
    for bad in ["1", "1.0.0", "v1.0", "1.", ".1", "01.0", "1.00", "-1.0", "+1.0", "99999.0", ""] {
        parse(bad).unwrap_err();
    }
}

#[test]
fn upstream_tls_is_checked_as_the_data_plane_will_use_it() {
    let tls = |url: &str, pem: &str, name: &str| {
        refused(|agent| {
            let tls = wire::UpstreamTls { ca_certificates_pem: pem.to_owned(), server_name: name.to_owned() };
            agent.upstreams =
                vec![wire::Upstream { url: url.to_owned(), tls: Some(tls), ..Default::default() }];
        })
    };
    let wrong = tls("https://host", "nothing", "a b");
    assert_eq!(
        found(&wrong),
        [
            ("upstreams[0].tls.ca_certificates_pem", "INVALID_PEM"),
            ("upstreams[0].tls.server_name", "INVALID_HOST")
        ]
    );
    let garbage = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    assert_eq!(
        found(&tls("https://host", garbage, "")),
        [("upstreams[0].tls.ca_certificates_pem", "INVALID_PEM")]
    );
    assert_eq!(found(&tls("http://host", "", "host")), [("upstreams[0].tls", "CONFLICT")]);
}

#[test]
fn a_card_url_stays_at_the_upstreams_origin() {
    let card = |card_url: &str| {
        let upstream = wire::Upstream {
            url: "https://Agent.example/a2a".to_owned(),
            card_url: card_url.to_owned(),
            ..Default::default()
        };
        Agent::try_from(wire::Agent { upstreams: vec![upstream], ..agent() })
            .map(|agent| agent.upstreams[0].card_path.clone().map(|path| path.to_string()))
    };
    assert_eq!(card("").unwrap(), None);
    assert_eq!(card("/card.json?v=1").unwrap().as_deref(), Some("/card.json?v=1"));
    assert_eq!(card("https://agent.example:443/c").unwrap().as_deref(), Some("/c"));
    for bad in
        ["https://other.example/c", "http://agent.example/c", "https://agent.example:444/c", "//evil/c", "c"]
    {
        assert_eq!(found(&card(bad).unwrap_err()), [("upstreams[0].card_url", "INVALID_URL")], "{bad}");
    }
}

proptest::proptest! {
    /// Whatever a message says, checking it ends with a model or with reasons, and never with neither.
    #[test]
    fn any_message_is_checked(
        name in "organizations/\\PC{0,8}/agents/\\PC{0,8}|\\PC{0,20}",
        url in "https?://\\PC{0,20}|\\PC{0,20}",
        path in "/\\PC{0,20}|\\PC{0,20}",
        host in "\\PC{0,20}",
        pem in "\\PC{0,20}|-----BEGIN CERTIFICATE-----\n\\PC{0,20}\n-----END CERTIFICATE-----",
        version in "\\PC{0,5}",
        numbers: (i32, i64, i32, u64),
    ) {
        let (state, seconds, nanos, bytes) = numbers;
        let duration = Some(pbjson_types::Duration { seconds, nanos });
        let tls = wire::UpstreamTls { ca_certificates_pem: pem, server_name: host.clone() };
        let upstream = wire::Upstream {
            url: url.clone(),
            versions: vec![version],
            tls: Some(tls),
            protocol: state,
            card_url: path.clone(),
            ..Default::default()
        };
        let public = wire::PublicUrl { url, selector: None };
        let addresses = wire::Addresses { context_path: path, hosts: vec![host], public_urls: vec![public] };
        let limits = wire::AgentLimits { max_body_bytes: bytes, stream_max_duration: duration, ..Default::default() };
        let wire = wire::Agent {
            name,
            state,
            addresses: Some(addresses),
            upstreams: vec![upstream],
            heartbeat_interval: duration,
            limits: Some(limits),
            ..Default::default()
        };
        if let Err(wrong) = Agent::try_from(wire) {
            proptest::prop_assert!(!wrong.is_empty());
        }
    }
}
