//! What the requests of all kinds of resources have in common.

use pbjson_types::FieldMask;
use prost::Message;
use signalbox_proto::model::violation::{FieldPath, Violations};
use signalbox_proto::telemetry::TraceContext;
use signalbox_proto::wire::config::v1 as wire;
use tonic::{Request, Status};

use crate::api::auth::Caller;
use crate::api::status::status;
use crate::error::Error;
use crate::service::{Call, ResourceMessage};
use crate::store::Kind;
use crate::telemetry::change;

/// A request that changes something.
pub(super) trait Change: Message {
    /// As the audit log names it.
    const METHOD: &'static str;
    fn request_id(&self) -> &str;
    fn validate_only(&self) -> bool;
}

pub(super) trait Get: Send {
    type Resource: ResourceMessage + Clone;
    fn name(&self) -> &str;
}

pub(super) trait List: Send {
    type Resource: ResourceMessage + Clone;
    type Response;
    /// Parent, page size, page token.
    fn query(&self) -> (&str, i32, &str);
    fn response(resources: Vec<Self::Resource>, next_page_token: String) -> Self::Response;
}

pub(super) struct CreateParts<R> {
    pub(super) parent: String,
    pub(super) id: String,
    pub(super) resource: Option<R>,
}

pub(super) trait Create: Change {
    type Resource: ResourceMessage + Clone;
    type Response;
    fn parts(self) -> CreateParts<Self::Resource>;
    fn response(resource: Self::Resource, commit: Option<wire::Commit>) -> Self::Response;
}

pub(super) struct UpdateParts<R> {
    pub(super) resource: Option<R>,
    pub(super) update_mask: Option<FieldMask>,
    pub(super) allow_missing: bool,
}

pub(super) trait Update: Change {
    type Resource: ResourceMessage + Clone;
    type Response;
    fn parts(self) -> UpdateParts<Self::Resource>;
    fn response(resource: Self::Resource, commit: Option<wire::Commit>) -> Self::Response;
}

pub(super) struct DeleteParts {
    pub(super) name: String,
    pub(super) etag: String,
    pub(super) force: bool,
}

pub(super) trait Delete: Change {
    type Resource: ResourceMessage + Clone;
    type Response;
    fn parts(self) -> DeleteParts;
    fn response(commit: Option<wire::Commit>) -> Self::Response;
}

macro_rules! change {
    ($request:ident, $method:literal) => {
        impl Change for wire::$request {
            const METHOD: &'static str = concat!("signalbox.config.v1.ConfigService/", $method);
            fn request_id(&self) -> &str {
                &self.request_id
            }
            fn validate_only(&self) -> bool {
                self.validate_only
            }
        }
    };
}

macro_rules! read {
    ($resource:ident, $field:ident, $get:ident, $list:ident, $list_response:ident) => {
        impl Get for wire::$get {
            type Resource = wire::$resource;
            fn name(&self) -> &str {
                &self.name
            }
        }

        impl List for wire::$list {
            type Resource = wire::$resource;
            type Response = wire::$list_response;
            fn query(&self) -> (&str, i32, &str) {
                (&self.parent, self.page_size, &self.page_token)
            }
            fn response($field: Vec<Self::Resource>, next_page_token: String) -> Self::Response {
                wire::$list_response { $field, next_page_token }
            }
        }
    };
}

macro_rules! create {
    ($resource:ident, $field:ident, $id:ident, $request:ident, $response:ident) => {
        impl Create for wire::$request {
            type Resource = wire::$resource;
            type Response = wire::$response;
            fn parts(self) -> CreateParts<Self::Resource> {
                let Self { parent, $id: id, $field: resource, validate_only: _, request_id: _ } = self;
                CreateParts { parent, id, resource }
            }
            fn response($field: Self::Resource, commit: Option<wire::Commit>) -> Self::Response {
                wire::$response { $field: Some($field), commit }
            }
        }
    };
}

macro_rules! update {
    ($resource:ident, $field:ident, $request:ident, $response:ident) => {
        impl Update for wire::$request {
            type Resource = wire::$resource;
            type Response = wire::$response;
            fn parts(self) -> UpdateParts<Self::Resource> {
                let Self { $field: resource, update_mask, validate_only: _, request_id: _, allow_missing } =
                    self;
                UpdateParts { resource, update_mask, allow_missing }
            }
            fn response($field: Self::Resource, commit: Option<wire::Commit>) -> Self::Response {
                wire::$response { $field: Some($field), commit }
            }
        }
    };
}

macro_rules! delete {
    ($resource:ident, $request:ident, $response:ident $(, $force:ident)?) => {
        impl Delete for wire::$request {
            type Resource = wire::$resource;
            type Response = wire::$response;
            fn parts(self) -> DeleteParts {
                let Self { name, etag, validate_only: _, request_id: _ $(, $force)? } = self;
                let forced = [$($force)?];
                DeleteParts { name, etag, force: forced.contains(&true) }
            }
            fn response(commit: Option<wire::Commit>) -> Self::Response {
                wire::$response { commit }
            }
        }
    };
}

read!(Agent, agents, GetAgentRequest, ListAgentsRequest, ListAgentsResponse);
read!(Plan, plans, GetPlanRequest, ListPlansRequest, ListPlansResponse);
read!(Consumer, consumers, GetConsumerRequest, ListConsumersRequest, ListConsumersResponse);
read!(
    Subscription,
    subscriptions,
    GetSubscriptionRequest,
    ListSubscriptionsRequest,
    ListSubscriptionsResponse
);
read!(ApiKey, api_keys, GetApiKeyRequest, ListApiKeysRequest, ListApiKeysResponse);

create!(Agent, agent, agent_id, CreateAgentRequest, CreateAgentResponse);
create!(Plan, plan, plan_id, CreatePlanRequest, CreatePlanResponse);
create!(Consumer, consumer, consumer_id, CreateConsumerRequest, CreateConsumerResponse);
create!(Subscription, subscription, subscription_id, CreateSubscriptionRequest, CreateSubscriptionResponse);

update!(Agent, agent, UpdateAgentRequest, UpdateAgentResponse);
update!(Plan, plan, UpdatePlanRequest, UpdatePlanResponse);
update!(Consumer, consumer, UpdateConsumerRequest, UpdateConsumerResponse);
update!(Subscription, subscription, UpdateSubscriptionRequest, UpdateSubscriptionResponse);
update!(ApiKey, api_key, UpdateApiKeyRequest, UpdateApiKeyResponse);

delete!(Agent, DeleteAgentRequest, DeleteAgentResponse);
delete!(Plan, DeletePlanRequest, DeletePlanResponse, force);
delete!(Consumer, DeleteConsumerRequest, DeleteConsumerResponse, force);
delete!(Subscription, DeleteSubscriptionRequest, DeleteSubscriptionResponse, force);
delete!(ApiKey, DeleteApiKeyRequest, DeleteApiKeyResponse);

change!(CreateAgentRequest, "CreateAgent");
change!(CreatePlanRequest, "CreatePlan");
change!(CreateConsumerRequest, "CreateConsumer");
change!(CreateSubscriptionRequest, "CreateSubscription");
change!(CreateApiKeyRequest, "CreateApiKey");
change!(UpdateAgentRequest, "UpdateAgent");
change!(UpdatePlanRequest, "UpdatePlan");
change!(UpdateConsumerRequest, "UpdateConsumer");
change!(UpdateSubscriptionRequest, "UpdateSubscription");
change!(UpdateApiKeyRequest, "UpdateApiKey");
change!(DeleteAgentRequest, "DeleteAgent");
change!(DeletePlanRequest, "DeletePlan");
change!(DeleteConsumerRequest, "DeleteConsumer");
change!(DeleteSubscriptionRequest, "DeleteSubscription");
change!(DeleteApiKeyRequest, "DeleteApiKey");
change!(ApplyManifestRequest, "ApplyManifest");

impl Change for wire::RevokeApiKeyRequest {
    const METHOD: &'static str = "signalbox.config.v1.ConfigService/RevokeApiKey";
    fn request_id(&self) -> &str {
        &self.request_id
    }
    fn validate_only(&self) -> bool {
        false
    }
}

/// Who asks for a change and how, and what for.
pub(super) fn call<R: Change>(request: Request<R>) -> Result<(Call, R), Status> {
    let call = caller(R::METHOD, &request)?;
    let request = request.into_inner();
    let call = call.with_request_id(request.request_id()).validate_only(request.validate_only());
    Ok((call, request))
}

/// The call of an authenticated request.
pub(in crate::api) fn caller<R: Message>(method: &'static str, request: &Request<R>) -> Result<Call, Status> {
    let caller = request.extensions().get::<Caller>();
    let caller = caller.ok_or_else(|| status(&Error::defect(method, "the request was not authenticated")))?;
    let traceparent = change::traceparent(&tracing::Span::current()).or_else(|| {
        // Nothing is exported here: what follows from the change belongs to the caller's span.
        let caller = request.metadata().get("traceparent")?;
        TraceContext::parse(caller.as_bytes()).map(|context| context.to_string())
    });
    Ok(Call::new(caller.actor(), method, request.get_ref()).with_traceparent(traceparent))
}

/// Refuses a request without its resource.
pub(super) fn missing(kind: Kind) -> Status {
    let field = match kind {
        Kind::Agent => "agent",
        Kind::Plan => "plan",
        Kind::Consumer => "consumer",
        Kind::Subscription => "subscription",
        Kind::ApiKey => "api_key",
    };
    status(&Error::Invalid(Violations::one(FieldPath::root().field(field), "REQUIRED", "must be given")))
}

/// Refuses a partial update: nothing of it is done silently.
pub(super) fn check_mask(mask: Option<&FieldMask>) -> Result<(), Status> {
    match mask {
        None => Ok(()),
        Some(mask) if mask.paths == ["*"] => Ok(()),
        Some(_) => {
            let text = "partial updates are not supported: leave update_mask out, or set it to \"*\", and send the \
                        whole resource";
            let at = FieldPath::root().field("update_mask");
            Err(status(&Error::Invalid(Violations::one(at, "UNSUPPORTED", text))))
        }
    }
}
