//! Serving agent cards: accurate for the address at which they are read, cached, conditional.

pub(super) mod cache;
mod fetch;
mod source;

use std::sync::Arc;

use bytes::Bytes;
use http::header::{ALLOW, AUTHORIZATION, CACHE_CONTROL, CONTENT_TYPE, ETAG, HeaderName, HeaderValue, VARY};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use signalbox_proto::model::agent::A2aVersion;
use signalbox_proto::model::plan::Security;

use super::answer::Answer;
use super::enter::{self, Routed};
use super::exchange::Exchange;
use super::gateway::{Listener, Worker};
use crate::a2a::Binding;
use crate::a2a::card::{
    self as a2a_card, CapabilitiesOff, CardRewrite, SecurityDeclaration, ServedCard, SkillFilter,
    is_not_modified,
};
use crate::a2a::version::{A2A_VERSION, Version, requested};
use crate::config::{Agent, Target};
use crate::error::{Code, Dialect, GatewayError};
use crate::http::public_url::{self, Candidates};
use cache::{Cache, Weigh};
pub(super) use source::Interface;
use source::{Failure, Source, SourceKey};

/// The bindings that the gateway proxies.
const SERVED_BINDINGS: &[Binding] = &[Binding::JsonRpc, Binding::HttpJson];

/// Cards that were fetched, and cards that are ready to be served.
#[derive(Debug)]
pub(super) struct Cards {
    served: Cache<ServedKey, ServedCard, Failure>,
    sources: Cache<SourceKey, Source, Failure>,
}

impl Weigh for ServedCard {
    fn bytes(&self) -> usize {
        self.body.len()
    }
}

/// What a served card depends on.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct ServedKey {
    agent: Arc<str>,
    revision: u64,
    plans: Vec<u64>,
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
        source::interface(worker, agent, target, binding, version).await
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
    let key = ServedKey {
        agent: routed.agent.name.shared(),
        revision: routed.agent.revision,
        plans: routed.agent.plans.iter().map(|plan| plan.revision).collect(),
        public_url: public_url(listener, routed)?.into(),
        version,
    };
    let build = build(worker.clone(), Arc::clone(&routed.agent), Arc::clone(&key.public_url), version);
    let card = worker.gateway.cards.served.get(&key, build).await.map_err(|failure| failure.error())?;
    Ok(Answer::whole(response(&card, is_protected, parts)))
}

/// The version whose card a caller gets: the one that it names where that is well known or configured, else that of the
/// generation. Callers may name any, and each has its place in the cache and its fetch from the agent.
fn card_version(agent: &Agent, named: Version) -> Version {
    let is_named = |offered: &A2aVersion| (offered.major, offered.minor) == (named.major, named.minor);
    let mut offered = agent.targets.iter().flat_map(|target| &target.upstream.versions);
    match named.dialect() {
        _ if offered.any(is_named) => named,
        Dialect::V0 => Version::V0_3,
        Dialect::V1 => Version::V1_0,
    }
}

async fn build(
    worker: Worker,
    agent: Arc<Agent>,
    public_url: Arc<str>,
    version: Option<Version>,
) -> Result<ServedCard, Failure> {
    let body = source::card(&worker, &agent, version).await?;
    rewrite(&agent, &public_url, |policy| a2a_card::rewrite(&body, policy))
        .map_err(|error| Failure::new(&error))
}

/// Rewrites an extended card: inside a JSON-RPC answer, or the bare card of HTTP+JSON.
///
/// # Errors
/// `InvalidAgentResponse` if it cannot be read, `PublicUrlMissing` if the gateway does not know its address.
pub(super) fn rewrite_extended(
    listener: &Listener,
    routed: &Routed,
    answer: &[u8],
    is_bare: bool,
) -> Result<Bytes, GatewayError> {
    let public_url = public_url(listener, routed)?;
    if is_bare {
        let served = rewrite(&routed.agent, &public_url, |policy| a2a_card::rewrite(answer, policy));
        return served.map(|card| card.body).map_err(|error| {
            GatewayError::new(Code::InvalidAgentResponse).internal("the extended card").caused_by(error)
        });
    }
    rewrite(&routed.agent, &public_url, |policy| a2a_card::rewrite_json_rpc_answer(answer, policy))
}

fn rewrite<T>(
    agent: &Agent,
    public_url: &str,
    apply: impl FnOnce(&CardRewrite<'_>) -> Result<T, GatewayError>,
) -> Result<T, GatewayError> {
    // Every upstream, also those that other data planes use: none of their addresses may show.
    let targets: Vec<a2a_card::Target> = agent
        .spec
        .upstreams
        .iter()
        .filter_map(|upstream| a2a_card::Target::parse(&upstream.url.text))
        .collect();
    apply(&CardRewrite {
        targets: &targets,
        public_url,
        grpc_authority: None,
        bindings: SERVED_BINDINGS,
        security: &security(agent),
        capabilities_off: CapabilitiesOff::default(),
        skills: SkillFilter::All,
    })
}

/// What the plans that are open demand of a caller.
fn security(agent: &Agent) -> SecurityDeclaration {
    let open = agent.gates().filter(|gate| gate.open);
    let mut declaration = SecurityDeclaration { keeps_own: false, alternatives: Vec::new() };
    for gate in open {
        match &gate.security {
            Security::Keyless => declaration.keeps_own = true,
            Security::ApiKey { header } => {
                for scheme in SecurityDeclaration::api_key(header.as_str()) {
                    if !declaration.alternatives.contains(&scheme) {
                        declaration.alternatives.push(scheme);
                    }
                }
            }
        }
    }
    declaration
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

fn response(card: &ServedCard, is_protected: bool, parts: &Parts) -> Response<Bytes> {
    let is_known = is_not_modified(&parts.headers, &card.etag);
    let body = if is_known { Bytes::new() } else { card.body.clone() };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(ETAG, card.etag.clone());
    headers.append(VARY, HeaderValue::from_name(A2A_VERSION));
    if is_protected {
        headers.append(VARY, HeaderValue::from_name(AUTHORIZATION));
        headers.append(VARY, HeaderValue::from_name(HeaderName::from_static("x-api-key")));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    } else {
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=30"));
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}
