//! A gRPC answer on its way through: what ends it, what is learned from it, and how its errors look.

use std::error::Error;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::HeaderMap;
use http_body::Frame;

use crate::a2a::protobuf::{Method, response};
use crate::clock::{self, Instant};
use crate::config::{Agent, Lease};
use crate::error::GatewayError;
use crate::http::grpc;
use crate::http::respond::grpc_trailers;
use crate::limit::StreamGuard;
use crate::pipeline::enter::Routed;
use crate::pipeline::exchange::Exchange;
use crate::pipeline::relay::{StreamParts, code_of, end_reason};
use crate::pipeline::response::Body;
use crate::stream::grpc::relay::{MessageRelay, MessageRelaySettings};
use crate::stream::open::{EndReason, EndSignal};
use crate::stream::relay::{HELD_BYTES_MAX, StreamObserver, StreamSummary};
use crate::telemetry::{OpenStream, Outcome};
use crate::upstream::body::ResponseBody;

/// What a relayed answer holds on to for as long as it lasts.
#[derive(Debug)]
pub(in crate::pipeline) struct MessageParts {
    settings: MessageRelaySettings,
    end: EndSignal,
    method: Method<'static>,
    agent: Arc<Agent>,
    /// What has been read of the answer.
    start: Bytes,
    /// What only a stream has.
    stream: Option<Held>,
}

/// What a stream holds that is given back with its end.
#[derive(Debug)]
struct Held {
    lease: Lease,
    _guard: StreamGuard,
    _open: OpenStream,
}

impl MessageParts {
    /// A stream that has been put on the books.
    pub(in crate::pipeline) fn stream(
        stream: StreamParts,
        method: Method<'_>,
        deadline: Option<Instant>,
    ) -> Self {
        let StreamParts { settings, lease, drain, guard, open, agent } = stream;
        let settings = MessageRelaySettings {
            idle_timeout: settings.idle_timeout,
            max_duration: settings.max_duration,
            deadline,
            held_bytes_max: settings.held_bytes_max,
        };
        let held = Held { lease, _guard: guard, _open: open };
        Self {
            settings,
            end: drain,
            method: nameless(method),
            agent,
            start: Bytes::new(),
            stream: Some(held),
        }
    }

    /// The answer of a unary call, which is too large to be held; `start` is what has been read of it.
    pub(in crate::pipeline) fn unary(
        start: Bytes,
        method: Method<'_>,
        deadline: Option<Instant>,
        routed: &Routed,
    ) -> Self {
        let agent = Arc::clone(&routed.agent);
        let settings = MessageRelaySettings {
            idle_timeout: agent.spec.limits.unary_timeout,
            max_duration: None,
            deadline,
            held_bytes_max: HELD_BYTES_MAX,
        };
        Self { settings, end: EndSignal::never(), method: nameless(method), agent, start, stream: None }
    }
}

/// The name is not needed to read messages, and would have to be kept.
fn nameless(method: Method<'_>) -> Method<'static> {
    Method { package: method.package, operation: method.operation, name: "" }
}

/// The body of a relayed answer.
pub(in crate::pipeline) fn body(upstream: ResponseBody, parts: MessageParts, exchange: Exchange) -> Body {
    let MessageParts { settings, end, method, agent, start, stream } = parts;
    let observer = MessageObserver { exchange, method, agent, stream };
    Body::messages(MessageRelay::new(start, upstream, observer, settings, end))
}

/// Watches over one answer for its exchange.
#[derive(Debug)]
pub(in crate::pipeline) struct MessageObserver {
    exchange: Exchange,
    method: Method<'static>,
    agent: Arc<Agent>,
    stream: Option<Held>,
}

impl StreamObserver for MessageObserver {
    fn event(&mut self, data: &[u8]) {
        let exchange = &mut self.exchange;
        if self.stream.is_some() {
            self.agent.metrics.events(1);
        }
        if exchange.first_byte.is_none() {
            exchange.first_byte = Some(clock::now());
        }
        let Some(outcome) = response::read(self.method, data) else { return };
        exchange.event_said(&outcome);
    }

    fn trailers(&mut self, trailers: &HeaderMap) {
        if let Some(status) = grpc::status(trailers).filter(|status| *status != 0) {
            self.exchange.rpc_error = Some(status.into());
            self.exchange.outcome = Outcome::AgentError;
        }
    }

    fn poll_end(&mut self, cx: &mut Context<'_>) -> Option<EndReason> {
        match self.stream.as_mut()?.lease.poll_ended(cx) {
            Poll::Ready(reason) => Some(end_reason(reason)),
            Poll::Pending => None,
        }
    }

    fn ending(&mut self, reason: EndReason) -> Frame<Bytes> {
        let error = GatewayError::new(code_of(reason));
        self.exchange.failed(&error);
        Frame::trailers(grpc_trailers(&error))
    }

    fn upstream_failed(&mut self, error: &(dyn Error + 'static)) {
        tracing::debug!(error, agent = self.agent.name.as_str(), "a gRPC answer broke off");
    }

    fn finished(&mut self, summary: &StreamSummary) {
        let exchange = &mut self.exchange;
        if self.stream.is_some() {
            exchange.events = Some(summary.events);
        }
        exchange.relayed(summary);
    }
}
