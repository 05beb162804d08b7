//! `signalbox.config.v1.ConfigService`.

mod requests;

pub(super) use self::requests::caller;

use std::sync::Arc;

use signalbox_proto::model::violation::Violation;
use signalbox_proto::wire::config::v1 as wire;
use signalbox_proto::wire::config::v1::config_service_server::ConfigService;
use tonic::{Request, Response, Status};

use self::requests::{Create, Delete, Get, List, Update, call, missing};
use super::record::Record;
use super::status::status;
use crate::service::{Body, Call, Changed, ResourceMessage, Service, commit_to_wire};
use crate::store::Commit;
use crate::telemetry::Telemetry;

/// The config API.
#[derive(Clone)]
pub struct ConfigApi {
    service: Service,
    telemetry: Arc<Telemetry>,
}

type Answer<T> = Result<Response<T>, Status>;

impl ConfigApi {
    /// The API of `service`; changes are told to `telemetry`.
    pub fn new(service: Service, telemetry: Arc<Telemetry>) -> Self {
        Self { service, telemetry }
    }

    fn record(&self, call: &Call) -> Record {
        Record::begin(&self.telemetry, call, self.service.clock().now())
    }

    async fn get<R: Get>(&self, request: Request<R>) -> Answer<R::Resource> {
        let found = self.service.get(request.into_inner().name()).await;
        found.map(Response::new).map_err(|error| status(&error))
    }

    async fn list<R: List>(&self, request: Request<R>) -> Answer<R::Response> {
        let request = request.into_inner();
        let (parent, size, token) = request.query();
        let page = self.service.list(parent, size, token).await.map_err(|error| status(&error))?;
        Ok(Response::new(R::response(page.resources, page.next_page_token)))
    }

    async fn create<R: Create>(&self, request: Request<R>) -> Answer<R::Response> {
        let (call, request) = call(request)?;
        let parts = request.parts();
        let resource = parts.resource.ok_or_else(|| missing(R::Resource::KIND))?;
        let record = self.record(&call);
        let changed = self.service.create(call, &parts.parent, &parts.id, resource).await;
        let changed = record.end(&parts.parent, changed, about)?;
        Ok(Response::new(R::response(changed.resource, changed.commit.as_ref().map(commit_to_wire))))
    }

    async fn update<R: Update>(&self, request: Request<R>) -> Answer<R::Response> {
        let (call, request) = call(request)?;
        let parts = request.parts();
        requests::check_mask(parts.update_mask.as_ref())?;
        let resource = parts.resource.ok_or_else(|| missing(R::Resource::KIND))?;
        let record = self.record(&call);
        let name = name_of(&resource);
        let changed = self.service.update(call, resource, parts.allow_missing).await;
        let changed = record.end(&name, changed, about)?;
        Ok(Response::new(R::response(changed.resource, changed.commit.as_ref().map(commit_to_wire))))
    }

    async fn delete<R: Delete>(&self, request: Request<R>) -> Answer<R::Response> {
        let (call, request) = call(request)?;
        let parts = request.parts();
        let record = self.record(&call);
        let commit = self.service.delete::<R::Resource>(call, &parts.name, &parts.etag, parts.force).await;
        let commit = record.end(&parts.name, commit, |commit| (vec![parts.name.clone()], *commit))?;
        Ok(Response::new(R::response(commit.as_ref().map(commit_to_wire))))
    }
}

fn name_of<R: ResourceMessage + Clone>(resource: &R) -> String {
    let body: Body = resource.clone().into();
    body.name().to_owned()
}

fn about<R: ResourceMessage + Clone>(changed: &Changed<R>) -> (Vec<String>, Option<Commit>) {
    (vec![name_of(&changed.resource)], changed.commit)
}

/// One method after another, as the .proto file lists them.
#[rustfmt::skip]
#[tonic::async_trait]
impl ConfigService for ConfigApi {
    async fn get_agent(&self, request: Request<wire::GetAgentRequest>) -> Answer<wire::Agent> { self.get(request).await }
    async fn list_agents(&self, request: Request<wire::ListAgentsRequest>) -> Answer<wire::ListAgentsResponse> { self.list(request).await }
    async fn create_agent(&self, request: Request<wire::CreateAgentRequest>) -> Answer<wire::CreateAgentResponse> { self.create(request).await }
    async fn update_agent(&self, request: Request<wire::UpdateAgentRequest>) -> Answer<wire::UpdateAgentResponse> { self.update(request).await }
    async fn delete_agent(&self, request: Request<wire::DeleteAgentRequest>) -> Answer<wire::DeleteAgentResponse> { self.delete(request).await }

    async fn get_plan(&self, request: Request<wire::GetPlanRequest>) -> Answer<wire::Plan> { self.get(request).await }
    async fn list_plans(&self, request: Request<wire::ListPlansRequest>) -> Answer<wire::ListPlansResponse> { self.list(request).await }
    async fn create_plan(&self, request: Request<wire::CreatePlanRequest>) -> Answer<wire::CreatePlanResponse> { self.create(request).await }
    async fn update_plan(&self, request: Request<wire::UpdatePlanRequest>) -> Answer<wire::UpdatePlanResponse> { self.update(request).await }
    async fn delete_plan(&self, request: Request<wire::DeletePlanRequest>) -> Answer<wire::DeletePlanResponse> { self.delete(request).await }

    async fn get_consumer(&self, request: Request<wire::GetConsumerRequest>) -> Answer<wire::Consumer> { self.get(request).await }
    async fn list_consumers(&self, request: Request<wire::ListConsumersRequest>) -> Answer<wire::ListConsumersResponse> { self.list(request).await }
    async fn create_consumer(&self, request: Request<wire::CreateConsumerRequest>) -> Answer<wire::CreateConsumerResponse> { self.create(request).await }
    async fn update_consumer(&self, request: Request<wire::UpdateConsumerRequest>) -> Answer<wire::UpdateConsumerResponse> { self.update(request).await }
    async fn delete_consumer(&self, request: Request<wire::DeleteConsumerRequest>) -> Answer<wire::DeleteConsumerResponse> { self.delete(request).await }

    async fn get_subscription(&self, request: Request<wire::GetSubscriptionRequest>) -> Answer<wire::Subscription> { self.get(request).await }
    async fn list_subscriptions(&self, request: Request<wire::ListSubscriptionsRequest>) -> Answer<wire::ListSubscriptionsResponse> { self.list(request).await }
    async fn create_subscription(&self, request: Request<wire::CreateSubscriptionRequest>) -> Answer<wire::CreateSubscriptionResponse> { self.create(request).await }
    async fn update_subscription(&self, request: Request<wire::UpdateSubscriptionRequest>) -> Answer<wire::UpdateSubscriptionResponse> { self.update(request).await }
    async fn delete_subscription(&self, request: Request<wire::DeleteSubscriptionRequest>) -> Answer<wire::DeleteSubscriptionResponse> { self.delete(request).await }

    async fn get_api_key(&self, request: Request<wire::GetApiKeyRequest>) -> Answer<wire::ApiKey> { self.get(request).await }
    async fn list_api_keys(&self, request: Request<wire::ListApiKeysRequest>) -> Answer<wire::ListApiKeysResponse> { self.list(request).await }
    async fn update_api_key(&self, request: Request<wire::UpdateApiKeyRequest>) -> Answer<wire::UpdateApiKeyResponse> { self.update(request).await }
    async fn delete_api_key(&self, request: Request<wire::DeleteApiKeyRequest>) -> Answer<wire::DeleteApiKeyResponse> { self.delete(request).await }

    async fn create_api_key(&self, request: Request<wire::CreateApiKeyRequest>) -> Answer<wire::CreateApiKeyResponse> {
        let (call, request) = call(request)?;
        let wire::CreateApiKeyRequest { parent, api_key_id, api_key, validate_only: _, request_id: _ } = request;
        let record = self.record(&call);
        let made = self.service.create_api_key(call, &parent, &api_key_id, api_key.unwrap_or_default()).await;
        let (changed, key) = record.end(&parent, made, |(changed, _)| about(changed))?;
        Ok(Response::new(wire::CreateApiKeyResponse {
            api_key: Some(changed.resource),
            commit: changed.commit.as_ref().map(commit_to_wire),
            key: key.map(|key| key.expose().to_owned()).unwrap_or_default(),
        }))
    }

    async fn revoke_api_key(&self, request: Request<wire::RevokeApiKeyRequest>) -> Answer<wire::RevokeApiKeyResponse> {
        let (call, request) = call(request)?;
        let wire::RevokeApiKeyRequest { name, etag, request_id: _ } = request;
        let record = self.record(&call);
        let changed = self.service.revoke_api_key(call, &name, &etag).await;
        let changed = record.end(&name, changed, about)?;
        let commit = changed.commit.as_ref().map(commit_to_wire);
        Ok(Response::new(wire::RevokeApiKeyResponse { api_key: Some(changed.resource), commit }))
    }

    async fn apply_manifest(&self, request: Request<wire::ApplyManifestRequest>) -> Answer<wire::ApplyManifestResponse> {
        let (call, request) = call(request)?;
        let wire::ApplyManifestRequest { manifest, validate_only: _, request_id: _ } = request;
        let record = self.record(&call);
        let applied = self.service.apply(call, manifest.unwrap_or_default()).await;
        let applied = record.end("", applied, |applied| {
            let names = applied.results.iter().filter(|result| result.action() != wire::ApplyAction::Unchanged);
            (names.map(|result| result.name.clone()).collect(), applied.commit)
        })?;
        let commit = applied.commit.as_ref().map(commit_to_wire);
        let advice = |advice: &Violation| wire::Advice {
            field: advice.field.to_string(),
            reason: advice.reason.to_owned(),
            description: advice.description.clone(),
        };
        let advice = applied.advice.iter().map(advice).collect();
        Ok(Response::new(wire::ApplyManifestResponse { results: applied.results, commit, advice }))
    }
}
