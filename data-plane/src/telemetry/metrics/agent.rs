//! What is counted for each agent.

use std::sync::{Arc, OnceLock};

use signalbox_proto::telemetry::{Counter, Family, Gauge, Histogram, HistogramReading, Reading};

use super::{
    kind::{AuthRefusal, CardFetch, OPERATIONS, UpstreamErrorKind, operation_index},
    table,
};
use crate::telemetry::access::{AccessRecord, Outcome};

/// Counters of one agent, kept across config changes by its identity.
///
/// Looked up when a snapshot is built; a request only adds.
#[derive(Debug)]
#[repr(align(128))]
pub struct AgentMetrics {
    pub(super) organization: Arc<str>,
    pub(super) agent: Arc<str>,
    /// Made when an operation first occurs: most agents see few of them.
    operations: [OnceLock<Box<OperationMetrics>>; OPERATIONS.len()],
    upstream_duration: Histogram,
    request_bytes: Counter,
    response_bytes: Counter,
    streams_open: Gauge,
    events: Counter,
    heartbeats: Counter,
    upstream_errors: [Counter; UpstreamErrorKind::ALL.len()],
    auth_refusals: [Counter; AuthRefusal::ALL.len()],
    card_fetches: [Counter; CardFetch::ALL.len()],
    lenient_messages: Counter,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct OperationMetrics {
    outcomes: [Counter; Outcome::ALL.len()],
    duration: Histogram,
}

/// An event stream that is counted as open until this is dropped.
#[derive(Debug)]
pub struct OpenStream(Arc<AgentMetrics>);

impl Drop for OpenStream {
    fn drop(&mut self) {
        self.0.streams_open.decrement();
    }
}

/// The families that agents fill, in the order of the table.
pub(super) struct AgentFamilies<'a> {
    requests: Family<'a>,
    duration: Family<'a>,
    upstream_duration: Family<'a>,
    request_bytes: Family<'a>,
    response_bytes: Family<'a>,
    streams_open: Family<'a>,
    events: Family<'a>,
    heartbeats: Family<'a>,
    upstream_errors: Family<'a>,
    auth_refusals: Family<'a>,
    card_fetches: Family<'a>,
    lenient_messages: Family<'a>,
}

impl<'a> AgentFamilies<'a> {
    pub(super) fn new() -> Self {
        Self {
            requests: Family::new(&table::REQUESTS),
            duration: Family::new(&table::REQUEST_DURATION),
            upstream_duration: Family::new(&table::UPSTREAM_DURATION),
            request_bytes: Family::new(&table::REQUEST_BYTES),
            response_bytes: Family::new(&table::RESPONSE_BYTES),
            streams_open: Family::new(&table::STREAMS_OPEN),
            events: Family::new(&table::EVENTS),
            heartbeats: Family::new(&table::HEARTBEATS),
            upstream_errors: Family::new(&table::UPSTREAM_ERRORS),
            auth_refusals: Family::new(&table::AUTH_REFUSALS),
            card_fetches: Family::new(&table::CARD_FETCHES),
            lenient_messages: Family::new(&table::LENIENT_MESSAGES),
        }
    }

    pub(super) fn into_vec(self) -> Vec<Family<'a>> {
        vec![
            self.requests,
            self.duration,
            self.upstream_duration,
            self.request_bytes,
            self.response_bytes,
            self.streams_open,
            self.events,
            self.heartbeats,
            self.upstream_errors,
            self.auth_refusals,
            self.card_fetches,
            self.lenient_messages,
        ]
    }
}

impl AgentMetrics {
    pub(super) fn new(organization: &str, agent: &str) -> Self {
        Self {
            organization: organization.into(),
            agent: agent.into(),
            operations: std::array::from_fn(|_| OnceLock::new()),
            upstream_duration: Histogram::default(),
            request_bytes: Counter::new(),
            response_bytes: Counter::new(),
            streams_open: Gauge::new(),
            events: Counter::new(),
            heartbeats: Counter::new(),
            upstream_errors: Default::default(),
            auth_refusals: Default::default(),
            card_fetches: Default::default(),
            lenient_messages: Counter::new(),
        }
    }

    /// Counts a request that has ended. Events and heartbeats are counted as they happen, not here.
    pub fn count(&self, record: &AccessRecord<'_>) {
        let operation = self.operation(operation_index(record.operation));
        operation.outcomes[record.outcome as usize].increment();
        operation.duration.record(record.duration);
        if let Some(upstream_time) = record.upstream_time {
            self.upstream_duration.record(upstream_time);
        }
        self.request_bytes.add(record.request_bytes);
        self.response_bytes.add(record.response_bytes);
    }

    /// Counts an event stream as open.
    pub fn open_stream(self: &Arc<Self>) -> OpenStream {
        self.streams_open.increment();
        OpenStream(Arc::clone(self))
    }

    /// Event streams open now.
    pub fn streams_open(&self) -> i64 {
        self.streams_open.get()
    }

    /// Counts events relayed.
    pub fn events(&self, count: u64) {
        self.events.add(count);
    }

    /// Counts a heartbeat.
    pub fn heartbeat(&self) {
        self.heartbeats.increment();
    }

    /// Counts a failure to get an answer from the agent.
    pub fn upstream_error(&self, kind: UpstreamErrorKind) {
        self.upstream_errors[kind as usize].increment();
    }

    /// Counts a refusal because of who asked.
    pub fn auth_refusal(&self, reason: AuthRefusal) {
        self.auth_refusals[reason as usize].increment();
    }

    /// Counts a question for the agent's card.
    pub fn card_fetch(&self, result: CardFetch) {
        self.card_fetches[result as usize].increment();
    }

    /// Counts a message that was put right.
    pub fn lenient_message(&self) {
        self.lenient_messages.increment();
    }

    fn operation(&self, index: usize) -> &OperationMetrics {
        self.operations[index].get_or_init(Box::default)
    }

    /// Adds everything that `gone` has counted, but for what is open now.
    pub(super) fn absorb(&self, gone: &Self) {
        for (index, theirs) in gone.operations.iter().enumerate() {
            let Some(theirs) = theirs.get() else { continue };
            let mine = self.operation(index);
            add_all(&mine.outcomes, &theirs.outcomes);
            mine.duration.absorb(&theirs.duration);
        }
        self.upstream_duration.absorb(&gone.upstream_duration);
        self.request_bytes.add(gone.request_bytes.get());
        self.response_bytes.add(gone.response_bytes.get());
        self.events.add(gone.events.get());
        self.heartbeats.add(gone.heartbeats.get());
        add_all(&self.upstream_errors, &gone.upstream_errors);
        add_all(&self.auth_refusals, &gone.auth_refusals);
        add_all(&self.card_fetches, &gone.card_fetches);
        self.lenient_messages.add(gone.lenient_messages.get());
    }

    pub(super) fn read<'a>(&'a self, families: &mut AgentFamilies<'a>) {
        let (organization, agent) = (&*self.organization, &*self.agent);
        for (operation, name) in self.operations.iter().zip(OPERATIONS) {
            let Some(operation) = operation.get() else { continue };
            for (outcome, count) in Outcome::ALL.iter().zip(&operation.outcomes) {
                families.requests.push_nonzero(&[organization, agent, name, outcome.as_str()], count.get());
            }
            push_histogram(&mut families.duration, &[organization, agent, name], operation.duration.read());
        }
        let labels = [organization, agent];
        push_histogram(&mut families.upstream_duration, &labels, self.upstream_duration.read());
        families.request_bytes.push_nonzero(&labels, self.request_bytes.get());
        families.response_bytes.push_nonzero(&labels, self.response_bytes.get());
        let open = self.streams_open.get();
        // What belongs to no agent has no streams, as a rule.
        if open != 0 || !organization.is_empty() {
            families.streams_open.push(&labels, Reading::Level(open));
        }
        families.events.push_nonzero(&labels, self.events.get());
        families.heartbeats.push_nonzero(&labels, self.heartbeats.get());
        for (kind, count) in UpstreamErrorKind::ALL.iter().zip(&self.upstream_errors) {
            families.upstream_errors.push_nonzero(&[organization, agent, kind.as_str()], count.get());
        }
        for (reason, count) in AuthRefusal::ALL.iter().zip(&self.auth_refusals) {
            families.auth_refusals.push_nonzero(&[organization, agent, reason.as_str()], count.get());
        }
        for (result, count) in CardFetch::ALL.iter().zip(&self.card_fetches) {
            families.card_fetches.push_nonzero(&[organization, agent, result.as_str()], count.get());
        }
        families.lenient_messages.push_nonzero(&labels, self.lenient_messages.get());
    }
}

fn add_all(mine: &[Counter], theirs: &[Counter]) {
    for (mine, theirs) in mine.iter().zip(theirs) {
        mine.add(theirs.get());
    }
}

pub(super) fn push_histogram<'a>(
    family: &mut Family<'a>,
    labels: &[&'a str],
    reading: Option<HistogramReading>,
) {
    if let Some(reading) = reading {
        family.push(labels, Reading::Histogram(reading));
    }
}
