//! The audit log.

use signalbox_proto::wire::fleet::v1 as wire;
use tonic::{Request, Response};

use super::{Answer, FleetApi, invalid};
use crate::api::status::status;
use crate::clock::to_timestamp;
use crate::error::Error;
use crate::service::page::{page_size, read_token, write_token};
use crate::store::AuditEvent;

/// What page tokens of the audit log are bound to.
const AUDIT_LIST: &str = "auditEvents";

impl FleetApi {
    pub(super) async fn list_audit(
        &self,
        request: Request<wire::ListAuditEventsRequest>,
    ) -> Answer<wire::ListAuditEventsResponse> {
        let wire::ListAuditEventsRequest { page_size: size, page_token } = request.into_inner();
        let size = page_size(size).map_err(invalid)?;
        let before = match page_token.as_str() {
            "" => None,
            token => read_token(AUDIT_LIST, token).map_err(invalid)?.parse().ok(),
        };
        let found = self.service.store().audit(before, size + 1).await;
        let mut events = found.map_err(|error| status(&Error::store("read the audit log")(error)))?;
        let more = events.len() > size;
        events.truncate(size);
        let last = events.last().filter(|_| more);
        let next_page_token =
            last.map(|last| write_token(AUDIT_LIST, &last.id.to_string())).unwrap_or_default();
        let audit_events = events.into_iter().map(to_wire).collect();
        Ok(Response::new(wire::ListAuditEventsResponse { audit_events, next_page_token }))
    }
}

fn to_wire(event: AuditEvent) -> wire::AuditEvent {
    let AuditEvent { id, audit, config_revision, credentials_revision } = event;
    wire::AuditEvent {
        name: format!("auditEvents/{id}"),
        time: Some(to_timestamp(audit.time)),
        actor: audit.actor,
        method: audit.method,
        request_id: audit.request_id,
        resources: audit.resources,
        config_revision: config_revision.unwrap_or_default(),
        credentials_revision: credentials_revision.unwrap_or_default(),
    }
}
