use proptest::prelude::*;

use super::*;
use crate::model::credential::KeyDigest;
use crate::model::violation::FieldPath;
use crate::wire::config::v1 as config;
use crate::wire::discovery::v1 as wire;

const AGENT: &str = "organizations/default/agents/echo";
const KEY: &str = "organizations/default/consumers/app/subscriptions/gold/apiKeys/k1";

fn delta(lane: wire::Lane, name: &str, body: wire::change::Body) -> wire::Delta {
    wire::Delta {
        lane: lane.into(),
        nonce: 1,
        epoch: vec![7; 16],
        from: 1,
        to: 2,
        changes: vec![wire::Change { name: name.to_owned(), revision: 2, body: Some(body) }],
        ..Default::default()
    }
}

fn agent(name: &str) -> wire::change::Body {
    let upstream = config::Upstream { url: "http://127.0.0.1:9000".to_owned(), ..Default::default() };
    wire::change::Body::Agent(config::Agent {
        name: name.to_owned(),
        upstreams: vec![upstream],
        ..Default::default()
    })
}

#[test]
fn a_delta_becomes_checked_changes() {
    let delta = Delta::try_from(delta(wire::Lane::Config, AGENT, agent(AGENT))).unwrap();
    assert_eq!(delta.to, Cursor { epoch: Epoch([7; 16]), revision: 2 });
    let [(2, Change::PutAgent(agent))] = delta.changes.as_slice() else { panic!("{:?}", delta.changes) };
    assert_eq!(agent.name.as_str(), AGENT);
}

#[test]
fn a_refusal_names_the_resource_and_the_field() {
    let bad = config::Agent { name: AGENT.to_owned(), ..Default::default() };
    let refused = Delta::try_from(delta(wire::Lane::Config, AGENT, wire::change::Body::Agent(bad)))
        .unwrap_err()
        .to_wire();
    assert_eq!(refused.len(), 1);
    assert_eq!((refused[0].name.as_str(), refused[0].field.as_str()), (AGENT, "upstreams"));
}

#[test]
fn a_change_belongs_to_its_lane_and_name() {
    Delta::try_from(delta(wire::Lane::Credentials, AGENT, agent(AGENT))).unwrap_err();
    Delta::try_from(delta(wire::Lane::Config, "organizations/default/agents/other", agent(AGENT)))
        .unwrap_err();
    let deleted = || wire::change::Body::Deleted(wire::Deleted {});
    Delta::try_from(delta(wire::Lane::Config, KEY, deleted())).unwrap_err();
    let gone = Delta::try_from(delta(wire::Lane::Credentials, KEY, deleted())).unwrap();
    assert!(matches!(gone.changes.as_slice(), [(2, Change::DeleteCredential(_))]));
}

#[test]
fn a_delta_without_a_known_lane_or_epoch_is_refused() {
    Delta::try_from(wire::Delta { lane: 9, ..delta(wire::Lane::Config, AGENT, agent(AGENT)) }).unwrap_err();
    let short = wire::Delta { epoch: vec![1], ..delta(wire::Lane::Config, AGENT, agent(AGENT)) };
    Delta::try_from(short).unwrap_err();
    let backwards = wire::Delta { from: 3, ..delta(wire::Lane::Config, AGENT, agent(AGENT)) };
    Delta::try_from(backwards).unwrap_err();
}

proptest! {
    #[test]
    fn credentials_survive_the_wire(digest: [u8; 16], expires in proptest::option::of(0_u64..253_402_300_799)) {
        let root = FieldPath::root();
        let credential = Credential {
            name: ApiKeyName::parse(KEY, &root).unwrap(),
            digest: KeyDigest(digest),
            plan: PlanName::parse("organizations/default/plans/gold", &root).unwrap(),
            consumer: crate::model::name::ConsumerName::parse("organizations/default/consumers/app", &root).unwrap(),
            expire_time: expires.map(|s| SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(s)),
        };
        let wire = wire::Change { name: KEY.to_owned(), revision: 1, body: Some(wire::change::Body::Key(credential.to_wire())) };
        let Change::PutCredential(back) = Change::from_wire(wire, Lane::Credentials).unwrap() else { panic!("kind") };
        prop_assert_eq!(*back, credential);
    }

    #[test]
    fn cursors_survive_the_wire(epoch: [u8; 16], revision: u64) {
        let cursor = Cursor { epoch: Epoch(epoch), revision };
        prop_assert_eq!(Cursor::from_wire(&cursor.to_wire(Lane::Credentials)), Some((Lane::Credentials, cursor)));
    }
}
