//! Every metric of the data plane.

use opentelemetry_semantic_conventions::{
    attribute::ERROR_TYPE,
    metric::{HTTP_CLIENT_REQUEST_DURATION, HTTP_SERVER_REQUEST_DURATION},
};
use signalbox_proto::telemetry::{Desc, Kind, Label};

const ORGANIZATION: Label = Label { attribute: "signalbox.organization", prometheus: "organization" };
const AGENT: Label = Label { attribute: "signalbox.agent", prometheus: "agent" };
const PLAN: Label = Label { attribute: "signalbox.plan", prometheus: "plan" };
const OPERATION: Label = Label { attribute: "a2a.operation", prometheus: "operation" };
const OUTCOME: Label = Label { attribute: "signalbox.outcome", prometheus: "outcome" };
const ERROR_KIND: Label = Label { attribute: ERROR_TYPE, prometheus: "kind" };
const REASON: Label = Label { attribute: "signalbox.reason", prometheus: "reason" };
const LANE: Label = Label { attribute: "signalbox.lane", prometheus: "lane" };
const RESULT: Label = Label { attribute: "signalbox.result", prometheus: "result" };
const SIGNAL: Label = Label { attribute: "signalbox.signal", prometheus: "signal" };

macro_rules! table {
    ($($constant:ident = $kind:ident ($name:expr) in $unit:literal by [$($label:ident),*]: $help:literal;)*) => {
        $(pub(super) static $constant: Desc =
            Desc { name: $name, unit: $unit, kind: Kind::$kind, help: $help, labels: &[$($label),*] };)*

        /// The whole table, in the order in which it is shown.
        #[cfg(test)]
        pub(in crate::telemetry) static TABLE: &[&Desc] = &[$(&$constant),*];
    };
}

table! {
    REQUESTS = Counter ("signalbox.requests") in "{request}" by [ORGANIZATION, AGENT, OPERATION, OUTCOME]:
        "Requests that ended, by how they went.";
    REQUEST_DURATION = Histogram (HTTP_SERVER_REQUEST_DURATION) in "s" by [ORGANIZATION, AGENT, OPERATION]:
        "Time from a request's head to the end of its answer; a stream counts when it ends.";
    UPSTREAM_DURATION = Histogram (HTTP_CLIENT_REQUEST_DURATION) in "s" by [ORGANIZATION, AGENT]:
        "Time from sending a request to the head of the agent's answer.";
    REQUEST_BYTES = Counter ("signalbox.request.size") in "By" by [ORGANIZATION, AGENT]:
        "Bytes of request bodies.";
    RESPONSE_BYTES = Counter ("signalbox.response.size") in "By" by [ORGANIZATION, AGENT]:
        "Bytes of answer bodies.";
    STREAMS_OPEN = UpDown ("signalbox.streams.open") in "{stream}" by [ORGANIZATION, AGENT]:
        "Event streams open now.";
    EVENTS = Counter ("signalbox.stream.events") in "{event}" by [ORGANIZATION, AGENT]:
        "Events relayed to callers.";
    HEARTBEATS = Counter ("signalbox.stream.heartbeats") in "{heartbeat}" by [ORGANIZATION, AGENT]:
        "Heartbeats sent between events.";
    UPSTREAM_ERRORS = Counter ("signalbox.upstream.errors") in "{error}" by [ORGANIZATION, AGENT, ERROR_KIND]:
        "Failures to get an answer from an agent.";
    AUTH_REFUSALS = Counter ("signalbox.auth.refusals") in "{request}" by [ORGANIZATION, AGENT, REASON]:
        "Requests refused because of who asked.";
    CARD_FETCHES = Counter ("signalbox.card.fetches") in "{fetch}" by [ORGANIZATION, AGENT, RESULT]:
        "Times that an agent's server was asked for its card: fetched, renewed (it had not changed), or failed.";
    LENIENT_MESSAGES = Counter ("signalbox.lenient.messages") in "{message}" by [ORGANIZATION, AGENT]:
        "Messages in a wrong form that were put right, as the agent asks for.";
    RATE_LIMITED = Counter ("signalbox.rate_limited") in "{request}" by [ORGANIZATION, PLAN]:
        "Requests refused by a limit of a plan.";
    CONNECTIONS_OPEN = UpDown ("signalbox.connections.open") in "{connection}" by []:
        "Connections from callers open now.";
    CONNECTIONS = Counter ("signalbox.connections") in "{connection}" by [RESULT]:
        "Connections from callers: accepted, and of those failed before a request, as in the TLS handshake.";
    BUFFERED_BYTES = UpDown ("signalbox.buffered") in "By" by []:
        "Bytes of bodies held in memory now.";
    CONFIG_REVISION = Gauge ("signalbox.config.revision") in "1" by [LANE]:
        "Revision that is enforced.";
    CONFIG_APPLIES = Counter ("signalbox.config.applies") in "{change}" by [LANE, RESULT]:
        "Changes received: applied, or refused with the last good state kept.";
    APPLY_DURATION = Histogram ("signalbox.config.apply.duration") in "s" by [LANE]:
        "Time from a change's last byte to its enforcement.";
    AGENTS = Gauge ("signalbox.agents") in "{agent}" by []:
        "Agents configured.";
    KEYS = Gauge ("signalbox.keys") in "{key}" by []:
        "API keys held.";
    CONNECTED = Gauge ("signalbox.control_plane.connected") in "1" by []:
        "1 while the stream to the control plane is open, else 0.";
    CACHE_FAILURES = Counter ("signalbox.cache.failures") in "{failure}" by []:
        "Failures to write the last good state to disk.";
    LOG_LINES = Counter ("signalbox.access_log.lines") in "{line}" by [RESULT]:
        "Lines of the access log: written, or dropped because the reader did not keep up.";
    EXPORTS = Counter ("signalbox.otlp.records") in "{record}" by [SIGNAL, RESULT]:
        "Spans, log records and metric points sent to the collector: exported or failed.";
}
