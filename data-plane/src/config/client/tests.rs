use std::io;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::Stream;
use signalbox_proto::model::lane::Lane;
use signalbox_proto::wire::config::v1 as config;
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::change::Body;
use signalbox_proto::wire::discovery::v1::discovery_service_server::{
    DiscoveryService, DiscoveryServiceServer,
};
use signalbox_proto::wire::discovery::v1::sync_request::Message as Request;
use signalbox_proto::wire::discovery::v1::sync_response::Message as Response;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Status, Streaming};

use super::{Client, Identity, Transport};
use crate::config::{Applier, Handle, Site};
use crate::settings::ControlPlaneAddress;

const AGENT: &str = "organizations/default/agents/echo";
const PLAN: &str = "organizations/default/plans/gold";
const KEY: &str = "organizations/default/consumers/ada/subscriptions/s/apiKeys/k";

type Responses = mpsc::Sender<Result<wire::SyncResponse, Status>>;

/// One stream as the control plane sees it; the test plays the control plane.
struct Conversation {
    token: String,
    requests: Streaming<wire::SyncRequest>,
    responses: Responses,
}

struct Service(mpsc::Sender<Conversation>);

#[tonic::async_trait]
impl DiscoveryService for Service {
    type SyncStream = Pin<Box<dyn Stream<Item = Result<wire::SyncResponse, Status>> + Send>>;

    async fn sync(
        &self,
        request: tonic::Request<Streaming<wire::SyncRequest>>,
    ) -> Result<tonic::Response<Self::SyncStream>, Status> {
        let token = request.metadata().get("authorization").unwrap().to_str().unwrap().to_owned();
        let (responses, stream) = mpsc::channel(16);
        let requests = request.into_inner();
        self.0
            .send(Conversation { token, requests, responses })
            .await
            .map_err(|_| Status::unavailable("over"))?;
        Ok(tonic::Response::new(Box::pin(ReceiverStream::new(stream))))
    }
}

/// A data plane, and the place where its streams arrive.
struct Fixture {
    handle: Handle,
    conversations: mpsc::Receiver<Conversation>,
    client: tokio::task::JoinHandle<()>,
    _dir: tempfile::TempDir,
}

impl Drop for Fixture {
    fn drop(&mut self) {
        self.client.abort();
    }
}

fn token_file(dir: &Path) -> std::path::PathBuf {
    let path = dir.join("token");
    std::fs::write(&path, "sbxdp_secret\n").unwrap();
    path
}

fn fixture() -> Fixture {
    let dir = tempfile::tempdir().unwrap();
    let (arrived, conversations) = mpsc::channel(4);
    let (connections, incoming) = mpsc::channel::<io::Result<DuplexStream>>(4);
    let server =
        tonic::transport::Server::builder().add_service(DiscoveryServiceServer::new(Service(arrived)));
    tokio::spawn(server.serve_with_incoming(ReceiverStream::new(incoming)));
    let transport = Transport::from_fn(move || {
        let connections = connections.clone();
        async move {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            connections.send(Ok(theirs)).await.map_err(|_| io::Error::other("over"))?;
            Ok(Box::new(ours) as Box<dyn super::transport::Io>)
        }
    });
    let handle = Handle::new();
    let site = Site { region: "eu".to_owned(), ..Site::default() };
    let client = Client {
        applier: Arc::new(Applier::new(handle.clone(), site, Arc::default())),
        cache: None,
        identity: Identity::new("edge-1".to_owned()),
        addresses: vec![ControlPlaneAddress { tls: false, host: "cp".to_owned(), port: 1 }],
        transport,
        token_file: token_file(dir.path()),
        is_ready: Arc::new(|| true),
    };
    Fixture { handle, conversations, client: tokio::spawn(client.run()), _dir: dir }
}

impl Fixture {
    /// The next stream, with its Hello, welcomed.
    async fn accept(&mut self, pepper: u8) -> (Conversation, wire::Hello) {
        let mut conversation = self.conversations.recv().await.unwrap();
        let hello = match conversation.next().await {
            Request::Hello(hello) => hello,
            other => panic!("{other:?} before Hello"),
        };
        let interval = pbjson_types::Duration { seconds: 10, nanos: 0 };
        let key_pepper = vec![pepper; 32];
        let welcome =
            wire::Welcome { key_pepper, heartbeat_interval: Some(interval), version: String::new() };
        conversation.send(Response::Welcome(welcome)).await;
        (conversation, hello)
    }

    /// A stream that has brought an agent, a plan and a key.
    async fn settled(&mut self) -> Conversation {
        let (mut conversation, _) = self.accept(7).await;
        assert!(conversation.ack(full(Lane::Config, 1, vec![agent("http://a.example"), plan()])).await);
        assert!(conversation.ack(full(Lane::Credentials, 2, vec![key(1)])).await);
        conversation
    }
}

impl Conversation {
    /// The next request that is no status.
    async fn next(&mut self) -> Request {
        loop {
            match self.requests.message().await.unwrap().unwrap().message.unwrap() {
                Request::Status(_) => {}
                other => return other,
            }
        }
    }

    async fn send(&mut self, message: Response) {
        self.responses.send(Ok(wire::SyncResponse { message: Some(message) })).await.unwrap();
    }

    /// Whether a delta is acknowledged as enforced.
    async fn ack(&mut self, delta: wire::Delta) -> bool {
        let (nonce, to) = (delta.nonce, delta.to);
        self.send(Response::Delta(delta)).await;
        matches!(self.next().await, Request::Ack(ack) if ack.nonce == nonce && ack.applied.as_ref().is_some_and(|at| at.revision == to))
    }

    async fn nack(&mut self, delta: wire::Delta) -> wire::Nack {
        self.send(Response::Delta(delta)).await;
        match self.next().await {
            Request::Nack(nack) => nack,
            other => panic!("{other:?} instead of a refusal"),
        }
    }
}

fn delta(lane: Lane, nonce: u64, from: u64, to: u64, changes: Vec<wire::Change>) -> wire::Delta {
    let (lane, epoch) = (lane.to_wire().into(), vec![1; 16]);
    wire::Delta { lane, nonce, epoch, from, to, changes, ..wire::Delta::default() }
}

fn full(lane: Lane, nonce: u64, changes: Vec<wire::Change>) -> wire::Delta {
    wire::Delta { full: true, ..delta(lane, nonce, 0, 5, changes) }
}

fn change(name: &str, body: Body) -> wire::Change {
    wire::Change { name: name.to_owned(), revision: 5, body: Some(body) }
}

fn agent(url: &str) -> wire::Change {
    let upstreams = vec![config::Upstream { url: url.to_owned(), ..Default::default() }];
    change(
        AGENT,
        Body::Agent(config::Agent {
            name: AGENT.to_owned(),
            upstreams,
            plans: vec![PLAN.to_owned()],
            ..Default::default()
        }),
    )
}

fn plan() -> wire::Change {
    let security = Some(config::plan::Security::ApiKey(config::ApiKeySecurity::default()));
    change(PLAN, Body::Plan(config::Plan { name: PLAN.to_owned(), security, ..Default::default() }))
}

fn key(digest: u8) -> wire::Change {
    let credential = wire::KeyCredential {
        digest: vec![digest; 16].into(),
        plan: PLAN.to_owned(),
        consumer: "organizations/default/consumers/ada".to_owned(),
        expire_time: None,
    };
    change(KEY, Body::Key(credential))
}

fn deleted(name: &str) -> wire::Change {
    change(name, Body::Deleted(wire::Deleted {}))
}

fn revisions(hello: &wire::Hello) -> Vec<(i32, u64)> {
    hello.cursors.iter().map(|cursor| (cursor.lane, cursor.revision)).collect()
}

#[tokio::test]
async fn what_is_acknowledged_is_enforced() {
    let mut fixture = fixture();
    let (mut conversation, hello) = fixture.accept(7).await;
    assert_eq!(conversation.token, "Bearer sbxdp_secret");
    assert_eq!((hello.data_plane.as_str(), hello.region.as_str()), ("dataPlanes/edge-1", "eu"));
    assert!(hello.cursors.is_empty());
    assert!(hello.capabilities.iter().any(|capability| capability == "plan.api_key"));
    // In two chunks.
    let first = wire::Delta { more: true, ..full(Lane::Config, 1, vec![plan()]) };
    conversation.send(Response::Delta(first)).await;
    assert!(conversation.ack(full(Lane::Config, 1, vec![agent("http://a.example")])).await);
    assert!(!fixture.handle.is_configured(), "no keys yet");
    assert!(conversation.ack(full(Lane::Credentials, 2, vec![key(1)])).await);
    assert!(fixture.handle.is_configured());
    assert!(fixture.handle.load().routes.find(None, "/a2a/echo").is_some());
    assert!(conversation.ack(delta(Lane::Credentials, 3, 5, 6, vec![deleted(KEY)])).await);
    assert!(fixture.handle.load().keys.is_empty());
}

#[tokio::test]
async fn a_new_stream_goes_on_where_the_last_one_ended() {
    let mut fixture = fixture();
    drop(fixture.settled().await);
    let (mut conversation, hello) = fixture.accept(7).await;
    assert_eq!(revisions(&hello), [(1, 5), (2, 5)]);
    assert!(conversation.ack(delta(Lane::Config, 1, 5, 6, vec![deleted(AGENT)])).await);
    assert!(fixture.handle.load().agents.is_empty());
}

#[tokio::test]
async fn what_cannot_be_applied_is_refused_with_its_reasons() {
    let mut fixture = fixture();
    let mut conversation = fixture.settled().await;
    let nack =
        conversation.nack(delta(Lane::Config, 3, 5, 6, vec![agent("gopher://x"), deleted(PLAN)])).await;
    assert_eq!(nack.kept.unwrap().revision, 5);
    assert_eq!((nack.errors[0].name.as_str(), nack.errors[0].field.as_str()), (AGENT, "upstreams[0].url"));
    assert_eq!(fixture.handle.load().plans.len(), 1, "nothing of it is applied");
    let nack = conversation.nack(delta(Lane::Config, 4, 8, 9, vec![])).await;
    assert_eq!((nack.kept.unwrap().revision, nack.errors[0].field.as_str()), (5, "from"));
    let back = wire::Delta { to: 3, ..full(Lane::Config, 5, vec![]) };
    assert_eq!(conversation.nack(back).await.kept.unwrap().revision, 5);
    assert!(conversation.ack(delta(Lane::Config, 6, 5, 6, vec![agent("http://b.example")])).await);
}

#[tokio::test]
async fn a_faulty_record_does_not_keep_a_revoked_key_alive() {
    let mut fixture = fixture();
    let mut conversation = fixture.settled().await;
    let changes = vec![deleted(KEY), deleted("nonsense")];
    let nack = conversation.nack(delta(Lane::Credentials, 3, 5, 6, changes)).await;
    assert_eq!((nack.errors[0].name.as_str(), nack.kept.unwrap().revision), ("nonsense", 5));
    assert!(fixture.handle.load().keys.is_empty());
}

#[tokio::test]
async fn another_epoch_replaces_everything() {
    let mut fixture = fixture();
    let mut conversation = fixture.settled().await;
    let epoch = vec![9; 16];
    let other = wire::Delta { epoch, full: true, ..delta(Lane::Config, 3, 0, 1, vec![plan()]) };
    assert!(conversation.ack(other).await);
    let held = fixture.handle.load_full();
    assert_eq!((held.agents.len(), held.plans.len(), held.keys.len()), (0, 1, 1));
}

#[tokio::test]
async fn a_new_pepper_makes_all_keys_come_anew() {
    let mut fixture = fixture();
    drop(fixture.settled().await);
    let (_conversation, hello) = fixture.accept(8).await;
    assert_eq!(revisions(&hello).len(), 2);
    let (mut conversation, hello) = fixture.accept(8).await;
    assert_eq!(revisions(&hello), [(1, 5)], "the keys held are worth nothing");
    assert_eq!(fixture.handle.load().keys.len(), 1, "but serve until others come");
    assert!(conversation.ack(full(Lane::Credentials, 1, vec![key(2)])).await);
    assert_eq!(fixture.handle.load().keys.hasher().pepper(), &[8; 32]);
}

#[tokio::test(start_paused = true)]
async fn silence_is_a_reason_to_connect_anew() {
    let mut fixture = fixture();
    let conversation = fixture.settled().await;
    let before = tokio::time::Instant::now();
    let (_second, hello) = fixture.accept(7).await;
    assert!(before.elapsed() >= Duration::from_secs(30));
    assert_eq!(hello.cursors.len(), 2);
    drop(conversation);
}

#[tokio::test(start_paused = true)]
async fn status_is_told_again_and_again() {
    let mut fixture = fixture();
    let mut conversation = fixture.settled().await;
    let seen = Arc::new(Mutex::new(0));
    for _ in 0..3 {
        let heartbeat = wire::Heartbeat::default();
        conversation.send(Response::Heartbeat(heartbeat)).await;
        match conversation.requests.message().await.unwrap().unwrap().message.unwrap() {
            Request::Status(status) => {
                assert!(status.ready);
                *seen.lock().unwrap() += status.cursors.len();
            }
            other => panic!("{other:?} instead of a status"),
        }
    }
    assert_eq!(*seen.lock().unwrap(), 6);
}

#[tokio::test(start_paused = true)]
async fn a_missing_token_is_tried_again_and_may_come_later() {
    let mut fixture = fixture();
    let conversation = fixture.settled().await;
    let token = fixture._dir.path().join("token");
    std::fs::remove_file(&token).unwrap();
    drop(conversation);
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(fixture.conversations.try_recv().is_err());
    std::fs::write(&token, "sbxdp_other").unwrap();
    let (conversation, _) = fixture.accept(7).await;
    assert_eq!(conversation.token, "Bearer sbxdp_other");
}
