//! Sends the metrics, at intervals and once more at the end.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use opentelemetry_proto::tonic::collector::metrics::v1::{
    ExportMetricsServiceRequest, metrics_service_client::MetricsServiceClient,
};
use signalbox_proto::telemetry::{Outcomes, Scope, export_request};
use tokio::time::{Instant, MissedTickBehavior, interval_at};
use tokio_util::sync::CancellationToken;
use tonic::{Request, transport::Channel};

use super::Collector;
use crate::telemetry::metrics::Metrics;

/// The task that sends metrics.
pub(in crate::telemetry) struct Push {
    client: MetricsServiceClient<Channel>,
    collector: Collector,
    metrics: Arc<Metrics>,
    resource: Vec<(String, String)>,
    started: SystemTime,
    outcomes: Outcomes,
}

impl Push {
    pub(in crate::telemetry) fn new(
        collector: &Collector,
        metrics: &Arc<Metrics>,
        resource: Vec<(String, String)>,
        now: SystemTime,
    ) -> Self {
        Self {
            client: MetricsServiceClient::new(collector.channel.clone()),
            collector: collector.clone(),
            metrics: Arc::clone(metrics),
            resource,
            started: now,
            outcomes: Outcomes::new(&metrics.process.exports, "metrics", |counters| &counters.metrics),
        }
    }

    /// Runs until `stop`, then sends a last time.
    pub(in crate::telemetry) async fn run(mut self, every: Duration, stop: CancellationToken) {
        let mut ticks = interval_at(Instant::now() + every, every);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        while stop.run_until_cancelled(ticks.tick()).await.is_some() {
            self.send().await;
        }
        self.send().await;
    }

    async fn send(&mut self) {
        let (message, points) = self.message();
        let mut request = Request::new(message);
        *request.metadata_mut() = self.collector.metadata.clone();
        request.set_timeout(self.collector.timeout);
        let result = self.client.export(request).await;
        let problem = result.err().map(|status| status.code().to_string());
        self.outcomes.count(points, problem.as_deref());
    }

    fn message(&self) -> (ExportMetricsServiceRequest, u64) {
        let now = crate::clock::system_now();
        let scope =
            Scope { resource: &self.resource, name: crate::telemetry::SCOPE, started: self.started, now };
        self.metrics.read(|families| {
            let points = families.iter().map(|family| family.samples.len() as u64).sum();
            (export_request(families, scope), points)
        })
    }
}
