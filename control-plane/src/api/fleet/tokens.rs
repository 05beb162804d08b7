//! Tokens of data planes.

use std::time::Duration;

use signalbox_proto::model::name::{DataPlaneName, is_id};
use signalbox_proto::model::violation::{FieldPath, Violations};
use signalbox_proto::wire::fleet::v1 as wire;
use tonic::{Request, Response};

use super::{Answer, FleetApi, invalid};
use crate::api::config::caller;
use crate::api::record::Record;
use crate::api::status::status;
use crate::clock::to_timestamp;
use crate::store::Token;

/// Longest life that a token may be given.
const MAX_LIFETIME: Duration = Duration::from_secs(10 * 366 * 86_400);

impl FleetApi {
    pub(super) async fn create_token(
        &self,
        request: Request<wire::CreateDataPlaneTokenRequest>,
    ) -> Answer<wire::CreateDataPlaneTokenResponse> {
        let call = caller("signalbox.fleet.v1.FleetService/CreateDataPlaneToken", &request)?;
        let wire::CreateDataPlaneTokenRequest { data_plane, region, lifetime } = request.into_inner();
        let mut wrong = Violations::new();
        let root = FieldPath::root();
        wrong.collect(DataPlaneName::parse(&data_plane, &root.field("data_plane")));
        if !is_id(&region) {
            let reason = if region.is_empty() { "REQUIRED" } else { "INVALID_ID" };
            wrong.push(root.field("region"), reason, "must match [a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?");
        }
        let lifetime = lifetime.map(|lifetime| {
            let lifetime = Duration::try_from(lifetime).unwrap_or_default();
            if lifetime.is_zero() || lifetime > MAX_LIFETIME {
                wrong.push(
                    root.field("lifetime"),
                    "OUT_OF_RANGE",
                    "must be more than 0 s and at most 10 years",
                );
            }
            lifetime
        });
        if !wrong.is_empty() {
            return Err(invalid(wrong));
        }
        let record = Record::begin(&self.telemetry, &call, self.service.clock().now());
        let made = self.service.create_data_plane_token(call, &data_plane, &region, lifetime).await;
        let (token, secret) = record.end(&data_plane, made, |(token, _)| (vec![token_name(token)], None))?;
        Ok(Response::new(wire::CreateDataPlaneTokenResponse {
            data_plane_token: Some(to_wire(&token)),
            token: secret.expose().to_owned(),
            ca_sha256: self.ca.map(|ca| ca.to_string()).unwrap_or_default(),
        }))
    }

    pub(super) async fn list_tokens(
        &self,
        request: Request<wire::ListDataPlaneTokensRequest>,
    ) -> Answer<wire::ListDataPlaneTokensResponse> {
        let wire::ListDataPlaneTokensRequest { page_size, page_token } = request.into_inner();
        let page = self.service.list_data_plane_tokens(page_size, &page_token).await;
        let page = page.map_err(|error| status(&error))?;
        Ok(Response::new(wire::ListDataPlaneTokensResponse {
            data_plane_tokens: page.resources.iter().map(to_wire).collect(),
            next_page_token: page.next_page_token,
        }))
    }

    pub(super) async fn revoke_token(
        &self,
        request: Request<wire::RevokeDataPlaneTokenRequest>,
    ) -> Answer<wire::RevokeDataPlaneTokenResponse> {
        let call = caller("signalbox.fleet.v1.FleetService/RevokeDataPlaneToken", &request)?;
        let wire::RevokeDataPlaneTokenRequest { name } = request.into_inner();
        let token =
            self.service.revoke_data_plane_token(call, &name).await.map_err(|error| status(&error))?;
        self.fleet.end_sessions_of_token(&token.id);
        Ok(Response::new(wire::RevokeDataPlaneTokenResponse { data_plane_token: Some(to_wire(&token)) }))
    }
}

fn token_name(token: &Token) -> String {
    format!("dataPlaneTokens/{}", token.id)
}

fn to_wire(token: &Token) -> wire::DataPlaneToken {
    let Token { kind: _, id, sha256: _, data_plane, region, create_time, expire_time, revoke_time } = token;
    wire::DataPlaneToken {
        name: format!("dataPlaneTokens/{id}"),
        data_plane: data_plane.clone(),
        region: region.clone(),
        create_time: Some(to_timestamp(*create_time)),
        expire_time: expire_time.map(to_timestamp),
        revoke_time: revoke_time.map(to_timestamp),
    }
}
