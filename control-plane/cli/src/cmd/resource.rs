//! What the commands need of each kind of resource.

use serde::Serialize;
use signalbox_proto::wire::config::v1 as wire;
use signalbox_proto::wire::config::v1::config_service_client::ConfigServiceClient;
use tonic::Status;

use crate::connect::{BearerToken, Client};
use crate::output::{time, word};

/// A client of the config API.
pub(crate) type Config = ConfigServiceClient<Client<BearerToken>>;

/// Resources fetched at a time.
const PAGE_SIZE: i32 = 500;

/// One kind of resource.
pub(crate) trait Resource: Serialize + Sized {
    /// Names of the table's columns.
    const HEADER: [&'static str; 5];

    /// One row of the table.
    fn row(&self) -> [String; 5];

    /// The list as a manifest has it.
    fn manifest(list: Vec<Self>) -> wire::Manifest;

    /// One of them.
    async fn get(client: &mut Config, name: String) -> Result<Self, Status>;

    /// A page of them, and the token of the next one.
    async fn page(client: &mut Config, parent: String, token: String) -> Result<(Vec<Self>, String), Status>;

    /// All of them.
    async fn all(client: &mut Config, parent: &str) -> Result<Vec<Self>, Status> {
        let mut list = Vec::new();
        let mut token = String::new();
        loop {
            let (page, next) = Self::page(client, parent.to_owned(), token).await?;
            list.extend(page);
            if next.is_empty() {
                return Ok(list);
            }
            token = next;
        }
    }
}

macro_rules! calls {
    ($field:ident, $get:ident, $get_request:ident, $list:ident, $list_request:ident) => {
        fn manifest(list: Vec<Self>) -> wire::Manifest {
            wire::Manifest { $field: list, ..Default::default() }
        }

        async fn get(client: &mut Config, name: String) -> Result<Self, Status> {
            client.$get(wire::$get_request { name }).await.map(tonic::Response::into_inner)
        }

        async fn page(
            client: &mut Config,
            parent: String,
            page_token: String,
        ) -> Result<(Vec<Self>, String), Status> {
            let request = wire::$list_request { parent, page_size: PAGE_SIZE, page_token };
            let answer = client.$list(request).await?.into_inner();
            Ok((answer.$field, answer.next_page_token))
        }
    };
}

impl Resource for wire::Agent {
    const HEADER: [&'static str; 5] = ["NAME", "STATE", "UPSTREAMS", "PLANS", "UPDATED"];

    fn row(&self) -> [String; 5] {
        let upstreams: Vec<&str> = self.upstreams.iter().map(|upstream| upstream.url.as_str()).collect();
        let plans: Vec<&str> = self.plans.iter().filter_map(|plan| plan.rsplit('/').next()).collect();
        [
            self.name.clone(),
            word(self.state().as_str_name(), "AGENT_STATE_"),
            upstreams.join(" "),
            plans.join(" "),
            time(self.update_time.as_ref(), ""),
        ]
    }

    calls!(agents, get_agent, GetAgentRequest, list_agents, ListAgentsRequest);
}

impl Resource for wire::Plan {
    const HEADER: [&'static str; 5] = ["NAME", "STATE", "SECURITY", "LIMITS", "UPDATED"];

    fn row(&self) -> [String; 5] {
        let security = match &self.security {
            Some(wire::plan::Security::ApiKey(_)) => "API key",
            Some(wire::plan::Security::Keyless(_)) => "keyless",
            None => "",
        };
        let limit = |limit: &wire::RateLimit| {
            let seconds = limit.period.as_ref().map_or(0, |period| period.seconds);
            format!("{}/{seconds}s", limit.requests)
        };
        let limits: Vec<String> = self.rate_limits.iter().map(limit).collect();
        [
            self.name.clone(),
            word(self.state().as_str_name(), "PLAN_STATE_"),
            security.to_owned(),
            limits.join(" "),
            time(self.update_time.as_ref(), ""),
        ]
    }

    calls!(plans, get_plan, GetPlanRequest, list_plans, ListPlansRequest);
}

impl Resource for wire::Consumer {
    const HEADER: [&'static str; 5] = ["NAME", "DISPLAY NAME", "DESCRIPTION", "CREATED", "UPDATED"];

    fn row(&self) -> [String; 5] {
        [
            self.name.clone(),
            self.display_name.clone(),
            self.description.clone(),
            time(self.create_time.as_ref(), ""),
            time(self.update_time.as_ref(), ""),
        ]
    }

    calls!(consumers, get_consumer, GetConsumerRequest, list_consumers, ListConsumersRequest);
}

impl Resource for wire::Subscription {
    const HEADER: [&'static str; 5] = ["NAME", "PLAN", "STATE", "EXPIRES", "UPDATED"];

    fn row(&self) -> [String; 5] {
        [
            self.name.clone(),
            self.plan.clone(),
            word(self.state().as_str_name(), "SUBSCRIPTION_STATE_"),
            time(self.expire_time.as_ref(), "never"),
            time(self.update_time.as_ref(), ""),
        ]
    }

    calls!(
        subscriptions,
        get_subscription,
        GetSubscriptionRequest,
        list_subscriptions,
        ListSubscriptionsRequest
    );
}

impl Resource for wire::ApiKey {
    const HEADER: [&'static str; 5] = ["NAME", "KEY", "STATE", "EXPIRES", "CREATED"];

    fn row(&self) -> [String; 5] {
        [
            self.name.clone(),
            if self.key_prefix.is_empty() {
                "imported".to_owned()
            } else {
                format!("{}…", self.key_prefix)
            },
            word(self.state().as_str_name(), "API_KEY_STATE_"),
            time(self.expire_time.as_ref(), "never"),
            time(self.create_time.as_ref(), ""),
        ]
    }

    calls!(api_keys, get_api_key, GetApiKeyRequest, list_api_keys, ListApiKeysRequest);
}
