//! An event stream on its way through: what ends it, what is learned from it, and how its errors look.

use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::CONTENT_ENCODING;
use http::response::Parts;
use http_body::Frame;

use super::answer;
use super::enter::{self, Routed};
use super::exchange::Exchange;
use super::gateway::Worker;
use super::response::Body;
use crate::a2a::Binding;
use crate::clock;
use crate::config::{self, Agent, Lease};
use crate::error::{Code, GatewayError};
use crate::http::respond::stream_event;
use crate::limit::StreamGuard;
use crate::stream::open::{EndReason, EndSignal};
use crate::stream::relay::{HELD_BYTES_MAX, Relay, RelaySettings, StreamObserver, StreamSummary};
use crate::telemetry::OpenStream;
use crate::upstream::body::ResponseBody;

/// What an event stream holds on to for as long as it lasts.
#[derive(Debug)]
pub(super) struct StreamParts {
    pub(super) settings: RelaySettings,
    pub(super) lease: Lease,
    pub(super) drain: EndSignal,
    pub(super) guard: StreamGuard,
    pub(super) open: OpenStream,
    pub(super) agent: Arc<Agent>,
}

/// Puts a stream on the books, unless what admitted it is gone meanwhile.
///
/// # Errors
/// Why it may not start.
pub(super) fn prepare(
    worker: &Worker,
    exchange: &mut Exchange,
    routed: &Routed,
    guard: Option<StreamGuard>,
    parts: &Parts,
) -> Result<StreamParts, GatewayError> {
    let gateway = &worker.gateway;
    let agent = &routed.agent;
    let plan = enter::plan(exchange)?;
    let guard = match guard {
        Some(guard) => guard,
        // The agent streams what was not asked to be a stream.
        None => enter::open_stream(exchange, routed)?,
    };
    let lease = gateway
        .config
        .lease(agent, &plan, &exchange.principal)
        .map_err(|reason| GatewayError::new(code_of(end_reason(reason))))?;
    let is_encoded = parts
        .headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"));
    let limits = &agent.spec.limits;
    let settings = RelaySettings {
        heartbeat_interval: agent.spec.heartbeat_interval,
        idle_timeout: limits.stream_idle_timeout,
        max_duration: limits.stream_max_duration,
        held_bytes_max: HELD_BYTES_MAX,
        is_encoded,
    };
    // A stream may last for days: it must not keep tables alive that have been replaced, nor the buffer of its request.
    exchange.principal = exchange.principal.alone();
    exchange.copy_head();
    exchange.events = Some(0);
    let open = agent.metrics.open_stream();
    let drain = gateway.streams.open(());
    if gateway.is_ending() {
        return Err(Code::Draining.into());
    }
    Ok(StreamParts { settings, lease, drain, guard, open, agent: Arc::clone(agent) })
}

/// The body of a relayed stream.
pub(super) fn body(upstream: ResponseBody, stream: StreamParts, exchange: Exchange) -> Body {
    let StreamParts { settings, lease, drain, guard, open, agent } = stream;
    let observer = Observer { exchange, lease, agent, _guard: guard, _open: open };
    Body::stream(Relay::new(upstream, observer, settings, drain))
}

/// Watches over one stream for its exchange.
#[derive(Debug)]
pub(super) struct Observer {
    exchange: Exchange,
    lease: Lease,
    agent: Arc<Agent>,
    _guard: StreamGuard,
    _open: OpenStream,
}

impl StreamObserver for Observer {
    fn event(&mut self, data: &[u8]) {
        self.agent.metrics.events(1);
        if self.exchange.first_byte.is_none() {
            self.exchange.first_byte = Some(clock::now());
        }
        let exchange = &mut self.exchange;
        let binding = exchange.binding.unwrap_or(Binding::JsonRpc);
        let Some(outcome) = answer::outcome(binding, data) else { return };
        exchange.event_said(&outcome);
    }

    fn heartbeat(&mut self) {
        self.agent.metrics.heartbeat();
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Option<EndReason> {
        match self.lease.poll_ended(cx) {
            Poll::Ready(reason) => Some(end_reason(reason)),
            Poll::Pending => None,
        }
    }

    fn ending(&mut self, reason: EndReason) -> Frame<Bytes> {
        let error = GatewayError::new(code_of(reason));
        self.exchange.failed(&error);
        Frame::data(stream_event(&error, self.exchange.caller()))
    }

    fn upstream_failed(&mut self, error: &(dyn Error + 'static)) {
        tracing::debug!(error, agent = self.agent.name.as_str(), "an event stream broke off");
    }

    fn finished(&mut self, summary: &StreamSummary) {
        let exchange = &mut self.exchange;
        exchange.events = Some(summary.events);
        exchange.heartbeats = summary.heartbeats;
        exchange.relayed(summary);
    }
}

/// Why a lease ended, as streams say it.
pub(super) fn end_reason(reason: config::EndReason) -> EndReason {
    match reason {
        config::EndReason::AgentStopped | config::EndReason::AgentRemoved => EndReason::AgentStopped,
        config::EndReason::PlanClosed => EndReason::PlanClosed,
        config::EndReason::Revoked => EndReason::Revoked,
        config::EndReason::Expired => EndReason::Expired,
    }
}

/// What a caller reads of that reason.
pub(super) fn code_of(reason: EndReason) -> Code {
    match reason {
        EndReason::Revoked | EndReason::Expired => Code::CredentialRevoked,
        EndReason::PlanClosed => Code::PlanClosed,
        EndReason::AgentStopped => Code::AgentStopped,
        EndReason::Draining => Code::StreamDraining,
        EndReason::MaxDuration => Code::StreamMaxDuration,
        EndReason::UpstreamIdle => Code::StreamIdle,
        EndReason::UpstreamLost => Code::StreamLost,
        EndReason::Deadline => Code::DeadlineExceeded,
    }
}
