//! One stream, from Hello to its end.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use rand::Rng as _;
use signalbox_proto::model::check::to_duration;
use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::sync_request::Message as Incoming;
use signalbox_proto::wire::discovery::v1::sync_response::Message as Outgoing;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::StreamExt as _;
use tonic::Status;

use super::fleet::{Ended, Fleet, Seat};
use super::hello::Hello;
use super::lane::{LaneLoop, LanePorts, Nonces, Reply};
use crate::api::auth::Caller;
use crate::api::server::MAX_CONNECTION_AGE;
use crate::clock::to_timestamp;
use crate::service::Service;
use crate::telemetry::Session as Counted;

/// Mean time between two heartbeats; each is up to 20 % shorter or longer, so that a fleet does not beat in step.
pub const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(10);

/// Shortest life of a stream: a little more than that of a connection, so that the next stream opens on a new one and
/// finds replicas that were added.
pub const STREAM_LIFETIME: Duration = MAX_CONNECTION_AGE.saturating_add(Duration::from_secs(60));

/// Streams live up to so much longer, so that a fleet does not come back all at once.
pub const STREAM_LIFETIME_SPREAD: Duration = Duration::from_secs(5 * 60);

/// Where messages of a stream go.
pub type Outbox = mpsc::Sender<Result<wire::SyncResponse, Status>>;

/// One data plane's stream.
pub struct Session {
    service: Service,
    snapshots: Arc<Semaphore>,
    seat: Arc<Seat>,
    counted: Arc<Counted>,
    hello: Hello,
    /// Time until the token expires.
    lifetime: Option<Duration>,
}

impl Session {
    /// Takes the data plane's place in the fleet; an older stream of it ends.
    pub fn new(
        service: &Service,
        fleet: &Arc<Fleet>,
        snapshots: &Arc<Semaphore>,
        counted: Counted,
        caller: &Caller,
        hello: Hello,
    ) -> Self {
        let seat = Arc::new(fleet.seat(&hello, &caller.0.id));
        let now = service.clock().now();
        let lifetime = caller.0.expire_time.map(|end| end.duration_since(now).unwrap_or_default());
        for (lane, cursor) in &hello.cursors {
            counted.at(*lane, cursor.revision);
        }
        Self {
            service: service.clone(),
            snapshots: Arc::clone(snapshots),
            seat,
            counted: Arc::new(counted),
            hello,
            lifetime,
        }
    }

    /// Runs until the data plane leaves or must leave.
    ///
    /// # Errors
    ///
    /// Why it must leave.
    pub async fn run(
        self,
        inbox: &mut (impl Stream<Item = Result<wire::SyncRequest, Status>> + Unpin),
        outbox: &Outbox,
    ) -> Result<(), Status> {
        let name = self.hello.name.as_str();
        tracing::info!(
            data_plane = name,
            region = self.hello.region,
            version = self.hello.version,
            "discovery stream opened"
        );
        self.welcome(outbox).await?;
        let nonces = Nonces::default();
        let mut ports = BTreeMap::new();
        let mut loops = Vec::new();
        for lane in Lane::ALL {
            let (port, receiver) = LanePorts::new();
            ports.insert(lane, port.clone());
            loops.push(LaneLoop::new(self.lane_context(lane, outbox, &nonces), port, receiver).run());
        }
        let lanes = futures_util::future::try_join_all(loops);
        tokio::select! {
            read = self.read(inbox, &ports) => read,
            sent = lanes => sent.map(|_| ()),
            beaten = self.beat(outbox) => beaten,
            ended = self.seat.ended() => Err(match ended {
                Ended::Replaced => Status::aborted("another stream of the same data plane took over"),
                Ended::Closing => Status::unavailable("the control plane is stopping"),
                Ended::TokenRevoked => Status::unauthenticated("the token was revoked"),
            }),
            () = tokio::time::sleep(stream_lifetime()) => Ok(()),
            () = expiry(self.lifetime) => Err(Status::unauthenticated("the token has expired")),
        }
    }

    fn lane_context(&self, lane: Lane, outbox: &Outbox, nonces: &Nonces) -> super::lane::Context {
        super::lane::Context {
            lane,
            cursor: self.hello.cursors.get(&lane).copied(),
            capabilities: Arc::new(self.hello.capabilities.clone()),
            feed: Arc::clone(self.service.feed()),
            seat: Arc::clone(&self.seat),
            counted: Arc::clone(&self.counted),
            clock: Arc::clone(self.service.clock()),
            snapshots: Arc::clone(&self.snapshots),
            outbox: outbox.clone(),
            nonces: nonces.clone(),
        }
    }

    async fn welcome(&self, outbox: &Outbox) -> Result<(), Status> {
        let welcome = wire::Welcome {
            key_pepper: self.service.feed().key_pepper().to_vec(),
            heartbeat_interval: Some(to_duration(HEARTBEAT_INTERVAL)),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        };
        send(outbox, Outgoing::Welcome(welcome)).await
    }

    async fn read(
        &self,
        inbox: &mut (impl Stream<Item = Result<wire::SyncRequest, Status>> + Unpin),
        ports: &BTreeMap<Lane, LanePorts>,
    ) -> Result<(), Status> {
        while let Some(message) = inbox.next().await {
            // A connection that breaks is the usual end of a stream.
            let Ok(message) = message else { return Ok(()) };
            self.seat.contact();
            match message.message {
                Some(Incoming::Hello(_)) => {
                    return Err(Status::invalid_argument("a stream says Hello once"));
                }
                Some(Incoming::Ack(ack)) => {
                    let wire::Ack { lane, nonce, applied, apply_time: _ } = ack;
                    deliver(ports, lane, nonce, Reply::Ack(cursor(applied.as_ref())))?;
                }
                Some(Incoming::Nack(nack)) => {
                    let wire::Nack { lane, nonce, kept, errors } = nack;
                    deliver(ports, lane, nonce, Reply::Nack { kept: cursor(kept.as_ref()), errors })?;
                }
                Some(Incoming::Status(report)) => self.seat.report(report),
                // A kind of message that a newer data plane knows.
                None => {}
            }
        }
        Ok(())
    }

    async fn beat(&self, outbox: &Outbox) -> Result<(), Status> {
        let feed = self.service.feed();
        let heads = feed.heads();
        loop {
            let jitter = rand::rng().random_range(0.8..1.2);
            tokio::time::sleep(HEARTBEAT_INTERVAL.mul_f64(jitter)).await;
            let now = *heads.borrow();
            let cursor = |lane| Cursor { epoch: feed.epoch(), revision: now.of(lane) }.to_wire(lane);
            let beat = wire::Heartbeat {
                heads: Lane::ALL.map(cursor).to_vec(),
                time: Some(to_timestamp(self.service.clock().now())),
            };
            send(outbox, Outgoing::Heartbeat(beat)).await?;
        }
    }
}

/// Sends a message; waits while the transport takes none.
pub(super) async fn send(outbox: &Outbox, message: Outgoing) -> Result<(), Status> {
    let gone = |_| Status::cancelled("the data plane left");
    outbox.send(Ok(wire::SyncResponse { message: Some(message) })).await.map_err(gone)
}

fn deliver(ports: &BTreeMap<Lane, LanePorts>, lane: i32, nonce: u64, reply: Reply) -> Result<(), Status> {
    let lane =
        Lane::from_wire(lane).ok_or_else(|| Status::invalid_argument("an answer names an unknown lane"))?;
    if let Some(port) = ports.get(&lane) {
        port.deliver(nonce, reply);
    }
    Ok(())
}

fn cursor(wire: Option<&wire::Cursor>) -> Option<Cursor> {
    wire.and_then(Cursor::from_wire).map(|(_, cursor)| cursor)
}

fn stream_lifetime() -> Duration {
    STREAM_LIFETIME + STREAM_LIFETIME_SPREAD.mul_f64(rand::rng().random_range(0.0..1.0))
}

async fn expiry(lifetime: Option<Duration>) {
    match lifetime {
        Some(lifetime) => tokio::time::sleep(lifetime).await,
        None => std::future::pending().await,
    }
}
