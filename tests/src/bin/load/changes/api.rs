//! The few calls of the config API that the benchmark makes.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use signalbox_proto::wire::{
    config::v1::{
        Agent, ApiKey, CreateAgentRequest, CreateApiKeyRequest, DeleteAgentRequest, GetAgentRequest,
        GetPlanRequest, Plan, RevokeApiKeyRequest, UpdateAgentRequest, UpdatePlanRequest,
        config_service_client::ConfigServiceClient,
    },
    fleet::v1::{WaitForRevisionRequest, fleet_service_client::FleetServiceClient},
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{Certificate, Channel, ClientTlsConfig, Endpoint},
};

use super::names;

/// Longest wait for a data plane to enforce what was committed.
const WAIT_SECONDS: i64 = 30;

type Authorized = InterceptedService<Channel, Credential>;

/// The control plane, as its administrator.
pub(super) struct Api {
    config: ConfigServiceClient<Authorized>,
    fleet: FleetServiceClient<Authorized>,
}

/// Adds the admin token to every call.
#[derive(Clone)]
struct Credential(MetadataValue<Ascii>);

impl Interceptor for Credential {
    fn call(&mut self, mut request: Request<()>) -> Result<Request<()>, Status> {
        request.metadata_mut().insert("authorization", self.0.clone());
        Ok(request)
    }
}

impl Api {
    /// Connects.
    pub(super) async fn connect(server: &str, ca: &Path, token_file: &Path) -> Result<Self> {
        let read =
            |path: &Path| fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()));
        let bearer = format!("Bearer {}", read(token_file)?.trim());
        let credential = Credential(bearer.parse().context("the token is no header value")?);
        let tls = ClientTlsConfig::new().ca_certificate(Certificate::from_pem(read(ca)?));
        let endpoint = Endpoint::from_shared(server.to_owned()).context("no URL")?.tls_config(tls)?;
        let channel = endpoint.connect().await.context("cannot connect to the control plane")?;
        Ok(Self {
            config: ConfigServiceClient::with_interceptor(channel.clone(), credential.clone()),
            fleet: FleetServiceClient::with_interceptor(channel, credential),
        })
    }

    /// An agent as it is stored.
    pub(super) async fn agent(&mut self, name: &str) -> Result<Agent> {
        let request = GetAgentRequest { name: name.to_owned() };
        Ok(self.config.get_agent(request).await.context("cannot get an agent")?.into_inner())
    }

    /// Changes an agent.
    pub(super) async fn update_agent(&mut self, agent: Agent) -> Result<Agent> {
        let request = UpdateAgentRequest { agent: Some(agent), ..Default::default() };
        let response =
            self.config.update_agent(request).await.context("cannot update an agent")?.into_inner();
        response.agent.context("the response has no agent")
    }

    /// Adds an agent.
    pub(super) async fn create_agent(&mut self, id: &str, agent: Agent) -> Result<()> {
        let (parent, agent_id) = (names::ORGANIZATION.to_owned(), id.to_owned());
        let request = CreateAgentRequest { parent, agent_id, agent: Some(agent), ..Default::default() };
        self.config.create_agent(request).await.context("cannot create an agent")?;
        Ok(())
    }

    /// Removes an agent.
    pub(super) async fn delete_agent(&mut self, id: &str) -> Result<()> {
        let name = format!("{}/agents/{id}", names::ORGANIZATION);
        let request = DeleteAgentRequest { name, ..Default::default() };
        self.config.delete_agent(request).await.context("cannot delete an agent")?;
        Ok(())
    }

    /// A plan as it is stored.
    pub(super) async fn plan(&mut self, name: &str) -> Result<Plan> {
        let request = GetPlanRequest { name: name.to_owned() };
        Ok(self.config.get_plan(request).await.context("cannot get a plan")?.into_inner())
    }

    /// Changes a plan.
    pub(super) async fn update_plan(&mut self, plan: Plan) -> Result<Plan> {
        let request = UpdatePlanRequest { plan: Some(plan), ..Default::default() };
        let response = self.config.update_plan(request).await.context("cannot update a plan")?.into_inner();
        response.plan.context("the response has no plan")
    }

    /// Makes a key; returns its name and the key itself.
    pub(super) async fn create_key(&mut self, subscription: &str) -> Result<(String, String)> {
        let request = CreateApiKeyRequest {
            parent: subscription.to_owned(),
            api_key: Some(ApiKey::default()),
            ..Default::default()
        };
        let response = self.config.create_api_key(request).await.context("cannot create a key")?.into_inner();
        Ok((response.api_key.context("the response has no key")?.name, response.key))
    }

    /// Revokes a key.
    pub(super) async fn revoke_key(&mut self, name: &str) -> Result<()> {
        let request = RevokeApiKeyRequest { name: name.to_owned(), ..Default::default() };
        self.config.revoke_api_key(request).await.context("cannot revoke a key")?;
        Ok(())
    }

    /// Waits until every data plane enforces what was committed until now.
    pub(super) async fn wait(&mut self) -> Result<bool> {
        let timeout = pbjson_types::Duration { seconds: WAIT_SECONDS, nanos: 0 };
        let request = WaitForRevisionRequest { timeout: Some(timeout), ..Default::default() };
        Ok(self.fleet.wait_for_revision(request).await.context("cannot wait")?.into_inner().reached)
    }
}
