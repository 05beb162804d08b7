//! What the served card has to say: one value, made here alone, from the agent, the plans concerned and the address.

use std::sync::Arc;

use signalbox_proto::model::agent::Upstream;
use signalbox_proto::model::plan::Security;
use signalbox_proto::model::push::PushMode;

use crate::a2a::card::{self, CapabilitiesOff, CardRewrite, Scheme, SecurityDeclaration, SkillFilter};
use crate::a2a::{Binding, Operation, Version};
use crate::config::{Agent, Plan, Target};
use crate::error::Dialect;
use crate::http::public_url;

/// Who reads a card.
#[derive(Clone, Copy, Debug)]
pub(in crate::pipeline) enum Audience<'a> {
    /// Anybody: it shows what at least one published plan opens.
    Everybody,
    /// Callers whom this plan admitted: it shows what the plan opens.
    Plan(&'a Plan),
}

/// Everything that the rewriting of a card depends on.
#[derive(Debug)]
pub(in crate::pipeline) struct CardPolicy {
    targets: Vec<card::Target>,
    public_url: Arc<str>,
    grpc_authority: Option<String>,
    bindings: Vec<Binding>,
    versions: Option<Vec<Version>>,
    reader: Option<Dialect>,
    security: SecurityDeclaration,
    capabilities_off: CapabilitiesOff,
    skills: Option<Vec<Arc<str>>>,
}

impl CardPolicy {
    /// The policy for the agent's card at `public_url`.
    pub(in crate::pipeline) fn new(agent: &Agent, audience: Audience<'_>, public_url: Arc<str>) -> Self {
        let plans: Vec<&Plan> = match audience {
            Audience::Everybody => {
                agent.plans.iter().filter(|plan| plan.gate.open).map(|plan| &**plan).collect()
            }
            Audience::Plan(plan) => vec![plan],
        };
        let grpc_authority = grpc_authority(agent, &public_url);
        Self {
            targets: targets(agent),
            bindings: bindings(agent, grpc_authority.is_some()),
            grpc_authority,
            public_url,
            versions: versions(agent),
            reader: None,
            security: security(&plans),
            capabilities_off: capabilities_off(agent, &plans),
            skills: skills(&plans),
        }
    }

    /// The same for a reader of this generation; `None`: it names none.
    pub(in crate::pipeline) fn for_reader(self, reader: Option<Dialect>) -> Self {
        Self { reader, ..self }
    }

    /// The same as the rewriting takes it.
    pub(in crate::pipeline) fn rewrite(&self) -> CardRewrite<'_> {
        CardRewrite {
            targets: &self.targets,
            public_url: &self.public_url,
            grpc_authority: self.grpc_authority.as_deref(),
            bindings: &self.bindings,
            versions: self.versions.as_deref(),
            reader: self.reader,
            security: &self.security,
            capabilities_off: self.capabilities_off,
            skills: self.skills.as_deref().map_or(SkillFilter::All, SkillFilter::Only),
        }
    }
}

/// Every upstream, also those that other data planes use: none of their addresses may show.
fn targets(agent: &Agent) -> Vec<card::Target> {
    let upstreams = agent.spec.upstreams.iter();
    let target = |upstream: &Upstream| {
        let bindings = upstream.bindings.iter().copied().map(Binding::from).collect();
        Some(card::Target::parse(&upstream.url.text)?.taking(bindings))
    };
    upstreams.filter_map(target).collect()
}

/// The bindings for which this data plane has a server. gRPC is routed by host: without one of its own, an agent has no
/// gRPC address.
fn bindings(agent: &Agent, has_grpc_address: bool) -> Vec<Binding> {
    let is_carried = |binding: &Binding| match binding {
        Binding::JsonRpc | Binding::HttpJson => true,
        Binding::Grpc => has_grpc_address,
    };
    let has_server = |binding: &Binding| {
        let takes = |target: &Target| target.may_take(*binding) && target.endpoint_for(*binding).is_some();
        agent.targets.iter().any(|target| takes(target))
    };
    let all = [Binding::JsonRpc, Binding::HttpJson, Binding::Grpc].into_iter();
    all.filter(is_carried).filter(has_server).collect()
}

/// `None`: a server takes whatever comes.
fn versions(agent: &Agent) -> Option<Vec<Version>> {
    let mut named = Vec::new();
    for target in agent.targets.iter() {
        if target.upstream.versions.is_empty() {
            return None;
        }
        let versions = &target.upstream.versions;
        named.extend(versions.iter().map(|own| Version { major: own.major, minor: own.minor }));
    }
    Some(named)
}

/// Host and port for gRPC: the host of its own that the card is read at, else the agent's first, and the port of the
/// public address, always named, since gRPC clients differ about the default.
fn grpc_authority(agent: &Agent, public_url: &str) -> Option<String> {
    let (host, port) = public_url::host_and_port(public_url)?;
    let mut hosts = agent.spec.addresses.hosts.iter().map(|host| host.as_str());
    let first = hosts.clone().next()?;
    let own = hosts.find(|own| own.eq_ignore_ascii_case(host)).unwrap_or(first);
    Some(format!("{own}:{port}"))
}

/// What these plans demand of a caller.
fn security(plans: &[&Plan]) -> SecurityDeclaration {
    let mut declaration = SecurityDeclaration::default();
    for plan in plans {
        match &plan.gate.security {
            Security::Keyless => declaration.keeps_own = true,
            Security::ApiKey { header } => {
                let schemes: Vec<Scheme> = SecurityDeclaration::api_key(header.as_str());
                for scheme in schemes {
                    if !declaration.alternatives.contains(&scheme) {
                        declaration.alternatives.push(scheme);
                    }
                }
            }
        }
    }
    declaration
}

/// A capability is off if none of the plans permits the operation that it is about. An agent that no plan opens is
/// described as it is.
fn capabilities_off(agent: &Agent, plans: &[&Plan]) -> CapabilitiesOff {
    let permits = |plan: &Plan, operation: Operation| {
        let operations = &plan.spec.permits.operations;
        operations.is_empty() || operations.contains(&operation.name())
    };
    let is_off = |is_on: &dyn Fn(&Plan) -> bool| !plans.is_empty() && !plans.iter().any(|plan| is_on(plan));
    let has_push = |plan: &Plan| {
        permits(plan, Operation::CreateTaskPushNotificationConfig) && plan.spec.push.mode != PushMode::Off
    };
    CapabilitiesOff {
        streaming: is_off(&|plan| permits(plan, Operation::SendStreamingMessage)),
        push_notifications: agent.spec.push.mode == PushMode::Off || is_off(&has_push),
        extended_card: is_off(&|plan| permits(plan, Operation::GetExtendedAgentCard)),
    }
}

/// Ids of the skills to show, sorted; `None`: all.
fn skills(plans: &[&Plan]) -> Option<Vec<Arc<str>>> {
    if plans.is_empty() || plans.iter().any(|plan| plan.spec.permits.skills.is_empty()) {
        return None;
    }
    let mut shown: Vec<_> = plans.iter().flat_map(|plan| plan.spec.permits.skills.iter().cloned()).collect();
    shown.sort_unstable();
    shown.dedup();
    Some(shown)
}
