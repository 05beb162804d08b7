//! `signalbox.fleet.v1.FleetService`.

mod audit;
mod tokens;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::Stream;
use signalbox_proto::model::name::DataPlaneName;
use signalbox_proto::model::violation::{FieldPath, Violations};
use signalbox_proto::pin::Fingerprint;
use signalbox_proto::wire::fleet::v1 as wire;
use signalbox_proto::wire::fleet::v1::fleet_service_server::FleetService;
use tonic::{Request, Response, Status};

use super::status::status;
use crate::discovery::Fleet;
use crate::discovery::wait::{self, Wanted};
use crate::error::Error;
use crate::service::Service;
use crate::service::page::{page_size, read_token, write_token};
use crate::telemetry::Telemetry;

/// Time that `WaitForRevision` waits if the caller names none.
pub const DEFAULT_WAIT: Duration = Duration::from_secs(30);
/// Longest time that `WaitForRevision` waits.
pub const MAX_WAIT: Duration = Duration::from_secs(600);
/// Shortest time between two lists of `WatchDataPlanes`.
pub const WATCH_INTERVAL: Duration = Duration::from_millis(200);
/// What page tokens of the list of data planes are bound to.
const DATA_PLANE_LIST: &str = "dataPlanes";

/// The fleet API.
#[derive(Clone)]
pub struct FleetApi {
    service: Service,
    fleet: Arc<Fleet>,
    telemetry: Arc<Telemetry>,
    /// Of the CA; `None` in plaintext.
    ca: Option<Fingerprint>,
}

type Answer<T> = Result<Response<T>, Status>;

impl FleetApi {
    /// The API of `service` and `fleet`; `ca` is told to those who get a token.
    pub fn new(
        service: Service,
        fleet: Arc<Fleet>,
        telemetry: Arc<Telemetry>,
        ca: Option<Fingerprint>,
    ) -> Self {
        Self { service, fleet, telemetry, ca }
    }
}

fn invalid(violations: Violations) -> Status {
    status(&Error::Invalid(violations))
}

#[tonic::async_trait]
impl FleetService for FleetApi {
    type WatchDataPlanesStream =
        Pin<Box<dyn Stream<Item = Result<wire::ListDataPlanesResponse, Status>> + Send + 'static>>;

    async fn get_data_plane(&self, request: Request<wire::GetDataPlaneRequest>) -> Answer<wire::DataPlane> {
        let wire::GetDataPlaneRequest { name } = request.into_inner();
        DataPlaneName::parse(&name, &FieldPath::root().field("name")).map_err(invalid)?;
        let found = self.fleet.get(&name).map(Response::new);
        found.ok_or_else(|| status(&Error::NotFound { resource: name }))
    }

    async fn list_data_planes(
        &self,
        request: Request<wire::ListDataPlanesRequest>,
    ) -> Answer<wire::ListDataPlanesResponse> {
        let wire::ListDataPlanesRequest { page_size: size, page_token } = request.into_inner();
        let size = page_size(size).map_err(invalid)?;
        let after = match page_token.as_str() {
            "" => String::new(),
            token => read_token(DATA_PLANE_LIST, token).map_err(invalid)?,
        };
        let mut data_planes = self.fleet.list(&after, size + 1);
        let more = data_planes.len() > size;
        data_planes.truncate(size);
        let last = data_planes.last().filter(|_| more);
        let next_page_token = last.map(|last| write_token(DATA_PLANE_LIST, &last.name)).unwrap_or_default();
        Ok(Response::new(wire::ListDataPlanesResponse { data_planes, next_page_token }))
    }

    async fn watch_data_planes(
        &self,
        _: Request<wire::WatchDataPlanesRequest>,
    ) -> Answer<Self::WatchDataPlanesStream> {
        let fleet = Arc::clone(&self.fleet);
        let changes = fleet.changes();
        let lists =
            futures_util::stream::unfold((fleet, changes, true), |(fleet, mut changes, first)| async move {
                if !first {
                    changes.changed().await.ok()?;
                    // Many changes soon after one another make one list.
                    tokio::time::sleep(WATCH_INTERVAL).await;
                }
                changes.mark_unchanged();
                let list = wire::ListDataPlanesResponse {
                    data_planes: fleet.list("", usize::MAX),
                    next_page_token: String::new(),
                };
                Some((Ok(list), (fleet, changes, false)))
            });
        Ok(Response::new(Box::pin(lists)))
    }

    async fn wait_for_revision(
        &self,
        request: Request<wire::WaitForRevisionRequest>,
    ) -> Answer<wire::WaitForRevisionResponse> {
        let wire::WaitForRevisionRequest { config_revision, credentials_revision, timeout, regions } =
            request.into_inner();
        let limit = match timeout {
            None => DEFAULT_WAIT,
            Some(timeout) => {
                Duration::try_from(timeout).ok().filter(|timeout| *timeout <= MAX_WAIT).ok_or_else(|| {
                    let at = FieldPath::root().field("timeout");
                    invalid(Violations::one(at, "OUT_OF_RANGE", "must be between 0 s and 10 min"))
                })?
            }
        };
        let wanted = Wanted { config: config_revision, credentials: credentials_revision, regions };
        Ok(Response::new(wait::wait(&self.fleet, &wanted, limit).await))
    }

    async fn create_data_plane_token(
        &self,
        request: Request<wire::CreateDataPlaneTokenRequest>,
    ) -> Answer<wire::CreateDataPlaneTokenResponse> {
        self.create_token(request).await
    }

    async fn list_data_plane_tokens(
        &self,
        request: Request<wire::ListDataPlaneTokensRequest>,
    ) -> Answer<wire::ListDataPlaneTokensResponse> {
        self.list_tokens(request).await
    }

    async fn revoke_data_plane_token(
        &self,
        request: Request<wire::RevokeDataPlaneTokenRequest>,
    ) -> Answer<wire::RevokeDataPlaneTokenResponse> {
        self.revoke_token(request).await
    }

    async fn list_audit_events(
        &self,
        request: Request<wire::ListAuditEventsRequest>,
    ) -> Answer<wire::ListAuditEventsResponse> {
        self.list_audit(request).await
    }
}
