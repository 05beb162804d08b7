//! What is counted once for the process.

use std::{sync::Arc, time::Duration};

use signalbox_proto::{
    model::lane::Lane,
    telemetry::{Counter, Desc, ExportCounters, Family, Gauge, Histogram, Reading},
};

use super::{agent::push_histogram, table};
use crate::telemetry::access::AccessCounters;

/// Counters of the process as a whole.
#[derive(Debug, Default)]
pub struct ProcessMetrics {
    /// Requests that ended, for the status sent to the control plane.
    pub requests: Counter,
    /// Connections from callers open now.
    pub connections_open: Gauge,
    /// Connections from callers, by what became of them.
    pub connections: Arc<ConnectionCounters>,
    /// Bytes of bodies held in memory now.
    pub buffered_bytes: Gauge,
    config: LaneMetrics,
    credentials: LaneMetrics,
    /// Agents configured.
    pub agents: Gauge,
    /// API keys held.
    pub keys: Gauge,
    /// 1 while the stream to the control plane is open.
    pub control_plane_connected: Gauge,
    /// Failures to write the last good state to disk.
    pub cache_failures: Counter,
    /// Lines of the access log.
    pub access_log: Arc<AccessCounters>,
    /// Records sent to the collector.
    pub exports: Arc<ExportCounters>,
}

/// Connections from callers, by what became of them.
#[derive(Debug, Default)]
pub struct ConnectionCounters {
    /// Taken from the kernel.
    pub accepted: Counter,
    /// Of those, not served: the TLS handshake failed, or nothing came in time.
    pub failed: Counter,
}

/// Counters of one lane of the config stream.
#[derive(Debug, Default)]
pub struct LaneMetrics {
    revision: Gauge,
    applied: Counter,
    refused: Counter,
    duration: Histogram,
}

impl LaneMetrics {
    /// The change up to `revision` is enforced; it took `duration` from its last byte.
    pub fn applied(&self, revision: u64, duration: Duration) {
        self.revision.set(revision);
        self.applied.increment();
        self.duration.record(duration);
    }

    /// A change was refused; the last good state stays.
    pub fn refused(&self) {
        self.refused.increment();
    }

    /// What was loaded at the start, from a file or the disk.
    pub fn loaded(&self, revision: u64) {
        self.revision.set(revision);
    }
}

impl ProcessMetrics {
    /// The counters of a lane.
    pub fn lane(&self, lane: Lane) -> &LaneMetrics {
        match lane {
            Lane::Config => &self.config,
            Lane::Credentials => &self.credentials,
        }
    }

    /// Reads everything, in the order of the table.
    pub(super) fn read(&self) -> Vec<Family<'_>> {
        let mut families = vec![
            level(&table::CONNECTIONS_OPEN, self.connections_open.get()),
            counts(
                &table::CONNECTIONS,
                [&self.connections.accepted, &self.connections.failed],
                ["accepted", "failed"],
            ),
            level(&table::BUFFERED_BYTES, self.buffered_bytes.get()),
        ];
        families.extend(self.read_lanes());
        families.extend([
            level(&table::AGENTS, self.agents.get()),
            level(&table::KEYS, self.keys.get()),
            level(&table::CONNECTED, self.control_plane_connected.get()),
            counts(&table::CACHE_FAILURES, [&self.cache_failures], []),
            counts(
                &table::LOG_LINES,
                [&self.access_log.written, &self.access_log.dropped],
                ["written", "dropped"],
            ),
            self.exports.read(&table::EXPORTS),
        ]);
        families
    }

    fn read_lanes(&self) -> [Family<'_>; 3] {
        let mut revision = Family::new(&table::CONFIG_REVISION);
        let mut applies = Family::new(&table::CONFIG_APPLIES);
        let mut duration = Family::new(&table::APPLY_DURATION);
        for lane in Lane::ALL {
            let (name, metrics) = (lane.as_str(), self.lane(lane));
            revision.push(&[name], Reading::Level(metrics.revision.get()));
            applies.push(&[name, "applied"], Reading::Count(metrics.applied.get()));
            applies.push(&[name, "refused"], Reading::Count(metrics.refused.get()));
            push_histogram(&mut duration, &[name], metrics.duration.read());
        }
        [revision, applies, duration]
    }
}

fn level(desc: &'static Desc, value: i64) -> Family<'static> {
    let mut family = Family::new(desc);
    family.push(&[], Reading::Level(value));
    family
}

/// Counters of one label, or of none.
fn counts<'a>(
    desc: &'static Desc,
    counters: impl IntoIterator<Item = &'a Counter>,
    values: impl IntoIterator<Item = &'static str>,
) -> Family<'static> {
    let mut family = Family::new(desc);
    let mut values = values.into_iter();
    for counter in counters {
        let labels: Vec<_> = values.next().into_iter().collect();
        family.push(&labels, Reading::Count(counter.get()));
    }
    family
}
