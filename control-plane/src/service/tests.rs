mod apply;
mod changes;
mod keys;
mod lists;
mod property;
mod references;
mod repeats;
mod tokens;

use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use signalbox_proto::model::lane::Lane;
use signalbox_proto::wire::config::v1 as wire;

use super::{Call, Changed, Feed, ResourceMessage, Service};
use crate::clock::{Clock, ManualClock};
use crate::error::Error;
use crate::store::Heads;
use crate::store::memory::MemoryStore;

/// A service on a store in memory, with a clock that the test moves.
pub(super) struct Fixture {
    pub(super) service: Service,
    pub(super) clock: Arc<ManualClock>,
}

pub(super) const ORGANIZATION: &str = "organizations/default";
pub(super) const SUBSCRIPTION: &str = "organizations/default/consumers/shop/subscriptions/gold";

impl Fixture {
    pub(super) async fn new() -> Self {
        let clock = Arc::new(ManualClock::new(UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
        let store = Arc::new(MemoryStore::default());
        let feed = Feed::start(store.clone()).await.unwrap();
        let service = Service::new(store, feed, Arc::clone(&clock) as Arc<dyn Clock>);
        Self { service, clock }
    }

    /// With the plans `keyed` and `open`, the consumer `shop` and its subscription `gold` to `keyed`.
    pub(super) async fn with_subscription() -> Self {
        let fixture = Self::new().await;
        fixture.apply(manifest()).await.unwrap();
        fixture
    }

    pub(super) async fn heads(&self) -> Heads {
        self.service.store().heads().await.unwrap()
    }

    pub(super) async fn apply(&self, manifest: wire::Manifest) -> Result<super::Applied, Error> {
        self.service.apply(call(), manifest).await
    }

    pub(super) async fn create<R: ResourceMessage>(
        &self,
        parent: &str,
        id: &str,
        resource: R,
    ) -> Result<Changed<R>, Error> {
        self.service.create(call(), parent, id, resource).await
    }

    pub(super) async fn update<R: ResourceMessage>(&self, resource: R) -> Result<Changed<R>, Error> {
        self.service.update(call(), resource, false).await
    }

    pub(super) async fn delete<R: ResourceMessage>(&self, name: &str, force: bool) -> Result<(), Error> {
        self.service.delete::<R>(call(), name, "", force).await.map(|_| ())
    }

    /// Names that data planes should hold of a lane.
    pub(super) async fn held(&self, lane: Lane) -> Vec<String> {
        let mut everything = self.service.feed().everything(lane).await.unwrap();
        let mut names = Vec::new();
        loop {
            let page = everything.next_page().await.unwrap();
            if page.is_empty() {
                return names;
            }
            names.extend(page.into_iter().map(|change| change.message.name));
        }
    }
}

pub(super) fn call() -> Call {
    Call::new("tester", "test/Change", &wire::GetAgentRequest::default())
}

pub(super) fn agent(plans: &[&str]) -> wire::Agent {
    wire::Agent {
        upstreams: vec![wire::Upstream { url: "http://127.0.0.1:9999/rpc".to_owned(), ..Default::default() }],
        plans: plans.iter().map(|plan| format!("{ORGANIZATION}/plans/{plan}")).collect(),
        ..Default::default()
    }
}

pub(super) fn keyed_plan(id: &str) -> wire::Plan {
    wire::Plan {
        name: format!("{ORGANIZATION}/plans/{id}"),
        security: Some(wire::plan::Security::ApiKey(wire::ApiKeySecurity::default())),
        ..Default::default()
    }
}

pub(super) fn open_plan(id: &str) -> wire::Plan {
    let security = Some(wire::plan::Security::Keyless(wire::KeylessSecurity {}));
    wire::Plan { security, ..keyed_plan(id) }
}

pub(super) fn consumer(id: &str) -> wire::Consumer {
    wire::Consumer { name: format!("{ORGANIZATION}/consumers/{id}"), ..Default::default() }
}

pub(super) fn subscription(consumer: &str, id: &str, plan: &str) -> wire::Subscription {
    wire::Subscription {
        name: format!("{ORGANIZATION}/consumers/{consumer}/subscriptions/{id}"),
        plan: format!("{ORGANIZATION}/plans/{plan}"),
        ..Default::default()
    }
}

/// A key that brings its hash: the digit 64 times.
pub(super) fn hashed_key(digit: char) -> wire::ApiKey {
    wire::ApiKey { key_sha256: digit.to_string().repeat(64), ..Default::default() }
}

pub(super) fn manifest() -> wire::Manifest {
    wire::Manifest {
        plans: vec![keyed_plan("keyed"), open_plan("open")],
        consumers: vec![consumer("shop")],
        subscriptions: vec![subscription("shop", "gold", "keyed")],
        ..Default::default()
    }
}

/// Field and reason of each violation.
pub(super) fn violations<T: std::fmt::Debug>(result: Result<T, Error>) -> Vec<(String, &'static str)> {
    let error = result.unwrap_err();
    let violations = error.violations().unwrap_or_else(|| panic!("no violations: {error:?}"));
    violations.iter().map(|violation| (violation.field.to_string(), violation.reason)).collect()
}

pub(super) fn reason<T: std::fmt::Debug>(result: Result<T, Error>) -> &'static str {
    result.unwrap_err().facts().reason
}
