//! What every exchange works with.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use super::budget::BufferBudget;
use super::card::Cards;
use crate::clock::{self, Instant};
use crate::config::Handle;
use crate::http::address::TrustedProxies;
use crate::http::forwarded::Outward;
use crate::ownership::Owners;
use crate::stream::open::{EndReason, OpenStreams};
use crate::telemetry::Telemetry;
use crate::upstream::pool::Pool;

/// Settings of the pipeline; defaults are in `docs/limits.md`.
#[derive(Clone, Debug)]
pub struct GatewaySettings {
    /// Proxies whose forwarded headers are believed.
    pub trusted_proxies: TrustedProxies,
    /// Time from a request's head to the last byte of its body.
    pub body_timeout: Duration,
    /// Bytes of request bodies held at once over the process.
    pub max_buffered_bytes: u64,
    /// Folder with the secrets that the configuration names; `None`: there are none.
    pub secrets_dir: Option<PathBuf>,
}

/// What the whole process shares.
#[derive(Debug)]
pub struct Gateway {
    pub(super) config: Handle,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) settings: GatewaySettings,
    pub(super) budget: BufferBudget,
    pub(super) cards: Cards,
    pub(super) owners: Owners,
    pub(super) streams: OpenStreams<()>,
    is_ending: AtomicBool,
    /// Limits count time from here.
    epoch: Instant,
}

impl Gateway {
    /// A gateway over the configuration in `config`.
    #[must_use]
    pub fn new(config: Handle, telemetry: Arc<Telemetry>, settings: GatewaySettings) -> Self {
        let budget = BufferBudget::new(settings.max_buffered_bytes);
        Self {
            config,
            telemetry,
            settings,
            budget,
            cards: Cards::new(),
            owners: Owners::new(),
            streams: OpenStreams::new(),
            is_ending: AtomicBool::new(false),
            epoch: clock::now(),
        }
    }

    /// Ends every open stream with the error that says why, and lets no more begin; returns how many.
    pub fn end_streams(&self, reason: EndReason) -> usize {
        // First the mark: a stream that begins meanwhile sees it or is ended with the others.
        self.is_ending.store(true, Ordering::SeqCst);
        self.streams.end_all(reason)
    }

    /// Whether streams have been ended for good, so that none may begin.
    pub(super) fn is_ending(&self) -> bool {
        self.is_ending.load(Ordering::SeqCst)
    }

    /// Gives up state that has become worthless: rate limits that have recovered, cards that nobody asks for.
    pub fn sweep(&self) {
        self.cards.sweep();
        let now = self.limit_time();
        let runtime = self.config.load_full();
        self.owners.sweep(|agent| runtime.agents.get(agent).is_some());
        for (_, plan) in runtime.plans.iter() {
            plan.limits.sweep(now);
        }
    }

    /// Sets the gauges of what is open and held now.
    pub fn observe(&self, open_connections: u64) {
        let process = &self.telemetry.metrics.process;
        process.connections_open.set(open_connections);
        process.buffered_bytes.set(self.budget.used_bytes());
    }

    /// Time since the epoch that limits count from.
    #[must_use]
    pub fn limit_time(&self) -> Duration {
        clock::now().duration_since(self.epoch)
    }
}

/// What one worker thread has besides: its connections to agents.
#[derive(Clone, Debug)]
pub struct Worker {
    pub(super) gateway: Arc<Gateway>,
    pub(super) pool: Pool,
}

impl Worker {
    /// A worker of `gateway` with its own pool.
    #[must_use]
    pub fn new(gateway: Arc<Gateway>, pool: Pool) -> Self {
        Self { gateway, pool }
    }
}

/// What the pipeline knows of the listener that a request came in on.
#[derive(Clone, Debug, Default)]
pub struct Listener {
    /// Public base URL of the listener: `--public-url`, or its own address on loopback.
    pub(super) public_url: Option<String>,
    /// The same as agents are told it, made once.
    pub(super) outward: Option<Outward>,
}

impl Listener {
    /// A listener with this public base URL.
    #[must_use]
    pub fn new(public_url: Option<String>) -> Self {
        let outward = public_url.as_deref().and_then(Outward::from_public_url);
        Self { public_url, outward }
    }
}
