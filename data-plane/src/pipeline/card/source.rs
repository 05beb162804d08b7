//! The agent's own cards: fetched once for many readers, and read for where the agent takes calls.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::uri::PathAndQuery;
use signalbox_proto::model::agent::A2aVersion;
use tokio::task::JoinHandle;

use super::cache::Weigh;
use super::fetch;
use crate::a2a::card::{self as a2a_card, interfaces};
use crate::a2a::{Binding, Version};
use crate::clock;
use crate::config::{Agent, InterfacePath, InterfacePaths, Known, Target};
use crate::error::{Code, GatewayError};
use crate::pipeline::gateway::Worker;

/// Longest time that a call waits for the card that says where it goes.
const FIRST_CARD_WAIT: Duration = Duration::from_secs(2);

/// A card as the agent gave it, decoded.
#[derive(Debug)]
pub(super) struct Source {
    body: Bytes,
}

impl Weigh for Source {
    fn bytes(&self) -> usize {
        self.body.len()
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

/// Where an agent's server takes calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Interface {
    /// Path and query that its card names.
    At(PathAndQuery),
    /// Its card names interfaces, and none of this binding.
    NotOffered,
    /// No card could be read, or it names nothing on this server.
    Unknown,
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

/// The card to be served from: that of the one server, or of the servers for both generations, merged.
pub(super) async fn card(
    worker: &Worker,
    agent: &Arc<Agent>,
    version: Option<Version>,
) -> Result<Bytes, Failure> {
    let older = agent.target_index(A2aVersion { major: 0, minor: 3 });
    let newer = agent.target_index(A2aVersion { major: 1, minor: 0 });
    let (Some(older), Some(newer)) = (older, newer) else {
        return one(worker, agent, older.or(newer).unwrap_or(0), version).await;
    };
    if older == newer {
        return one(worker, agent, older, version).await;
    }
    let fetched =
        tokio::join!(one(worker, agent, older, None), one(worker, agent, newer, Some(Version::V1_0)));
    match fetched {
        (Ok(older), Ok(newer)) => {
            a2a_card::merge(&older, &newer).map(Bytes::from).map_err(|error| Failure::new(&error))
        }
        // Half an agent is better than none; the rest is back with the next fetch.
        (Ok(only), Err(failure)) | (Err(failure), Ok(only)) => {
            tracing::warn!(
                agent = agent.name.as_str(),
                reason = &*failure.internal,
                "one of two cards is missing"
            );
            Ok(only)
        }
        (Err(failure), Err(_)) => Err(failure),
    }
}

async fn one(
    worker: &Worker,
    agent: &Arc<Agent>,
    target: usize,
    version: Option<Version>,
) -> Result<Bytes, Failure> {
    let key = SourceKey { agent: agent.name.shared(), revision: agent.revision, target, version };
    // Boxed: it is kilobytes, and calls that need no card hold room for it too.
    let fetch = Box::pin(load(worker.clone(), Arc::clone(agent), target, version));
    worker.gateway.cards.sources.get(&key, fetch).await.map(|source| source.body.clone())
}

async fn load(
    worker: Worker,
    agent: Arc<Agent>,
    target: usize,
    version: Option<Version>,
) -> Result<Source, Failure> {
    let Some(target) = agent.targets.get(target) else {
        let error = GatewayError::new(Code::UpstreamUnavailable);
        return Err(Failure::new(&error.internal("no upstream of the agent selects this data plane")));
    };
    let body = fetch::card(&worker, &agent, target, version).await.map_err(|error| Failure::new(&error))?;
    let own = a2a_card::Target::parse(&target.upstream.url.text);
    match own.map(|own| interfaces(&body, &own)).transpose() {
        Ok(found) => learn(target, &found.unwrap_or_default()),
        Err(error) => tracing::debug!(%error, agent = agent.name.as_str(), "a card names no interfaces"),
    }
    Ok(Source { body })
}

/// Remembers where the server takes calls.
fn learn(target: &Target, found: &[a2a_card::Interface]) {
    let path = |interface: &a2a_card::Interface| {
        let path = interface.path_and_query.parse().ok()?;
        Some(InterfacePath { binding: interface.binding, version: interface.version, path })
    };
    let paths = found.iter().filter_map(path).collect();
    target.interfaces.store(Some(Arc::new(InterfacePaths::new(paths, clock::now()))));
}

/// Where the server takes calls of this binding and version. Asks for its card the first time, which calls wait for a
/// little, and again in the background when what is known has become old.
pub(super) async fn interface(
    worker: &Worker,
    agent: &Arc<Agent>,
    target: &Arc<Target>,
    binding: Binding,
    version: Version,
) -> Interface {
    let known = target.interfaces.load_full();
    let Some(known) = known else {
        // A task of its own: what it learns is worth having also when this call has stopped waiting.
        let asking = spawn_ask(worker, agent, target);
        if tokio::time::timeout(FIRST_CARD_WAIT, asking).await.is_err() {
            assume_target_url(target);
        }
        let known = target.interfaces.load();
        return known.as_ref().map_or(Interface::Unknown, |known| known.find(binding, version).into());
    };
    if known.is_old(clock::now()) {
        // Young again at once, so that one caller asks and not all.
        target.interfaces.store(Some(Arc::new(known.renewed(clock::now()))));
        spawn_ask(worker, agent, target);
    }
    known.find(binding, version).into()
}

impl From<Known<'_>> for Interface {
    fn from(known: Known<'_>) -> Self {
        match known {
            Known::At(path) => Self::At(path.clone()),
            Known::NotOffered => Self::NotOffered,
            Known::Nothing => Self::Unknown,
        }
    }
}

fn spawn_ask(worker: &Worker, agent: &Arc<Agent>, target: &Arc<Target>) -> JoinHandle<()> {
    let (worker, agent, target) = (worker.clone(), Arc::clone(agent), Arc::clone(target));
    tokio::spawn(async move { ask(&worker, &agent, &target).await })
}

async fn ask(worker: &Worker, agent: &Arc<Agent>, target: &Target) {
    let Some(index) = agent.targets.iter().position(|other| other.upstream == target.upstream) else {
        return;
    };
    let version = target.upstream.versions.iter().max().map(|v| Version { major: v.major, minor: v.minor });
    // A card that cannot be read teaches nothing either.
    let _ = one(worker, agent, index, version).await;
    assume_target_url(target);
}

/// Without a card the target URL itself takes the calls, until the next look.
fn assume_target_url(target: &Target) {
    let nothing = Arc::new(InterfacePaths::new(Vec::new(), clock::now()));
    // Only where nothing is known: a card may just have come.
    target.interfaces.compare_and_swap(&None::<Arc<InterfacePaths>>, Some(nothing));
}
