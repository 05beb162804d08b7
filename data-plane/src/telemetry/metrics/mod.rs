//! Counters in plain relaxed atomics, read as Prometheus text or sent over OTLP.
//!
//! Whoever builds a snapshot looks up the handles of its agents and plans; a request only adds. Labels come from closed
//! lists and from configured names, never from what a caller sends.

mod agent;
mod kind;
mod plan;
mod process;
mod registry;
mod table;

#[cfg(test)]
mod tests;

use std::sync::Arc;

use agent::AgentFamilies;
pub use agent::{AgentMetrics, OpenStream};
pub use kind::{AuthRefusal, CardFetch, UpstreamErrorKind};
pub use plan::PlanMetrics;
pub use process::{ConnectionCounters, LaneMetrics, ProcessMetrics};
use registry::Registry;
use signalbox_proto::telemetry::{Family, render};
#[cfg(test)]
pub(super) use table::TABLE;

/// Stands for everything that was removed and is folded together; no id can be this.
const GONE: &str = "(removed)";

/// All counters of a data plane.
#[derive(Debug)]
pub struct Metrics {
    /// Counters of the process as a whole.
    pub process: ProcessMetrics,
    agents: Registry<AgentMetrics>,
    plans: Registry<PlanMetrics>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self {
            process: ProcessMetrics::default(),
            agents: Registry::new(
                AgentMetrics::new("", ""),
                AgentMetrics::new("", GONE),
                AgentMetrics::absorb,
            ),
            plans: Registry::new(PlanMetrics::new("", ""), PlanMetrics::new("", GONE), PlanMetrics::absorb),
        }
    }
}

impl Metrics {
    /// The counters of an agent, the same ones for as long as the agent exists. Takes a lock: for building snapshots.
    pub fn agent(&self, organization: &str, agent: &str) -> Arc<AgentMetrics> {
        self.agents.get(organization, agent, || AgentMetrics::new(organization, agent))
    }

    /// The counters of a plan, the same ones for as long as the plan exists. Takes a lock: for building snapshots.
    pub fn plan(&self, organization: &str, plan: &str) -> Arc<PlanMetrics> {
        self.plans.get(organization, plan, || PlanMetrics::new(organization, plan))
    }

    /// The counters of requests that reach no agent.
    pub fn unrouted(&self) -> &Arc<AgentMetrics> {
        &self.agents.unnamed
    }

    /// Event streams open now, over all agents.
    pub fn streams_open(&self) -> u64 {
        let open: i64 = self.agents.all().iter().map(|agent| agent.streams_open()).sum();
        u64::try_from(open).unwrap_or_default()
    }

    /// Folds the counters of agents and plans that are gone. Called once a minute: they live for ten more.
    pub(super) fn sweep(&self) {
        self.agents.sweep();
        self.plans.sweep();
    }

    /// Appends all metrics as Prometheus text.
    pub fn render(&self, out: &mut String) {
        self.read(|families| render(families, out));
    }

    /// Shows all metrics, in the order of the table.
    pub(super) fn read<R>(&self, show: impl FnOnce(&[Family<'_>]) -> R) -> R {
        let (agents, plans) = (self.agents.all(), self.plans.all());
        let mut by_agent = AgentFamilies::new();
        for agent in &agents {
            agent.read(&mut by_agent);
        }
        let mut rate_limited = Family::new(&table::RATE_LIMITED);
        for plan in &plans {
            plan.read(&mut rate_limited);
        }
        let mut families = by_agent.into_vec();
        families.push(rate_limited);
        families.extend(self.process.read());
        show(&families)
    }
}
