//! The agent's own cards: written in the manifest, or fetched once for many readers.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use signalbox_proto::model::agent::A2aVersion;
use tokio::time::Instant;

use super::cache::Cached;
use super::fetch::{self, Fetched};
use super::interface;
use crate::a2a::card::{self as a2a_card, MAX_FRESH};
use crate::a2a::{Binding, Version};
use crate::config::{Agent, Target};
use crate::error::{Code, GatewayError};
use crate::pipeline::gateway::Worker;
use crate::telemetry::CardFetch;

/// The least time for which what is made of a card is kept.
const MIN_LEFT: Duration = Duration::from_secs(1);

/// A card as the agent gave it, and since when.
#[derive(Debug)]
pub(super) struct Source {
    fetched: Fetched,
    at: Instant,
}

impl Cached for Source {
    fn bytes(&self) -> usize {
        self.fetched.body.len()
    }

    fn fresh_for(&self) -> Duration {
        self.fetched.fresh_for
    }
}

/// What a fetched card depends on. Agents may answer every version with another card.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct SourceKey {
    agent: Arc<str>,
    revision: u64,
    target: usize,
    version: Option<Version>,
}

/// The agent's card, all of its servers considered, and how long it holds.
#[derive(Clone, Debug)]
pub(super) struct Card {
    pub(super) body: Bytes,
    pub(super) fresh_for: Duration,
}

/// Which card is good enough.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    /// One that may be old, and is fetched anew meanwhile.
    Soon,
    /// The one of now.
    Current,
}

/// Why there is no card; can be told to many readers.
#[derive(Clone, Debug)]
pub(super) struct Failure {
    code: Code,
    internal: Arc<str>,
}

impl Failure {
    pub(super) fn new(error: &GatewayError) -> Self {
        Self { code: error.code(), internal: error.to_string().into() }
    }

    pub(super) fn error(&self) -> GatewayError {
        GatewayError::new(self.code).internal(self.internal.to_string())
    }
}

/// Whether a server is asked for a card: gRPC servers have none to give.
pub(super) fn is_asked(target: &Target) -> bool {
    target.may_take(Binding::JsonRpc) || target.may_take(Binding::HttpJson)
}

/// The card to be served from: that of the manifest, of the one server, or of the servers for both generations, merged.
pub(super) async fn card(
    worker: &Worker,
    agent: &Arc<Agent>,
    version: Option<Version>,
    wanted: Wanted,
) -> Result<Card, Failure> {
    if agent.targets.is_empty() {
        let error = GatewayError::new(Code::UpstreamUnavailable);
        return Err(Failure::new(&error.internal("no upstream of the agent selects this data plane")));
    }
    if let Some(card) = &agent.spec.card.static_card {
        return Ok(Card { body: Bytes::copy_from_slice(card.as_bytes()), fresh_for: MAX_FRESH });
    }
    let older = servers(agent, A2aVersion { major: 0, minor: 3 });
    let newer = servers(agent, A2aVersion { major: 1, minor: 0 });
    match (older.first(), newer.first()) {
        (Some(first), Some(second)) if first != second => {
            let fetched = tokio::join!(
                any(worker, agent, &older, None, wanted),
                any(worker, agent, &newer, Some(Version::V1_0), wanted)
            );
            both(agent, fetched)
        }
        (Some(_), _) => any(worker, agent, &older, version, wanted).await,
        (None, Some(_)) => any(worker, agent, &newer, version, wanted).await,
        (None, None) => {
            let asked: Vec<_> =
                agent.targets.iter().enumerate().filter(|(_, target)| is_asked(target)).collect();
            let asked: Vec<_> = asked.into_iter().map(|(index, _)| index).collect();
            any(worker, agent, &asked, version, wanted).await
        }
    }
}

/// The servers that are asked for the card of this version: those that name it, else those that speak any.
fn servers(agent: &Agent, version: A2aVersion) -> Vec<usize> {
    let fitting = |fits: &dyn Fn(&Target) -> bool| -> Vec<usize> {
        let targets = agent.targets.iter().enumerate();
        targets.filter(|(_, target)| is_asked(target) && fits(target)).map(|(index, _)| index).collect()
    };
    let named = fitting(&|target| target.upstream.versions.contains(&version));
    if named.is_empty() { fitting(&|target| target.upstream.versions.is_empty()) } else { named }
}

fn both(agent: &Agent, fetched: (Result<Card, Failure>, Result<Card, Failure>)) -> Result<Card, Failure> {
    match fetched {
        (Ok(older), Ok(newer)) => {
            let body = a2a_card::merge(&older.body, &newer.body).map_err(|error| Failure::new(&error))?;
            Ok(Card { body: body.into(), fresh_for: older.fresh_for.min(newer.fresh_for) })
        }
        // Half an agent is better than none; the rest is back with the next fetch.
        (Ok(only), Err(failure)) | (Err(failure), Ok(only)) => {
            let reason = &*failure.internal;
            tracing::warn!(agent = agent.name.as_str(), reason, "one of two cards is missing");
            Ok(only)
        }
        (Err(failure), Err(_)) => Err(failure),
    }
}

/// The card of the first of these servers that has one.
async fn any(
    worker: &Worker,
    agent: &Arc<Agent>,
    targets: &[usize],
    version: Option<Version>,
    wanted: Wanted,
) -> Result<Card, Failure> {
    let mut missing = None;
    for target in targets {
        match one(worker, agent, *target, version, wanted).await {
            Err(failure) if failure.code == Code::NotFound => missing = missing.or(Some(failure)),
            found => return found,
        }
    }
    Err(missing.unwrap_or_else(|| {
        Failure::new(
            &GatewayError::new(Code::NotFound).internal("no upstream of the agent is asked for a card"),
        )
    }))
}

/// The card of one server.
pub(super) async fn one(
    worker: &Worker,
    agent: &Arc<Agent>,
    target: usize,
    version: Option<Version>,
    wanted: Wanted,
) -> Result<Card, Failure> {
    let key = SourceKey { agent: agent.name.shared(), revision: agent.revision, target, version };
    let sources = &worker.gateway.cards.sources;
    // Boxed: it is kilobytes, and calls that need no card hold room for it too.
    let fetch = |held| Box::pin(load(worker.clone(), Arc::clone(agent), target, version, held));
    let source = match wanted {
        Wanted::Soon => sources.get(&key, fetch).await?,
        Wanted::Current => sources.get_current(&key, fetch).await?,
    };
    let left = source.fetched.fresh_for.saturating_sub(source.at.elapsed());
    Ok(Card { body: source.fetched.body.clone(), fresh_for: left.max(MIN_LEFT) })
}

async fn load(
    worker: Worker,
    agent: Arc<Agent>,
    target: usize,
    version: Option<Version>,
    held: Option<Arc<Source>>,
) -> Result<Source, Failure> {
    let Some(target) = agent.targets.get(target) else { return Err(Failure::new(&Code::Internal.into())) };
    let held = held.as_ref().map(|held| &held.fetched);
    match fetch::card(&worker, &agent, target, version, held).await {
        Ok(fetched) => {
            agent.metrics.card_fetch(if fetched.is_renewed {
                CardFetch::Renewed
            } else {
                CardFetch::Fetched
            });
            target.card_failure.store(None);
            interface::learn(&agent, target, &fetched.body);
            Ok(Source { fetched, at: Instant::now() })
        }
        Err(error) => {
            let failure = Failure::new(&error);
            agent.metrics.card_fetch(CardFetch::Failed);
            let reason = &*failure.internal;
            let before = target.card_failure.swap(Some(Arc::new(reason.to_owned())));
            // Once, not with every fetch: some agents have no card.
            if before.is_none_or(|before| before.as_str() != reason) {
                let upstream = &*target.upstream.url.text;
                tracing::warn!(
                    agent = agent.name.as_str(),
                    upstream,
                    reason,
                    "the agent's card cannot be fetched"
                );
            }
            Err(failure)
        }
    }
}
