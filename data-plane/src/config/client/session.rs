//! One stream, from Hello to its end.

use std::time::Duration;

use rand::Rng as _;
use signalbox_proto::model::check::to_duration;
use signalbox_proto::model::lane::{Cursor, Lane, RefusedDelta};
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::discovery_service_client::DiscoveryServiceClient;
use signalbox_proto::wire::discovery::v1::sync_request::Message as Outgoing;
use signalbox_proto::wire::discovery::v1::sync_response::Message as Incoming;
use tokio::sync::mpsc;
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::{Request, Streaming};
use tracing::Instrument as _;

use super::assemble::{Assembler, Whole};
use super::{Client, StreamError};
use crate::auth::PEPPER_BYTES;
use crate::clock;
use crate::config::apply::{Applied, Refused};
use crate::config::stage::Staged;
use crate::settings::ControlPlaneAddress;
use crate::telemetry::change::{apply_span, connect_span, fail};

/// What this build can enforce.
const CAPABILITIES: [&str; 11] = [
    "agent.card_credential",
    "agent.push",
    "agent.skill_selector",
    "agent.static_card",
    "agent.task_ownership",
    "plan.api_key",
    "plan.keyless",
    "plan.operations",
    "plan.push",
    "plan.skills",
    "upstream.bindings",
];

/// Mean time between two status messages; each is up to 20 % off, so that a fleet does not beat in step.
const STATUS_INTERVAL: Duration = Duration::from_secs(10);

/// Time until Welcome.
const WELCOME_TIMEOUT: Duration = Duration::from_secs(10);

/// Shortest silence after which the control plane is given up.
const MIN_SILENCE: Duration = Duration::from_secs(30);

/// Heartbeats that may fail to come.
const MISSED_HEARTBEATS: u32 = 3;

/// Largest message; chunks are 256 KiB unless one resource is larger.
const MAX_MESSAGE_BYTES: usize = 32 << 20;

/// Messages that wait to be sent; answers and status only, so few.
const OUTBOX: usize = 16;

type Outbox = mpsc::Sender<wire::SyncRequest>;

/// One stream.
pub(super) struct Session<'c> {
    client: &'c Client,
    /// Whether to go on from the keys held; else all of them are asked for.
    keep_credentials: bool,
    pepper: Option<[u8; PEPPER_BYTES]>,
    welcomed: Option<clock::Instant>,
    assembler: Assembler,
}

impl<'c> Session<'c> {
    pub(super) fn new(client: &'c Client, keep_credentials: bool) -> Self {
        Self { client, keep_credentials, pepper: None, welcomed: None, assembler: Assembler::default() }
    }

    /// Whether the control plane took the data plane in.
    pub(super) fn was_welcomed(&self) -> bool {
        self.pepper.is_some()
    }

    /// Time since the control plane took the data plane in.
    pub(super) fn lasted(&self) -> Duration {
        self.welcomed.map(|at| at.elapsed()).unwrap_or_default()
    }

    /// Runs until the stream ends.
    pub(super) async fn run(&mut self, address: &ControlPlaneAddress) -> StreamError {
        let span = connect_span(&address.to_string());
        let opened = self.open(address).instrument(span.clone()).await;
        let (outbox, stream, silence) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                fail(&span, &error);
                return error;
            }
        };
        drop(span);
        self.client.connected(true);
        tracing::info!(control_plane = %address, "connected to the control plane");
        match self.follow(outbox, stream, silence).await {
            Ok(never) => match never {},
            Err(error) => error,
        }
    }

    async fn open(
        &mut self,
        address: &ControlPlaneAddress,
    ) -> Result<(Outbox, Streaming<wire::SyncResponse>, Duration), StreamError> {
        let authorization = self.authorization().await?;
        let channel = self.client.transport.connect(address).await?;
        let mut service = DiscoveryServiceClient::new(channel).max_decoding_message_size(MAX_MESSAGE_BYTES);
        let (outbox, requests) = mpsc::channel(OUTBOX);
        send(&outbox, Outgoing::Hello(self.hello())).await?;
        let mut request = Request::new(ReceiverStream::new(requests));
        request.metadata_mut().insert("authorization", authorization);
        let welcoming = async {
            let mut stream = service.sync(request).await?.into_inner();
            let first = stream.message().await?.ok_or(StreamError::Closed)?;
            Ok::<_, StreamError>((stream, first))
        };
        let welcomed = tokio::time::timeout(WELCOME_TIMEOUT, welcoming).await;
        let (stream, first) = welcomed.map_err(|_| StreamError::Silent(WELCOME_TIMEOUT))??;
        let Some(Incoming::Welcome(welcome)) = first.message else {
            return Err(StreamError::Protocol("something else before Welcome"));
        };
        let silence = self.welcome(&welcome)?;
        Ok((outbox, stream, silence))
    }

    async fn authorization(&self) -> Result<MetadataValue<Ascii>, StreamError> {
        let path = &self.client.token_file;
        let token = tokio::fs::read_to_string(path).await;
        let token = token.map_err(|source| StreamError::Token { path: path.clone(), source })?;
        let value: Result<MetadataValue<Ascii>, _> = format!("Bearer {}", token.trim()).parse();
        let mut value = value.map_err(|_| StreamError::NotAToken { path: path.clone() })?;
        value.set_sensitive(true);
        Ok(value)
    }

    fn hello(&self) -> wire::Hello {
        let identity = &self.client.identity;
        let site = self.client.applier.site();
        wire::Hello {
            data_plane: format!("dataPlanes/{}", identity.id),
            region: site.region.clone(),
            labels: site.labels.clone(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            boot_id: identity.boot_id.clone(),
            capabilities: CAPABILITIES.map(str::to_owned).to_vec(),
            cursors: self.cursors(),
        }
    }

    /// Cursors of the lanes of which anything is held.
    fn cursors(&self) -> Vec<wire::Cursor> {
        let held = self.client.applier.handle().load().cursors;
        let lanes = Lane::ALL.into_iter();
        let lanes = lanes.filter(|&lane| lane == Lane::Config || self.keep_credentials);
        let lanes = lanes.map(|lane| (lane, held.of(lane))).filter(|(_, at)| *at != Cursor::default());
        lanes.map(|(lane, at)| at.to_wire(lane)).collect()
    }

    /// Takes the Welcome in; gives the longest silence to bear.
    fn welcome(&mut self, welcome: &wire::Welcome) -> Result<Duration, StreamError> {
        let pepper = <[u8; PEPPER_BYTES]>::try_from(&welcome.key_pepper[..]);
        let pepper = pepper.map_err(|_| StreamError::Protocol("a pepper that is not 32 bytes long"))?;
        let runtime = self.client.applier.handle().load_full();
        let holds_keys = runtime.cursors.credentials != Cursor::default();
        if self.keep_credentials && holds_keys && pepper != self.client.applier.pepper() {
            return Err(StreamError::PepperChanged);
        }
        self.pepper = Some(pepper);
        self.welcomed = Some(clock::now());
        let interval = welcome.heartbeat_interval.and_then(|interval| Duration::try_from(interval).ok());
        Ok(interval.map_or(MIN_SILENCE, |interval| (interval * MISSED_HEARTBEATS).max(MIN_SILENCE)))
    }

    async fn follow(
        &mut self,
        outbox: Outbox,
        mut stream: Streaming<wire::SyncResponse>,
        silence: Duration,
    ) -> Result<std::convert::Infallible, StreamError> {
        let mut next_status = clock::now();
        let mut last_word = clock::now();
        loop {
            tokio::select! {
                message = stream.message() => {
                    let message = message?.ok_or(StreamError::Closed)?;
                    self.take(message, &outbox).await?;
                    last_word = clock::now();
                }
                () = tokio::time::sleep_until(next_status) => {
                    send(&outbox, Outgoing::Status(self.status())).await?;
                    let jitter = rand::rng().random_range(0.8..1.2);
                    next_status = clock::now() + STATUS_INTERVAL.mul_f64(jitter);
                }
                () = tokio::time::sleep_until(last_word + silence) => {
                    return Err(StreamError::Silent(silence));
                }
            }
        }
    }

    async fn take(&mut self, message: wire::SyncResponse, outbox: &Outbox) -> Result<(), StreamError> {
        match message.message {
            Some(Incoming::Delta(chunk)) => {
                let traceparent = chunk.traceparent.clone();
                let pepper = self.pepper.unwrap_or_default();
                let whole = self.assembler.push(chunk, pepper).map_err(StreamError::Protocol)?;
                if let Some(whole) = whole {
                    let answer = self.answer(whole, &traceparent).await;
                    send(outbox, answer).await?;
                }
                Ok(())
            }
            Some(Incoming::Welcome(_)) => Err(StreamError::Protocol("Welcome twice")),
            // A heartbeat is its own purpose; anything else is from a newer control plane.
            Some(Incoming::Heartbeat(_)) | None => Ok(()),
        }
    }

    /// Applies a delta, or says why not.
    async fn answer(&mut self, whole: Whole, traceparent: &str) -> Outgoing {
        let Whole { lane, nonce, staged, refused, revoked, wire } = whole;
        let span = apply_span(lane, staged.from, staged.to.revision, traceparent);
        let applier = &self.client.applier;
        if !refused.is_empty() {
            let refused = RefusedDelta(refused);
            tracing::error!(lane = lane.as_str(), "refused a change of the configuration: {refused}");
            fail(&span, &refused);
            applier.metrics().lane(lane).refused();
            self.revoke(revoked).await;
            return self.nack(lane, nonce, refused.to_wire());
        }
        let (full, from) = (staged.full, staged.from);
        match applier.apply(staged).instrument(span.clone()).await {
            Ok(applied) => {
                let Applied { cursor, took, .. } = applied;
                if full && lane == Lane::Credentials {
                    self.keep_credentials = true;
                }
                if let Some(cache) = &self.client.cache {
                    cache.record(lane, from, cursor, full, wire);
                }
                // Keys come and go all day; agents and plans are worth a line.
                match lane {
                    Lane::Config => {
                        tracing::info!(revision = cursor.revision, ?took, "configuration applied")
                    }
                    Lane::Credentials => tracing::debug!(revision = cursor.revision, ?took, "keys applied"),
                }
                let applied = Some(cursor.to_wire(lane));
                let apply_time = Some(to_duration(took));
                Outgoing::Ack(wire::Ack { lane: lane.to_wire().into(), nonce, applied, apply_time })
            }
            Err(why) => {
                tracing::error!(lane = lane.as_str(), "did not apply a change of the configuration: {why}");
                fail(&span, &why);
                let field = if matches!(why, Refused::Defect) { "" } else { "from" };
                let reason = why.to_string();
                let error = wire::ResourceError { name: String::new(), field: field.to_owned(), reason };
                self.nack(lane, nonce, vec![error])
            }
        }
    }

    /// Takes away what a refused delta takes away: a faulty neighbour must not keep a revoked key alive. The cursor
    /// stays, so the whole delta comes again.
    async fn revoke(&self, revoked: Vec<signalbox_proto::model::lane::Change>) {
        let applier = &self.client.applier;
        let held = applier.handle().load().cursors.credentials;
        // Nothing is held of this history yet: there is nothing to take away.
        if revoked.is_empty() || held.revision == 0 {
            return;
        }
        let mut staged = Staged::new(Lane::Credentials, held.revision, held, false, applier.pepper());
        for change in revoked {
            staged.add(held.revision, change);
        }
        if let Err(why) = applier.apply(staged).await {
            tracing::error!("could not take revoked keys away: {why}");
        }
    }

    fn nack(&self, lane: Lane, nonce: u64, errors: Vec<wire::ResourceError>) -> Outgoing {
        let kept = self.client.applier.handle().load().cursors.of(lane);
        let kept = (kept != Cursor::default()).then(|| kept.to_wire(lane));
        Outgoing::Nack(wire::Nack { lane: lane.to_wire().into(), nonce, kept, errors })
    }

    fn status(&self) -> wire::Status {
        let applier = &self.client.applier;
        let metrics = applier.metrics();
        wire::Status {
            cursors: self.cursors(),
            ready: (self.client.is_ready)(),
            open_connections: u64::try_from(metrics.connections_open.get()).unwrap_or_default(),
            open_streams: applier.handle().streams_open() as u64,
            requests_total: metrics.requests.get(),
        }
    }
}

async fn send(outbox: &Outbox, message: Outgoing) -> Result<(), StreamError> {
    let request = wire::SyncRequest { message: Some(message) };
    // The receiver is gone when the transport has failed, of which the stream tells better.
    outbox.send(request).await.map_err(|_| StreamError::Closed)
}
