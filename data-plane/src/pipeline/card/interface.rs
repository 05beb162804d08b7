//! Where an agent's server takes calls, as its card says.

use std::sync::Arc;
use std::time::Duration;

use http::uri::PathAndQuery;
use tokio::task::JoinHandle;

use super::source::{Wanted, is_asked, one};
use crate::a2a::card::{self as a2a_card, interfaces};
use crate::a2a::{Binding, Version};
use crate::clock;
use crate::config::{Agent, InterfacePath, InterfacePaths, Known, Target};
use crate::pipeline::gateway::Worker;

/// Longest time that a call waits for the card that says where it goes.
const FIRST_CARD_WAIT: Duration = Duration::from_secs(2);

/// Where an agent's server takes calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::pipeline) enum Interface {
    /// Path and query that its card names.
    At(PathAndQuery),
    /// Its card names interfaces, and none of this binding.
    NotOffered,
    /// No card could be read, or it names nothing on this server: the target URL itself takes the calls.
    Unknown,
}

/// Where the server takes calls of this binding and version. Asks for its card the first time, which calls wait for a
/// little, and again in the background when what is known has become old.
pub(super) async fn find(
    worker: &Worker,
    agent: &Arc<Agent>,
    target: &Arc<Target>,
    binding: Binding,
    version: Version,
) -> Interface {
    let known = target.interfaces.load_full();
    let Some(known) = known else {
        first(worker, agent, target).await;
        let known = target.interfaces.load();
        return known
            .as_ref()
            .map_or(Interface::Unknown, |known| judge(target, binding, known.find(binding, version)));
    };
    if known.is_old(clock::now()) {
        // Young again at once, so that one caller asks and not all.
        target.interfaces.store(Some(Arc::new(known.renewed(clock::now()))));
        if agent.spec.card.static_card.is_none() && is_asked(target) {
            spawn_ask(worker, agent, target);
        }
    }
    judge(target, binding, known.find(binding, version))
}

/// What the configuration says of a binding counts more than a card that leaves it out.
fn judge(target: &Target, binding: Binding, known: Known<'_>) -> Interface {
    match known {
        Known::At(path) => Interface::At(path.clone()),
        Known::NotOffered if target.is_told(binding) => Interface::Unknown,
        Known::NotOffered => Interface::NotOffered,
        Known::Nothing => Interface::Unknown,
    }
}

/// Learns of the server for the first time.
async fn first(worker: &Worker, agent: &Arc<Agent>, target: &Arc<Target>) {
    if let Some(card) = &agent.spec.card.static_card {
        learn(agent, target, card.as_bytes());
    } else if is_asked(target) {
        // A task of its own: what it learns is worth having also when this call has stopped waiting.
        let asking = spawn_ask(worker, agent, target);
        if tokio::time::timeout(FIRST_CARD_WAIT, asking).await.is_ok() {
            return;
        }
    }
    assume_target_url(target);
}

/// Remembers where the server takes calls.
pub(super) fn learn(agent: &Agent, target: &Target, card: &[u8]) {
    let own = a2a_card::Target::parse(&target.upstream.url.text);
    let found = match own.map(|own| interfaces(card, &own)).transpose() {
        Ok(found) => found.unwrap_or_default(),
        Err(error) => {
            tracing::debug!(%error, agent = agent.name.as_str(), "a card names no interfaces");
            return;
        }
    };
    let path = |interface: &a2a_card::Interface| {
        let path = interface.path_and_query.parse().ok()?;
        Some(InterfacePath { binding: interface.binding, version: interface.version, path })
    };
    let paths = found.iter().filter_map(path).collect();
    target.interfaces.store(Some(Arc::new(InterfacePaths::new(paths, clock::now()))));
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
    let _ = one(worker, agent, index, version, Wanted::Soon).await;
    assume_target_url(target);
}

/// Without a card the target URL itself takes the calls, until the next look.
fn assume_target_url(target: &Target) {
    let nothing = Arc::new(InterfacePaths::new(Vec::new(), clock::now()));
    // Only where nothing is known: a card may just have come.
    target.interfaces.compare_and_swap(&None::<Arc<InterfacePaths>>, Some(nothing));
}
