use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use futures_util::poll;
use signalbox_proto::model::agent::AgentState;
use signalbox_proto::model::lane::{Change, Lane};
use signalbox_proto::model::plan::PlanState;

use super::{EndReason, Lease};
use crate::auth::Principal;
use crate::clock;
use crate::config::compile::tests::{
    agent, agent_name, delta, key, key_name, plan, plan_name, put_agent, put_plan,
};
use crate::config::runtime::Site;
use crate::config::{Applier, Handle};

struct Fixture {
    applier: Applier,
}

impl Fixture {
    async fn new() -> Self {
        let fixture = Self { applier: Applier::new(Handle::new(), Site::default(), Arc::default()) };
        fixture
            .push(
                Lane::Config,
                vec![
                    put_plan(plan("p", PlanState::Published)),
                    put_agent(agent("a", AgentState::Deployed, &["p"])),
                    put_agent(agent("b", AgentState::Deployed, &["p"])),
                ],
            )
            .await;
        fixture.push_all_keys(vec![key("k", "p", None), key("other", "p", None)]).await;
        fixture
    }

    async fn push(&self, lane: Lane, changes: Vec<Change>) {
        let from = self.applier.handle().load().cursors.of(lane).revision;
        // The first delta of an epoch is a full one.
        self.applier.apply(delta(lane, from, from == 0, changes)).await.unwrap();
    }

    async fn push_all_keys(&self, keys: Vec<signalbox_proto::model::credential::Credential>) {
        let from = self.applier.handle().load().cursors.credentials.revision;
        let changes = keys.into_iter().map(|key| Change::PutCredential(Box::new(key))).collect();
        self.applier.apply(delta(Lane::Credentials, from, true, changes)).await.unwrap();
    }

    fn lease(&self, agent: &str, key: Option<&str>) -> Result<Lease, EndReason> {
        let handle = self.applier.handle();
        let runtime = handle.load_full();
        let principal = key.map_or_else(Principal::anyone, |id| {
            Principal::holder(runtime.keys.by_name(key_name(id).as_str()).unwrap())
        });
        let agent = runtime.agents.get(agent_name(agent).as_str()).unwrap();
        handle.lease(agent, &agent.plans[0], &principal)
    }
}

async fn is_open(lease: &mut Lease) -> bool {
    let ended = std::pin::pin!(lease.ended());
    poll!(ended) == Poll::Pending
}

#[tokio::test]
async fn streams_end_for_the_reason_that_ended_them() {
    for (change, reason) in [
        (put_agent(agent("a", AgentState::Stopped, &["p"])), EndReason::AgentStopped),
        (Change::DeleteAgent(agent_name("a")), EndReason::AgentRemoved),
        (put_agent(agent("a", AgentState::Deployed, &[])), EndReason::PlanClosed),
        (put_plan(plan("p", PlanState::Closed)), EndReason::PlanClosed),
        (Change::DeletePlan(plan_name("p")), EndReason::PlanClosed),
    ] {
        let fixture = Fixture::new().await;
        let mut lease = fixture.lease("a", Some("k")).unwrap();
        let waiting = tokio::spawn(async move { lease.ended().await });
        fixture.push(Lane::Config, vec![change]).await;
        assert_eq!(waiting.await.unwrap(), reason);
    }
}

#[tokio::test]
async fn a_revoked_key_ends_its_own_streams_only() {
    let fixture = Fixture::new().await;
    let mut revoked = fixture.lease("a", Some("k")).unwrap();
    let mut same_agent = fixture.lease("a", Some("other")).unwrap();
    let mut keyless = fixture.lease("a", None).unwrap();
    fixture.push(Lane::Credentials, vec![Change::DeleteCredential(key_name("k"))]).await;
    assert_eq!(revoked.ended().await, EndReason::Revoked);
    assert!(is_open(&mut same_agent).await && is_open(&mut keyless).await);
    fixture.push_all_keys(vec![key("other", "p", None)]).await;
    assert!(is_open(&mut same_agent).await, "a full delta that keeps the key keeps the stream");
    fixture.push_all_keys(vec![]).await;
    assert_eq!(same_agent.ended().await, EndReason::Revoked);
    assert!(is_open(&mut keyless).await);
}

#[tokio::test]
async fn pushes_that_do_not_concern_a_stream_leave_it_open() {
    let fixture = Fixture::new().await;
    let mut lease = fixture.lease("a", Some("k")).unwrap();
    assert_eq!(fixture.applier.handle().streams_open(), 1);
    let mut changed = agent("a", AgentState::Deployed, &["p"]);
    changed.heartbeat_interval = Some(Duration::from_secs(3));
    fixture.push(Lane::Config, vec![put_agent(changed), Change::DeleteAgent(agent_name("b"))]).await;
    assert!(is_open(&mut lease).await);
    drop(lease);
    assert_eq!(fixture.applier.handle().streams_open(), 0);
}

#[tokio::test]
async fn a_stream_that_opens_after_the_push_does_not_slip_through() {
    let fixture = Fixture::new().await;
    let before = fixture.applier.handle().load_full();
    fixture.push(Lane::Credentials, vec![Change::DeleteCredential(key_name("k"))]).await;
    let admitted = Principal::holder(before.keys.by_name(key_name("k").as_str()).unwrap());
    let agent = before.agents.get(agent_name("a").as_str()).unwrap();
    let refused = fixture.applier.handle().lease(agent, &agent.plans[0], &admitted);
    assert_eq!(refused.unwrap_err(), EndReason::Revoked);
    assert_eq!(fixture.applier.handle().streams_open(), 0);
}

#[tokio::test]
async fn a_key_expires_while_its_stream_is_open() {
    let fixture = Fixture::new().await;
    let now = clock::unix_seconds();
    let expiring = |at| Change::PutCredential(Box::new(key("k", "p", Some(at))));
    fixture.push(Lane::Credentials, vec![expiring(now + 1_000)]).await;
    let mut lease = fixture.lease("a", Some("k")).unwrap();
    assert!(is_open(&mut lease).await);
    // The push brings the end nearer; the wall clock itself brings it about.
    fixture.push(Lane::Credentials, vec![expiring(now + 1)]).await;
    assert_eq!(lease.ended().await, EndReason::Expired);
    assert_eq!(fixture.lease("a", Some("k")).unwrap_err(), EndReason::Expired);
}
