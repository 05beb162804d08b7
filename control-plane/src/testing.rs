//! A whole control plane in memory, for tests: real services, real clients, no sockets.

use std::io;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use hyper_util::rt::TokioIo;
use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::config::v1 as config;
use signalbox_proto::wire::config::v1::config_service_client::ConfigServiceClient;
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::discovery_service_client::DiscoveryServiceClient;
use signalbox_proto::wire::discovery::v1::sync_request::Message as Outgoing;
use signalbox_proto::wire::discovery::v1::sync_response::Message as Incoming;
use signalbox_proto::wire::fleet::v1 as fleet;
use signalbox_proto::wire::fleet::v1::fleet_service_client::FleetServiceClient;
use tokio::io::DuplexStream;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::transport::{Channel, Endpoint};
use tonic::{Request, Status, Streaming};

use crate::api::{Services, serve};
use crate::clock::{Clock, ManualClock};
use crate::discovery::Fleet;
use crate::service::{Feed, Service};
use crate::store::memory::MemoryStore;
use crate::telemetry::Telemetry;

/// A control plane and a client of it.
pub(crate) struct ControlPlane {
    pub(crate) service: Service,
    pub(crate) fleet: Arc<Fleet>,
    pub(crate) channel: Channel,
    admin_token: String,
}

/// The end of a discovery stream that a data plane has.
pub(crate) struct DataPlane {
    outbox: mpsc::Sender<wire::SyncRequest>,
    inbox: Streaming<wire::SyncResponse>,
}

impl ControlPlane {
    pub(crate) async fn start() -> Self {
        let clock = Arc::new(ManualClock::new(SystemTime::UNIX_EPOCH + Duration::from_secs(1_800_000_000)));
        let store = Arc::new(MemoryStore::default());
        let feed = Feed::start(store.clone()).await.unwrap();
        let service = Service::new(store, feed, clock as Arc<dyn Clock>);
        let fleet = Fleet::load(&service).await.unwrap();
        let admin_token = service.first_admin_token(|_| Ok(())).await.unwrap().unwrap().expose().to_owned();
        let services = Services {
            service: service.clone(),
            fleet: Arc::clone(&fleet),
            telemetry: Arc::new(Telemetry::default()),
            ca: None,
        };
        let (connections, incoming) = mpsc::channel::<io::Result<DuplexStream>>(16);
        tokio::spawn(serve(services, ReceiverStream::new(incoming), std::future::pending()));
        let connector = tower::service_fn(move |_: http::Uri| {
            let connections = connections.clone();
            async move {
                let (near, far) = tokio::io::duplex(64 << 10);
                connections.send(Ok(far)).await.map_err(io::Error::other)?;
                io::Result::Ok(TokioIo::new(near))
            }
        });
        let channel = Endpoint::from_static("http://in.memory").connect_with_connector_lazy(connector);
        Self { service, fleet, channel, admin_token }
    }

    pub(crate) fn config(&self) -> ConfigServiceClient<Channel> {
        ConfigServiceClient::new(self.channel.clone())
    }

    pub(crate) fn fleet(&self) -> FleetServiceClient<Channel> {
        FleetServiceClient::new(self.channel.clone())
    }

    /// `message` with the admin token.
    pub(crate) fn admin<T>(&self, message: T) -> Request<T> {
        with_token(message, &self.admin_token)
    }

    /// Applies a manifest in YAML.
    pub(crate) async fn apply(&self, yaml: &str) -> config::ApplyManifestResponse {
        let manifest = signalbox_proto::manifest::Document::parse(yaml).unwrap().manifest;
        let request = config::ApplyManifestRequest { manifest: Some(manifest), ..Default::default() };
        self.config().apply_manifest(self.admin(request)).await.unwrap().into_inner()
    }

    /// A token for `dataPlanes/{id}` in region eu.
    pub(crate) async fn token(&self, id: &str) -> fleet::CreateDataPlaneTokenResponse {
        let request = fleet::CreateDataPlaneTokenRequest {
            data_plane: format!("dataPlanes/{id}"),
            region: "eu".to_owned(),
            lifetime: None,
        };
        self.fleet().create_data_plane_token(self.admin(request)).await.unwrap().into_inner()
    }

    /// Opens a stream and says `hello`.
    pub(crate) async fn open(&self, token: &str, hello: wire::Hello) -> Result<DataPlane, Status> {
        let (outbox, requests) = mpsc::channel(16);
        let mut client = DiscoveryServiceClient::new(self.channel.clone());
        outbox.send(wire::SyncRequest { message: Some(Outgoing::Hello(hello)) }).await.unwrap();
        let inbox = client.sync(with_token(ReceiverStream::new(requests), token)).await?.into_inner();
        Ok(DataPlane { outbox, inbox })
    }

    /// Opens a stream for `dataPlanes/{id}`, takes the Welcome and acknowledges everything that there is.
    pub(crate) async fn connect(&self, id: &str) -> DataPlane {
        let token = self.token(id).await.token;
        let mut data_plane = self.open(&token, hello(id)).await.unwrap();
        data_plane.welcome().await;
        for _ in Lane::ALL {
            let delta = data_plane.delta().await;
            assert!(delta.full);
            data_plane.ack(&delta).await;
        }
        data_plane
    }
}

/// What a data plane of this build says.
pub(crate) fn hello(id: &str) -> wire::Hello {
    wire::Hello {
        data_plane: format!("dataPlanes/{id}"),
        region: "eu".to_owned(),
        version: "1".to_owned(),
        boot_id: "b".to_owned(),
        capabilities: ["plan.api_key", "plan.keyless", "plan.operations"].map(str::to_owned).to_vec(),
        ..Default::default()
    }
}

pub(crate) fn with_token<T>(message: T, token: &str) -> Request<T> {
    let mut request = Request::new(message);
    request.metadata_mut().insert("authorization", format!("Bearer {token}").parse().unwrap());
    request
}

impl DataPlane {
    /// The next message that is no heartbeat.
    pub(crate) async fn next(&mut self) -> Result<Option<Incoming>, Status> {
        loop {
            match self.inbox.message().await? {
                None => return Ok(None),
                Some(wire::SyncResponse { message: Some(Incoming::Heartbeat(_)) }) => {}
                Some(wire::SyncResponse { message }) => return Ok(message),
            }
        }
    }

    /// The next heartbeat.
    pub(crate) async fn heartbeat(&mut self) -> wire::Heartbeat {
        match self.inbox.message().await.unwrap().unwrap().message {
            Some(Incoming::Heartbeat(heartbeat)) => heartbeat,
            other => panic!("no heartbeat but {other:?}"),
        }
    }

    pub(crate) async fn welcome(&mut self) -> wire::Welcome {
        match self.next().await.unwrap() {
            Some(Incoming::Welcome(welcome)) => welcome,
            other => panic!("no welcome but {other:?}"),
        }
    }

    /// The next delta, put together from its chunks.
    pub(crate) async fn delta(&mut self) -> wire::Delta {
        let mut whole: Option<wire::Delta> = None;
        loop {
            let Some(Incoming::Delta(mut chunk)) = self.next().await.unwrap() else { panic!("no delta") };
            let more = chunk.more;
            match &mut whole {
                None => whole = Some(chunk),
                Some(whole) => {
                    assert_eq!((whole.lane, whole.nonce, whole.to), (chunk.lane, chunk.nonce, chunk.to));
                    whole.changes.append(&mut chunk.changes);
                }
            }
            if !more {
                return whole.unwrap();
            }
        }
    }

    /// Whether nothing but heartbeats comes for a time.
    pub(crate) async fn hears_nothing_for(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.next()).await.is_err()
    }

    pub(crate) async fn ack(&self, delta: &wire::Delta) {
        let applied = wire::Cursor { lane: delta.lane, epoch: delta.epoch.clone(), revision: delta.to };
        let ack =
            wire::Ack { lane: delta.lane, nonce: delta.nonce, applied: Some(applied), apply_time: None };
        self.send(Outgoing::Ack(ack)).await;
    }

    /// Refuses `delta` for the sake of `names`.
    pub(crate) async fn nack(&self, delta: &wire::Delta, names: &[&str]) {
        let kept = wire::Cursor { lane: delta.lane, epoch: delta.epoch.clone(), revision: delta.from };
        let error = |name: &&str| wire::ResourceError {
            name: (*name).to_owned(),
            field: "upstreams".to_owned(),
            reason: "must not be".to_owned(),
        };
        let errors = names.iter().map(error).collect();
        self.send(Outgoing::Nack(wire::Nack {
            lane: delta.lane,
            nonce: delta.nonce,
            kept: Some(kept),
            errors,
        }))
        .await;
    }

    /// Refuses `delta` for the sake of one resource, and keeps what it says.
    pub(crate) async fn refuse(&self, delta: &wire::Delta, kept: Option<&wire::Cursor>, name: &str) {
        let errors = vec![wire::ResourceError { name: name.to_owned(), ..Default::default() }];
        let nack = wire::Nack { lane: delta.lane, nonce: delta.nonce, kept: kept.cloned(), errors };
        self.send(Outgoing::Nack(nack)).await;
    }

    pub(crate) async fn send(&self, message: Outgoing) {
        self.outbox.send(wire::SyncRequest { message: Some(message) }).await.unwrap();
    }

    /// The status with which the control plane ends the stream.
    pub(crate) async fn end(&mut self) -> Status {
        loop {
            match self.next().await {
                Err(status) => return status,
                Ok(Some(_)) => {}
                Ok(None) => panic!("the stream ended without a reason"),
            }
        }
    }
}

/// Names of what a delta changes, in order.
pub(crate) fn names(delta: &wire::Delta) -> Vec<&str> {
    delta.changes.iter().map(|change| change.name.as_str()).collect()
}

/// A cursor as a Hello has it.
pub(crate) fn cursor(lane: Lane, epoch: &[u8], revision: u64) -> wire::Cursor {
    let (_, cursor) =
        Cursor::from_wire(&wire::Cursor { lane: lane.to_wire().into(), epoch: epoch.to_vec(), revision })
            .unwrap();
    cursor.to_wire(lane)
}
