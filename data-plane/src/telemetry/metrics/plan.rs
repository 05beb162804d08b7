//! What is counted for each plan.

use std::sync::Arc;

use signalbox_proto::telemetry::{Counter, Family};

/// Counters of one plan, kept across config changes by its identity.
#[derive(Debug)]
#[repr(align(128))]
pub struct PlanMetrics {
    pub(super) organization: Arc<str>,
    pub(super) plan: Arc<str>,
    rate_limited: Counter,
}

impl PlanMetrics {
    pub(super) fn new(organization: &str, plan: &str) -> Self {
        Self { organization: organization.into(), plan: plan.into(), rate_limited: Counter::new() }
    }

    /// Counts a refusal by one of the plan's limits.
    pub fn rate_limited(&self) {
        self.rate_limited.increment();
    }

    pub(super) fn absorb(&self, gone: &Self) {
        self.rate_limited.add(gone.rate_limited.get());
    }

    pub(super) fn read<'a>(&'a self, rate_limited: &mut Family<'a>) {
        rate_limited.push_nonzero(&[&self.organization, &self.plan], self.rate_limited.get());
    }
}
