//! Counters in plain relaxed atomics, read as Prometheus text or sent over OTLP.

mod calls;
mod session;
mod table;

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use calls::Calls;
pub use session::Session;
use session::Sessions;
use signalbox_proto::{
    model::lane::Lane,
    telemetry::{Counter, Desc, ExportCounters, Family, Gauge, Histogram, Reading, render},
};
#[cfg(test)]
pub(super) use table::TABLE;

/// All counters of a control plane.
#[derive(Debug, Default)]
pub struct Metrics {
    calls: Calls,
    commits: [Counter; CommitResult::ALL.len()],
    commit_duration: Histogram,
    lanes: [LaneCounters; 2],
    sessions: Sessions,
    streams_refused: [Counter; StreamRefusal::ALL.len()],
    /// Records sent to the collector.
    pub exports: Arc<ExportCounters>,
}

/// What became of a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CommitResult {
    /// It has a revision.
    Committed,
    /// It was not valid.
    Invalid,
    /// Something else was changed meanwhile.
    Conflict,
    /// The store failed.
    Failed,
}

impl CommitResult {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Committed, "committed"),
        (Self::Invalid, "invalid"),
        (Self::Conflict, "conflict"),
        (Self::Failed, "failed"),
    ];
}

/// Why a data plane's stream was refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamRefusal {
    /// No token, or one that nobody knows.
    Unauthenticated,
    /// The token is for another data plane or region.
    Forbidden,
    /// What was said made no sense.
    Protocol,
    /// Too many were open.
    Exhausted,
}

impl StreamRefusal {
    const ALL: [(Self, &'static str); 4] = [
        (Self::Unauthenticated, "unauthenticated"),
        (Self::Forbidden, "forbidden"),
        (Self::Protocol, "protocol"),
        (Self::Exhausted, "exhausted"),
    ];
}

#[derive(Debug, Default)]
struct LaneCounters {
    revision: Gauge,
    deltas: Counter,
    full: Counter,
    bytes: Counter,
    nacks: Counter,
    publish: Histogram,
}

impl Metrics {
    /// Counts a call that ended. `code` is gRPC's name of its status; a stream has no duration.
    pub fn call(&self, method: &str, code: &'static str, duration: Option<Duration>) {
        self.calls.count(method, code, duration);
    }

    /// Counts a change by what became of it, with the time that took.
    pub fn commit(&self, result: CommitResult, duration: Duration) {
        self.commits[result as usize].increment();
        if result == CommitResult::Committed {
            self.commit_duration.record(duration);
        }
    }

    /// The newest revision of a lane.
    pub fn head(&self, lane: Lane, revision: u64) {
        self.lane(lane).revision.set(revision);
    }

    /// Counts a data plane's stream as open.
    pub fn session(self: &Arc<Self>) -> Session {
        self.sessions.open(self)
    }

    /// Counts a data plane's stream that was refused.
    pub fn stream_refused(&self, reason: StreamRefusal) {
        self.streams_refused[reason as usize].increment();
    }

    /// Appends all metrics as Prometheus text.
    pub fn render(&self, out: &mut String) {
        self.read(|families| render(families, out));
    }

    /// Shows all metrics, in the order of the table.
    pub(super) fn read<R>(&self, show: impl FnOnce(&[Family<'_>]) -> R) -> R {
        let mut readings = self.calls.read();
        let (mut calls, mut call_duration) = (Family::new(&table::CALLS), Family::new(&table::CALL_DURATION));
        readings.fill(&mut calls, &mut call_duration);
        let mut commit_duration = Family::new(&table::COMMIT_DURATION);
        push_histogram(&mut commit_duration, &[], &self.commit_duration);
        let mut streams = Family::new(&table::STREAMS);
        streams.push(&[], Reading::Level(self.sessions.count().try_into().unwrap_or(i64::MAX)));
        let commits = CommitResult::ALL.iter().map(|(_, name)| *name);
        let refusals = StreamRefusal::ALL.iter().map(|(_, name)| *name);
        let mut lanes = self.read_lanes();
        let mut families = vec![
            calls,
            call_duration,
            counts(&table::COMMITS, &self.commits, commits),
            commit_duration,
            lanes.remove(0),
            streams,
            counts(&table::STREAMS_REFUSED, &self.streams_refused, refusals),
        ];
        families.extend(lanes);
        families.push(self.exports.read(&table::EXPORTS));
        show(&families)
    }

    fn read_lanes(&self) -> Vec<Family<'static>> {
        let (mut revision, mut deltas) = (Family::new(&table::REVISION), Family::new(&table::DELTAS));
        let (mut bytes, mut nacks) = (Family::new(&table::DELTA_BYTES), Family::new(&table::NACKS));
        let (mut publish, mut lag) = (Family::new(&table::PUBLISH_DURATION), Family::new(&table::LAG));
        for lane in Lane::ALL {
            let (name, counters) = (lane.as_str(), self.lane(lane));
            let head = counters.revision.get();
            revision.push(&[name], Reading::Level(head));
            deltas.push(&[name, "changes"], Reading::Count(counters.deltas.get()));
            deltas.push(&[name, "full"], Reading::Count(counters.full.get()));
            bytes.push(&[name], Reading::Count(counters.bytes.get()));
            nacks.push(&[name], Reading::Count(counters.nacks.get()));
            push_histogram(&mut publish, &[name], &counters.publish);
            if let Some(slowest) = self.sessions.slowest(lane) {
                let behind = head.saturating_sub_unsigned(slowest).max(0);
                lag.push(&[name], Reading::Level(behind));
            }
        }
        vec![revision, deltas, bytes, nacks, publish, lag]
    }

    fn lane(&self, lane: Lane) -> &LaneCounters {
        &self.lanes[lane as usize]
    }
}

fn push_histogram(family: &mut Family<'static>, labels: &[&'static str], histogram: &Histogram) {
    if let Some(reading) = histogram.read() {
        family.push(labels, Reading::Histogram(reading));
    }
}

fn counts(
    desc: &'static Desc,
    counters: &[Counter],
    values: impl Iterator<Item = &'static str>,
) -> Family<'static> {
    let mut family = Family::new(desc);
    for (counter, value) in counters.iter().zip(values) {
        family.push(&[value], Reading::Count(counter.get()));
    }
    family
}
