//! The compiled tables that requests read.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwapOption;
use hashbrown::HashSet;
use signalbox_proto::model;
use signalbox_proto::model::address::BaseUrl;
use signalbox_proto::model::agent::{A2aVersion, AgentState, Upstream, UpstreamProtocol};
use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::model::name::{AgentName, PlanName};

use super::discovered::InterfacePaths;
use crate::a2a::Binding;
use crate::auth::{Gate, KeyTable, PEPPER_BYTES};
use crate::limit::PlanLimits;
use crate::persistent::Map;
use crate::route::Table;
use crate::telemetry::{AgentMetrics, PlanMetrics};
use crate::upstream::endpoint::Endpoint;

/// Where this data plane is, by which resources select it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Site {
    /// Its region.
    pub region: String,
    /// Its labels.
    pub labels: BTreeMap<String, String>,
}

/// How far both lanes have been applied.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cursors {
    /// Agents and plans.
    pub config: Cursor,
    /// API keys.
    pub credentials: Cursor,
}

impl Cursors {
    /// The cursor of a lane.
    #[must_use]
    pub fn of(&self, lane: Lane) -> Cursor {
        match lane {
            Lane::Config => self.config,
            Lane::Credentials => self.credentials,
        }
    }

    pub(super) fn set(&mut self, lane: Lane, cursor: Cursor) {
        match lane {
            Lane::Config => self.config = cursor,
            Lane::Credentials => self.credentials = cursor,
        }
    }
}

/// Everything that requests read, at one point of both lanes. A clone shares all tables.
///
/// A request clones the [`Agent`] and [`Plan`] that it needs and lets go of this before its first await; a stream
/// keeps nothing else, so that old tables are freed.
#[derive(Clone, Debug)]
pub struct Runtime {
    /// How far both lanes have been applied.
    pub cursors: Cursors,
    /// Addresses of the agents that are served.
    pub routes: Table<Arc<Agent>>,
    /// Every agent by name, served or not.
    pub agents: Map<Arc<str>, Arc<Agent>>,
    /// Every plan by name.
    pub plans: Map<Arc<str>, Arc<Plan>>,
    /// API keys.
    pub keys: KeyTable,
    /// Which agents list a plan, whether it has arrived or not.
    pub(super) members: Map<Arc<str>, Arc<HashSet<Arc<str>>>>,
}

impl Default for Runtime {
    fn default() -> Self {
        Self {
            cursors: Cursors::default(),
            routes: Table::new(),
            agents: Map::new(),
            plans: Map::new(),
            keys: KeyTable::new([0; PEPPER_BYTES]),
            members: Map::new(),
        }
    }
}

impl Runtime {
    /// Whether a plan has arrived.
    #[must_use]
    pub fn knows_plan(&self, name: &PlanName) -> bool {
        self.plans.get(name.as_str()).is_some()
    }
}

/// An agent as requests see it.
#[derive(Debug)]
pub struct Agent {
    /// Its name.
    pub name: AgentName,
    /// Revision of the config lane at which it last changed.
    pub revision: u64,
    /// What was configured.
    pub spec: Arc<model::agent::Agent>,
    /// Its plans that have arrived, in its order.
    pub plans: Vec<Arc<Plan>>,
    /// Its servers that this data plane uses.
    pub targets: Arc<[Arc<Target>]>,
    /// Public base URL that it asks for on this data plane.
    pub public_url: Option<BaseUrl>,
    /// The path at which it is shown where no request says which address was used.
    pub path: Arc<str>,
    /// Its counters, the same ones across config changes.
    pub metrics: Arc<AgentMetrics>,
}

impl Agent {
    /// Whether it is served.
    #[must_use]
    pub fn is_served(&self) -> bool {
        self.spec.state == AgentState::Deployed
    }

    /// What decides who may call, plan by plan.
    pub fn gates(&self) -> impl Iterator<Item = &Gate> + Clone {
        self.plans.iter().map(|plan| &plan.gate)
    }

    /// The server for calls of a binding and version. Servers that are configured for the binding come before those
    /// whose card decides; among them the first that names the version, then the first that speaks any.
    #[must_use]
    pub fn target(&self, binding: Binding, version: A2aVersion) -> Option<&Arc<Target>> {
        let fitting = |is_told: bool| {
            let takers = || self.targets.iter().filter(move |target| target.is_told(binding) == is_told);
            let takers = || takers().filter(|target| target.may_take(binding));
            let names_it = |target: &&Arc<Target>| target.upstream.versions.contains(&version);
            let speaks_any = |target: &&Arc<Target>| target.upstream.versions.is_empty();
            takers().find(names_it).or_else(|| takers().find(speaks_any))
        };
        fitting(true).or_else(|| fitting(false))
    }
}

/// One server of an agent.
#[derive(Debug)]
pub struct Target {
    /// What was configured.
    pub upstream: Upstream,
    /// Where and how to connect; connections are kept by its identity, which config changes leave as it is.
    pub endpoint: Endpoint,
    /// The same over HTTP/2 alone, for gRPC; `None`: it is restricted to one protocol already.
    pub(super) http2_endpoint: Option<Box<Endpoint>>,
    /// Where it takes calls, once its card has been read.
    pub interfaces: ArcSwapOption<InterfacePaths>,
    /// Why its card could not be fetched the last time; `None`: it could, or nobody has asked.
    pub card_failure: ArcSwapOption<String>,
}

impl Target {
    /// Whether it is configured for a binding. One that is restricted to HTTP/1.1 takes no gRPC.
    #[must_use]
    pub fn is_told(&self, binding: Binding) -> bool {
        self.can_take(binding) && self.upstream.bindings.iter().any(|told| Binding::from(*told) == binding)
    }

    /// Whether it is configured for a binding, or for none in particular, so that its card decides.
    #[must_use]
    pub fn may_take(&self, binding: Binding) -> bool {
        self.can_take(binding) && (self.upstream.bindings.is_empty() || self.is_told(binding))
    }

    fn can_take(&self, binding: Binding) -> bool {
        binding != Binding::Grpc || self.upstream.protocol != UpstreamProtocol::Http1
    }

    /// Where and how to connect for a binding: gRPC needs HTTP/2. `None`: the server does not speak it.
    #[must_use]
    pub fn endpoint_for(&self, binding: Binding) -> Option<&Endpoint> {
        if binding != Binding::Grpc {
            return Some(&self.endpoint);
        }
        match self.upstream.protocol {
            UpstreamProtocol::Http1 => None,
            UpstreamProtocol::Http2 => Some(&self.endpoint),
            UpstreamProtocol::Auto => self.http2_endpoint.as_deref(),
        }
    }
}

/// A plan as requests see it.
#[derive(Debug)]
pub struct Plan {
    /// Its name.
    pub name: PlanName,
    /// Revision of the config lane at which it last changed.
    pub revision: u64,
    /// What was configured.
    pub spec: Arc<model::plan::Plan>,
    /// Who may call.
    pub gate: Gate,
    /// Limits, with the state that lives across config changes.
    pub limits: PlanLimits,
    /// Its counters, the same ones across config changes.
    pub metrics: Arc<PlanMetrics>,
}
