//! Manifests, as text.

use std::fmt::Write as _;

/// Name of the keyless plan of [`Manifest::keyless`].
pub const KEYLESS_PLAN: &str = "organizations/default/plans/open";
/// Name of the plan of [`Manifest::api_key`].
pub const KEY_PLAN: &str = "organizations/default/plans/keyed";

/// A manifest in the making.
#[derive(Clone, Default)]
pub struct Manifest {
    plans: String,
    agents: String,
    rest: String,
}

impl Manifest {
    /// An empty one.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// With a plan that admits anybody.
    #[must_use]
    pub fn keyless(self) -> Self {
        self.plan(KEYLESS_PLAN, "  keyless: {}\n")
    }

    /// With a plan that asks for an API key.
    #[must_use]
    pub fn api_key(self) -> Self {
        self.plan(KEY_PLAN, "  apiKey: {}\n")
    }

    /// With a plan whose other fields are YAML, indented by two spaces.
    #[must_use]
    pub fn plan(mut self, name: &str, fields: &str) -> Self {
        let _ = write!(self.plans, "- name: {name}\n{fields}");
        self
    }

    /// With an agent that answers at one upstream under one plan.
    #[must_use]
    pub fn agent(self, id: &str, upstream: &str, plan: &str) -> Self {
        self.agent_with(id, upstream, plan, "")
    }

    /// With such an agent, and further fields as YAML, indented by two spaces.
    #[must_use]
    pub fn agent_with(self, id: &str, upstream: &str, plan: &str, fields: &str) -> Self {
        let fields = format!("  upstreams:\n  - url: {upstream}\n  plans: [{plan}]\n{fields}");
        self.raw_agent(id, &fields)
    }

    /// With an agent to which the host `localhost` belongs, and whose gRPC is an upstream of its own.
    ///
    /// Clients of gRPC go where the card says by name, and this name leads to the data plane everywhere.
    #[must_use]
    pub fn agent_with_grpc(self, id: &str, upstream: &str, grpc: &str, plan: &str) -> Self {
        let upstreams =
            format!("  - url: {upstream}\n  - url: http://{grpc}\n    bindings: [BINDING_GRPC]\n");
        let fields =
            format!("  addresses: {{hosts: [localhost]}}\n  upstreams:\n{upstreams}  plans: [{plan}]\n");
        self.raw_agent(id, &fields)
    }

    /// With an agent whose fields are YAML, indented by two spaces.
    #[must_use]
    pub fn raw_agent(mut self, id: &str, fields: &str) -> Self {
        let _ = write!(self.agents, "- name: organizations/default/agents/{id}\n{fields}");
        self
    }

    /// With a consumer that has a subscription to a plan, named like the consumer.
    #[must_use]
    pub fn consumer(mut self, id: &str, plan: &str) -> Self {
        let name = format!("organizations/default/consumers/{id}");
        let _ = write!(self.rest, "consumers:\n- name: {name}\n");
        let _ = write!(self.rest, "subscriptions:\n- name: {name}/subscriptions/{id}\n  plan: {plan}\n");
        self
    }

    /// With a consumer, its subscription, and a key of it given by the SHA-256 of the key in hex.
    #[must_use]
    pub fn consumer_with_key(self, id: &str, plan: &str, key_sha256: &str) -> Self {
        let mut made = self.consumer(id, plan);
        let name = format!("organizations/default/consumers/{id}/subscriptions/{id}/apiKeys/{id}");
        let _ = write!(made.rest, "apiKeys:\n- name: {name}\n  keySha256: {key_sha256}\n");
        made
    }

    /// With several consumers: id, plan and SHA-256 of a key in hex.
    #[must_use]
    pub fn consumers(mut self, consumers: &[(&str, &str, &str)]) -> Self {
        let name = |id: &str| format!("organizations/default/consumers/{id}");
        let mut lists = ["consumers:\n", "subscriptions:\n", "apiKeys:\n"].map(str::to_owned);
        for (id, plan, key_sha256) in consumers {
            let subscription = format!("{}/subscriptions/{id}", name(id));
            let _ = writeln!(lists[0], "- name: {}", name(id));
            let _ = write!(lists[1], "- name: {subscription}\n  plan: {plan}\n");
            let _ = write!(lists[2], "- name: {subscription}/apiKeys/{id}\n  keySha256: {key_sha256}\n");
        }
        self.rest.push_str(&lists.concat());
        self
    }

    /// The whole as YAML.
    #[must_use]
    pub fn yaml(&self) -> String {
        let mut text = String::new();
        for (heading, entries) in [("plans", &self.plans), ("agents", &self.agents)] {
            if !entries.is_empty() {
                let _ = write!(text, "{heading}:\n{entries}");
            }
        }
        text + &self.rest
    }
}
