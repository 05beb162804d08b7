//! Serving agent cards: accurate for the address at which they are read, cached, conditional.

pub(super) mod cache;
mod credential;
mod fetch;
mod interface;
mod policy;
mod respond;
mod source;

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use http::header::{ALLOW, HeaderValue};
use http::request::Parts;
use signalbox_proto::model::agent::A2aVersion;
use signalbox_proto::model::name::PlanName;

use super::answer::Answer;
use super::enter::{self, Routed};
use super::exchange::Exchange;
use super::gateway::{Listener, Worker};
use crate::a2a::Binding;
use crate::a2a::card::{self as a2a_card, ServedCard};
use crate::a2a::protobuf::{self, Package};
use crate::a2a::version::{Version, requested};
use crate::config::{Agent, Plan, Target};
use crate::error::{Code, Dialect, GatewayError};
use crate::http::public_url::{self, Candidates};
use cache::{Cache, Cached};
pub(super) use interface::Interface;
pub(super) use policy::{Audience, CardPolicy};
pub(super) use respond::keep_private;
use source::{Failure, Source, SourceKey, Wanted};

/// Cards that were fetched, and cards that are ready to be served.
#[derive(Debug)]
pub(super) struct Cards {
    served: Cache<ServedKey, Served, Failure>,
    sources: Cache<SourceKey, Source, Failure>,
}

/// A card that is ready to be served.
#[derive(Debug)]
struct Served {
    card: ServedCard,
    fresh_for: Duration,
}

impl Cached for Served {
    fn bytes(&self) -> usize {
        self.card.body.len()
    }

    fn fresh_for(&self) -> Duration {
        self.fresh_for
    }
}

/// What a served card depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ServedKey {
    agent: Arc<str>,
    revision: u64,
    plans: Vec<u64>,
    /// The plan whose callers read it; `None`: everybody.
    plan: Option<PlanName>,
    public_url: Arc<str>,
    version: Option<Version>,
}

impl Cards {
    pub(super) fn new() -> Self {
        Self { served: Cache::new(), sources: Cache::new() }
    }

    /// Forgets what is too old to be served.
    pub(super) fn sweep(&self) {
        self.served.sweep();
        self.sources.sweep();
    }

    /// Where the agent takes calls of this binding and version, as its own card says.
    pub(super) async fn interface(
        &self,
        worker: &Worker,
        agent: &Arc<Agent>,
        target: &Arc<Target>,
        binding: Binding,
        version: Version,
    ) -> Interface {
        interface::find(worker, agent, target, binding, version).await
    }
}

/// Answers a request for the card.
///
/// # Errors
/// Why there is none: the caller may not read it, the gateway does not know its address, the agent gives none.
pub(super) async fn serve(
    worker: &Worker,
    listener: &Listener,
    exchange: &mut Exchange,
    routed: &Routed,
    parts: &Parts,
) -> Result<Answer, GatewayError> {
    if !matches!(parts.method, Method::GET | Method::HEAD) {
        return Err(
            GatewayError::new(Code::MethodNotAllowed).header(ALLOW, HeaderValue::from_static("GET, HEAD"))
        );
    }
    let is_protected = enter::card_is_protected(&routed.agent);
    if is_protected {
        enter::admit(&worker.gateway, exchange, routed, parts)?;
        enter::limit(&worker.gateway, exchange, routed)?;
    }
    exchange.version = requested(&parts.headers, parts.uri.query())?.version;
    let version = exchange.version.map(|named| card_version(&routed.agent, named));
    let plan = exchange.plan.clone().filter(|_| is_protected);
    let key = ServedKey {
        agent: routed.agent.name.shared(),
        revision: routed.agent.revision,
        plans: routed.agent.plans.iter().map(|plan| plan.revision).collect(),
        plan: plan.as_ref().map(|plan| plan.name.clone()),
        public_url: public_url(listener, routed)?.into(),
        version,
    };
    let (worker, agent, public_url) = (worker, Arc::clone(&routed.agent), Arc::clone(&key.public_url));
    let build = |held: Option<Arc<Served>>| {
        // Whoever asks for the first time does not wait for a refetch; what follows an old card is to be the newest.
        let wanted = if held.is_some() { Wanted::Current } else { Wanted::Soon };
        build(worker.clone(), agent, plan, public_url, version, wanted)
    };
    let served = worker.gateway.cards.served.get(&key, build).await.map_err(|failure| failure.error())?;
    Ok(Answer::whole(respond::response(&served.card, served.fresh_for, &routed.agent, parts)))
}

/// The version whose card a caller gets: the one that it names where that is well known or configured, else that of the
/// generation. Callers may name any, and each has its place in the cache and its fetch from the agent.
fn card_version(agent: &Agent, named: Version) -> Version {
    let is_named = |offered: &A2aVersion| (offered.major, offered.minor) == (named.major, named.minor);
    let mut offered = agent.targets.iter().flat_map(|target| &target.upstream.versions);
    match named.dialect() {
        _ if offered.any(is_named) => named,
        Dialect::V01 | Dialect::V0 => Version::V0_3,
        Dialect::V1 => Version::V1_0,
    }
}

async fn build(
    worker: Worker,
    agent: Arc<Agent>,
    plan: Option<Arc<Plan>>,
    public_url: Arc<str>,
    version: Option<Version>,
    wanted: Wanted,
) -> Result<Served, Failure> {
    let source = source::card(&worker, &agent, version, wanted).await?;
    let audience = plan.as_deref().map_or(Audience::Everybody, Audience::Plan);
    let policy = CardPolicy::new(&agent, audience, public_url).for_reader(version.map(Version::dialect));
    let card = a2a_card::rewrite(&source.body, &policy.rewrite()).map_err(|error| Failure::new(&error))?;
    Ok(Served { card, fresh_for: source.fresh_for })
}

/// What an extended card has to say to callers whom this plan admitted.
///
/// # Errors
/// `PublicUrlMissing` if the gateway does not know its address.
pub(super) fn policy(
    listener: &Listener,
    routed: &Routed,
    plan: Option<&Plan>,
) -> Result<CardPolicy, GatewayError> {
    let audience = plan.map_or(Audience::Everybody, Audience::Plan);
    Ok(CardPolicy::new(&routed.agent, audience, public_url(listener, routed)?.into()))
}

/// Rewrites an extended card in an answer of JSON-RPC, or in one that is nothing else.
///
/// # Errors
/// `InvalidAgentResponse` if it cannot be read, `PublicUrlMissing` if the gateway does not know its address.
pub(super) fn rewrite_extended(
    listener: &Listener,
    exchange: &Exchange,
    routed: &Routed,
    binding: Binding,
    answer: &[u8],
) -> Result<Bytes, GatewayError> {
    let policy = policy(listener, routed, exchange.plan.as_deref())?.for_reader(Some(exchange.dialect));
    match binding {
        Binding::JsonRpc => a2a_card::rewrite_json_rpc_answer(answer, &policy.rewrite()),
        Binding::HttpJson | Binding::Grpc => a2a_card::rewrite_answer(answer, &policy.rewrite()),
    }
}

/// Rewrites an extended card that is a protobuf message.
///
/// # Errors
/// Those of [`rewrite_extended`].
pub(super) fn rewrite_extended_message(
    listener: &Listener,
    routed: &Routed,
    plan: Option<&Plan>,
    package: Package,
    message: &[u8],
) -> Result<Bytes, GatewayError> {
    protobuf::card::rewrite(package, message, &policy(listener, routed, plan)?.rewrite())
}

/// The public base URL of the gateway for this request.
///
/// # Errors
/// `PublicUrlMissing`.
pub(super) fn public_base(listener: &Listener, routed: &Routed) -> Result<String, GatewayError> {
    public_url::public_base(Candidates {
        agent: routed.agent.public_url.as_ref().map(|url| url.as_str()),
        agent_host: routed.own_host.as_deref(),
        forwarded: Some(&routed.forwarded),
        listener: listener.public_url.as_deref(),
    })
}

fn public_url(listener: &Listener, routed: &Routed) -> Result<String, GatewayError> {
    Ok(public_url::agent_url(&public_base(listener, routed)?, &routed.prefix))
}
