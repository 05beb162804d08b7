//! Config changes through the control plane's API: how soon a request sees them, and many of them under load.

mod api;
mod churn;
mod latency;

use std::{
    net::SocketAddr,
    path::PathBuf,
    time::{Duration, Instant},
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};
use hdrhistogram::Histogram;

use api::Api;

/// Longest time that is told apart.
const TIME_MAX_US: u64 = 60_000_000;
const SIGNIFICANT_DIGITS: u8 = 3;

/// What to change, how often.
#[derive(Args)]
pub(crate) struct Settings {
    /// URL of the control plane
    #[arg(long)]
    server: String,
    /// File with the certificate of the control plane's own CA
    #[arg(long)]
    ca: PathBuf,
    /// File with an admin token
    #[arg(long)]
    token_file: PathBuf,
    /// What to measure
    #[arg(long, value_enum)]
    measure: Measure,
    /// Changes to make
    #[arg(long, default_value_t = 1000)]
    changes: usize,
    /// Data plane that is asked whether it enforces a change
    #[arg(long)]
    data_plane: SocketAddr,
}

/// What is measured.
#[derive(Clone, Copy, ValueEnum)]
enum Measure {
    /// Time from a change until a request sees it, one change after the other
    Latency,
    /// As many changes of every kind as the control plane takes
    Churn,
}

/// Names that the manifest of the benchmark gives to what is changed here.
mod names {
    /// Parent of everything.
    pub(super) const ORGANIZATION: &str = "organizations/default";
    /// Agent that is stopped and deployed.
    pub(super) const TOGGLED: &str = "organizations/default/agents/toggled";
    /// Path of that agent.
    pub(super) const TOGGLED_PATH: &str = "/a2a/toggled";
    /// Agent whose upstream changes.
    pub(super) const MOVING: &str = "organizations/default/agents/moving";
    /// Plan whose limits change.
    pub(super) const OTHER_PLAN: &str = "organizations/default/plans/other";
    /// Subscription whose keys come and go; its plan opens the toggled agent.
    pub(super) const OTHER_SUBSCRIPTION: &str = "organizations/default/consumers/other/subscriptions/other";
}

/// Makes the changes and prints one line of JSON.
pub(crate) async fn run(settings: &Settings) -> Result<()> {
    let api = Api::connect(&settings.server, &settings.ca, &settings.token_file).await?;
    match settings.measure {
        Measure::Latency => latency::run(api, settings.data_plane, settings.changes).await,
        Measure::Churn => churn::run(api, settings.changes).await,
    }
}

/// Times of one kind of thing.
struct Times(Histogram<u64>);

impl Times {
    fn new() -> Result<Self> {
        Ok(Self(Histogram::new_with_max(TIME_MAX_US, SIGNIFICANT_DIGITS).context("no histogram")?))
    }

    fn add_since(&mut self, start: Instant) {
        self.add(start.elapsed());
    }

    fn add(&mut self, time: Duration) {
        self.0.saturating_record(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }

    fn report(&self) -> serde_json::Value {
        serde_json::json!({
            "count": self.0.len(),
            "p50_us": self.0.value_at_quantile(0.5),
            "p99_us": self.0.value_at_quantile(0.99),
            "max_us": self.0.max(),
        })
    }
}
