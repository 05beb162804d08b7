//! Every metric of the control plane.

use signalbox_proto::telemetry::{Desc, Kind, Label};

const LANE: Label = Label { attribute: "signalbox.lane", prometheus: "lane" };
const RESULT: Label = Label { attribute: "signalbox.result", prometheus: "result" };
const REASON: Label = Label { attribute: "signalbox.reason", prometheus: "reason" };
const SIGNAL: Label = Label { attribute: "signalbox.signal", prometheus: "signal" };
const METHOD: Label = Label { attribute: "rpc.method", prometheus: "method" };
const CODE: Label = Label { attribute: "rpc.response.status_code", prometheus: "code" };

macro_rules! table {
    ($($constant:ident = $kind:ident $name:literal in $unit:literal by [$($label:ident),*]: $help:literal;)*) => {
        $(pub(super) static $constant: Desc =
            Desc { name: $name, unit: $unit, kind: Kind::$kind, help: $help, labels: &[$($label),*] };)*

        /// The whole table, in the order in which it is shown.
        #[cfg(test)]
        pub(in crate::telemetry) static TABLE: &[&Desc] = &[$(&$constant),*];
    };
}

table! {
    CALLS = Counter "signalbox.api.calls" in "{call}" by [METHOD, CODE]:
        "Calls of the APIs that ended, by gRPC status.";
    CALL_DURATION = Histogram "rpc.server.call.duration" in "s" by [METHOD]:
        "Time that calls took; streams are left out.";
    COMMITS = Counter "signalbox.commits" in "{commit}" by [RESULT]:
        "Changes: committed; refused as invalid or in conflict with another; failed because of the store.";
    COMMIT_DURATION = Histogram "signalbox.commit.duration" in "s" by []:
        "Time from a change's arrival to its commit.";
    REVISION = Gauge "signalbox.revision" in "1" by [LANE]:
        "Newest revision.";
    STREAMS = UpDown "signalbox.discovery.streams" in "{stream}" by []:
        "Data planes connected now.";
    STREAMS_REFUSED = Counter "signalbox.discovery.refused" in "{stream}" by [REASON]:
        "Streams of data planes that were refused.";
    DELTAS = Counter "signalbox.discovery.deltas" in "{delta}" by [LANE, RESULT]:
        "Deltas sent, with what changed or in full.";
    DELTA_BYTES = Counter "signalbox.discovery.sent" in "By" by [LANE]:
        "Bytes of deltas sent.";
    NACKS = Counter "signalbox.discovery.nacks" in "{delta}" by [LANE]:
        "Deltas that a data plane refused.";
    PUBLISH_DURATION = Histogram "signalbox.publish.duration" in "s" by [LANE]:
        "Time from a commit to its enforcement by a data plane, for changes sent on their own.";
    LAG = Gauge "signalbox.discovery.lag" in "{revision}" by [LANE]:
        "Revisions by which the slowest connected data plane is behind.";
    EXPORTS = Counter "signalbox.otlp.records" in "{record}" by [SIGNAL, RESULT]:
        "Spans, log records and metric points sent to the collector: exported or failed.";
}
