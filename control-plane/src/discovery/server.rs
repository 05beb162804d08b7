//! `signalbox.discovery.v1.DiscoveryService`.

use std::sync::Arc;
use std::time::Duration;

use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::discovery_service_server::DiscoveryService;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::StreamExt as _;
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Request, Response, Status, Streaming};

use super::fleet::Fleet;
use super::hello::Hello;
use super::session::Session;
use crate::api::auth::Caller;
use crate::api::status::status;
use crate::error::Error;
use crate::service::Service;
use crate::telemetry::{StreamRefusal, Telemetry};

/// A stream must say Hello in this time.
pub const HELLO_TIMEOUT: Duration = Duration::from_secs(10);
/// Full snapshots under way at once; more wait for their turn.
pub const MAX_SNAPSHOTS: usize = 16;
/// Messages that wait for the transport.
const OUTBOX: usize = 4;

/// The discovery stream.
#[derive(Clone)]
pub struct DiscoveryApi {
    service: Service,
    fleet: Arc<Fleet>,
    telemetry: Arc<Telemetry>,
    snapshots: Arc<Semaphore>,
}

impl DiscoveryApi {
    /// Streams what `service` commits, and tells `fleet` what becomes of it.
    pub fn new(service: Service, fleet: Arc<Fleet>, telemetry: Arc<Telemetry>) -> Self {
        Self { service, fleet, telemetry, snapshots: Arc::new(Semaphore::new(MAX_SNAPSHOTS)) }
    }
}

#[tonic::async_trait]
impl DiscoveryService for DiscoveryApi {
    type SyncStream = ReceiverStream<Result<wire::SyncResponse, Status>>;

    async fn sync(
        &self,
        request: Request<Streaming<wire::SyncRequest>>,
    ) -> Result<Response<Self::SyncStream>, Status> {
        let caller = request.extensions().get::<Caller>().cloned();
        let caller =
            caller.ok_or_else(|| status(&Error::defect("open a stream", "it was not authenticated")))?;
        let (outbox, stream) = mpsc::channel(OUTBOX);
        let this = self.clone();
        // The answer's head goes out at once; what is wrong with the Hello ends the stream.
        tokio::spawn(async move {
            let mut inbox = request.into_inner();
            if let Err(reason) = this.run(&caller, &mut inbox, &outbox).await {
                tracing::info!(
                    data_plane = caller.0.data_plane,
                    reason = reason.message(),
                    "discovery stream ended"
                );
                // A client that is gone or reads nothing does not learn why.
                let _ = outbox.try_send(Err(reason));
            }
        });
        Ok(Response::new(ReceiverStream::new(stream)))
    }
}

impl DiscoveryApi {
    async fn run(
        &self,
        caller: &Caller,
        inbox: &mut Streaming<wire::SyncRequest>,
        outbox: &mpsc::Sender<Result<wire::SyncResponse, Status>>,
    ) -> Result<(), Status> {
        let first = tokio::time::timeout(HELLO_TIMEOUT, inbox.next())
            .await
            .map_err(|_| Status::deadline_exceeded("no Hello came in 10 s"))?;
        let message = match first {
            Some(message) => message?.message,
            None => return Ok(()),
        };
        let Some(wire::sync_request::Message::Hello(hello)) = message else {
            self.telemetry.metrics.stream_refused(StreamRefusal::Protocol);
            return Err(Status::invalid_argument("the first message of a stream must be Hello"));
        };
        let metrics = &self.telemetry.metrics;
        let hello = Hello::from_wire(hello).map_err(|wrong| {
            metrics.stream_refused(StreamRefusal::Protocol);
            status(&Error::Invalid(wrong))
        })?;
        hello.check_token(&caller.0).map_err(|error| {
            metrics.stream_refused(StreamRefusal::Forbidden);
            status(&error)
        })?;
        let counted = metrics.session();
        let session = Session::new(&self.service, &self.fleet, &self.snapshots, counted, caller, hello);
        session.run(inbox, outbox).await
    }
}
