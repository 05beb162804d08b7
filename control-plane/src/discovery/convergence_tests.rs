//! Whatever happens to a stream, a data plane ends up with what the control plane has.

use std::collections::BTreeMap;
use std::time::Duration;

use proptest::prelude::*;
use prost::Message as _;
use signalbox_proto::model::lane::Lane;
use signalbox_proto::wire::config::v1 as config;
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::change::Body;
use signalbox_proto::wire::discovery::v1::sync_response::Message as Incoming;

use crate::testing::{ControlPlane, DataPlane, hello};

/// What can happen.
#[derive(Clone, Debug)]
enum Event {
    /// An agent is written.
    Agent(u8, u8),
    /// An agent is deleted, if it is there.
    Remove(u8),
    /// A key is made.
    Key,
    /// The newest key is revoked.
    Revoke,
    /// The data plane takes what has come; the stated share of deltas is refused.
    Take { refuse: bool },
    /// The stream breaks, with a delta on its way perhaps, and is opened again with what is held.
    Reconnect,
    /// The data plane loses everything and opens a stream.
    Forget,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (0..4_u8, any::<u8>()).prop_map(|(id, text)| Event::Agent(id, text)),
        1 => (0..4_u8).prop_map(Event::Remove),
        2 => Just(Event::Key),
        1 => Just(Event::Revoke),
        3 => prop::bool::weighted(0.3).prop_map(|refuse| Event::Take { refuse }),
        1 => Just(Event::Reconnect),
        1 => Just(Event::Forget),
    ]
}

/// What a data plane holds.
#[derive(Default)]
struct Held {
    resources: BTreeMap<String, Vec<u8>>,
    cursors: BTreeMap<i32, wire::Cursor>,
    /// Chunks of deltas that are not whole yet, by lane.
    pending: BTreeMap<i32, Vec<wire::Change>>,
}

impl Held {
    fn hello(&mut self) -> wire::Hello {
        self.pending.clear();
        wire::Hello { cursors: self.cursors.values().cloned().collect(), ..hello("edge") }
    }

    /// Applies a whole delta as rule 3 of the stream has it.
    fn apply(&mut self, delta: &wire::Delta, changes: Vec<wire::Change>) {
        if delta.full {
            let credentials = delta.lane() == wire::Lane::Credentials;
            self.resources.retain(|name, _| name.contains("/apiKeys/") != credentials);
        } else {
            let at = self.cursors.get(&delta.lane).expect("a delta needs something to begin with");
            assert_eq!((&at.epoch, at.revision), (&delta.epoch, delta.from));
        }
        for change in changes {
            match change.body {
                Some(Body::Deleted(_)) => {
                    self.resources.remove(&change.name);
                }
                _ => {
                    self.resources.insert(change.name.clone(), change.encode_to_vec());
                }
            }
        }
        let cursor = wire::Cursor { lane: delta.lane, epoch: delta.epoch.clone(), revision: delta.to };
        self.cursors.insert(delta.lane, cursor);
    }

    /// Takes messages until there are none for a while.
    async fn take(&mut self, stream: &mut DataPlane, refuse: bool) {
        while let Ok(message) = tokio::time::timeout(Duration::from_millis(50), stream.next()).await {
            let Some(Incoming::Delta(mut delta)) = message.unwrap() else { continue };
            let changes = std::mem::take(&mut delta.changes);
            self.pending.entry(delta.lane).or_default().extend(changes);
            if delta.more {
                continue;
            }
            let changes = self.pending.remove(&delta.lane).unwrap_or_default();
            if refuse {
                let kept = self.cursors.get(&delta.lane);
                stream.refuse(&delta, kept, changes.first().map_or("", |change| change.name.as_str())).await;
            } else {
                self.apply(&delta, changes);
                stream.ack(&delta).await;
            }
        }
    }
}

async fn truth(control_plane: &ControlPlane) -> BTreeMap<String, Vec<u8>> {
    let mut all = BTreeMap::new();
    for lane in Lane::ALL {
        let mut everything = control_plane.service.feed().everything(lane).await.unwrap();
        loop {
            let page = everything.next_page().await.unwrap();
            if page.is_empty() {
                break;
            }
            all.extend(
                page.into_iter().map(|change| (change.message.name.clone(), change.message.encode_to_vec())),
            );
        }
    }
    all
}

async fn happen(control_plane: &ControlPlane, event: &Event, keys: &mut Vec<String>) {
    let name = |id: &u8| format!("organizations/default/agents/a{id}");
    match event {
        Event::Agent(id, text) => {
            let upstream = config::Upstream {
                url: format!("http://127.0.0.1:{}", 1 + u16::from(*text)),
                ..Default::default()
            };
            let agent = config::Agent { name: name(id), upstreams: vec![upstream], ..Default::default() };
            let manifest = config::Manifest { agents: vec![agent], ..Default::default() };
            let request = config::ApplyManifestRequest { manifest: Some(manifest), ..Default::default() };
            control_plane.config().apply_manifest(control_plane.admin(request)).await.unwrap();
        }
        Event::Remove(id) => {
            let request = config::DeleteAgentRequest { name: name(id), ..Default::default() };
            // It may not be there.
            let _ = control_plane.config().delete_agent(control_plane.admin(request)).await;
        }
        Event::Key => {
            let request = config::CreateApiKeyRequest {
                parent: "organizations/default/consumers/app/subscriptions/gold".to_owned(),
                ..Default::default()
            };
            let made = control_plane.config().create_api_key(control_plane.admin(request)).await.unwrap();
            keys.push(made.into_inner().api_key.unwrap().name);
        }
        Event::Revoke => {
            if let Some(name) = keys.pop() {
                let request = config::RevokeApiKeyRequest { name, ..Default::default() };
                control_plane.config().revoke_api_key(control_plane.admin(request)).await.unwrap();
            }
        }
        Event::Take { .. } | Event::Reconnect | Event::Forget => {}
    }
}

async fn run(events: Vec<Event>) {
    let control_plane = ControlPlane::start().await;
    control_plane
        .apply(
            "plans: [{name: organizations/default/plans/gold, apiKey: {}}]
consumers: [{name: organizations/default/consumers/app}]
subscriptions: [{name: organizations/default/consumers/app/subscriptions/gold, plan: organizations/default/plans/gold}]",
        )
        .await;
    let token = control_plane.token("edge").await.token;
    let mut held = Held::default();
    let mut stream = control_plane.open(&token, held.hello()).await.unwrap();
    let mut keys = Vec::new();
    for event in events {
        happen(&control_plane, &event, &mut keys).await;
        match event {
            Event::Take { refuse } => held.take(&mut stream, refuse).await,
            Event::Reconnect => stream = control_plane.open(&token, held.hello()).await.unwrap(),
            Event::Forget => {
                held = Held::default();
                stream = control_plane.open(&token, held.hello()).await.unwrap();
            }
            _ => {}
        }
    }
    // The longest pause after refusals is shorter than this many rounds.
    for _ in 0..400 {
        held.take(&mut stream, false).await;
        let heads = *control_plane.service.feed().heads().borrow();
        let at = |lane: Lane| held.cursors.get(&lane.to_wire().into()).map(|cursor| cursor.revision);
        if Lane::ALL.into_iter().all(|lane| at(lane) == Some(heads.of(lane))) {
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(held.resources, truth(&control_plane).await);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn a_data_plane_ends_up_with_what_the_control_plane_has(events in prop::collection::vec(event(), 1..40)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().start_paused(true).build().unwrap();
        runtime.block_on(run(events));
    }
}
