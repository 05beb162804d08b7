//! What becomes of the agent's answer: copied, rewritten, or relayed as an event stream.

use bytes::Bytes;
use http::header::{CONTENT_ENCODING, CONTENT_LENGTH, HeaderMap};
use http::response::Parts;
use http::{Response, StatusCode, Version};
use http_body::Body as _;
use http_body_util::BodyExt as _;

use super::call::ReadCall;
use super::card;
use super::enter::Routed;
use super::exchange::Exchange;
use super::forward::failure;
use super::gateway::{Listener, Worker};
use super::grpc::{self, MessageParts};
use super::relay::{self, StreamParts};
use super::response::Body;
use crate::a2a::response::{self, read_http_json, read_json_rpc};
use crate::a2a::{Binding, Operation, card as a2a_card};
use crate::error::{Code, GatewayError};
use crate::http::answer::keep_origin_private;
use crate::http::body::Collector;
use crate::http::content::{is_event_stream, is_json_answer};
use crate::http::hop::remove_hop_by_hop;
use crate::limit::StreamGuard;
use crate::telemetry::Outcome;
use crate::upstream::body::ResponseBody;

/// Answers up to this size are looked into before their head goes out; larger ones are copied unread.
const MAX_INSPECTED_BYTES: usize = 64 * 1024;

/// What is answered, before it is tied to its exchange.
#[derive(Debug)]
pub(super) struct Answer {
    parts: Parts,
    content: Content,
}

#[derive(Debug)]
pub(super) enum Content {
    /// A whole body in memory.
    Whole(Bytes),
    /// What has been read of a body, and the rest of it.
    Copy(Bytes, ResponseBody),
    /// An event stream.
    Stream(ResponseBody, Box<StreamParts>),
    /// A whole gRPC answer in memory, with its trailers.
    Trailed(Bytes, Box<HeaderMap>),
    /// A gRPC answer that passes message by message.
    Messages(ResponseBody, Box<MessageParts>),
}

impl Answer {
    /// An answer from its parts.
    pub(super) fn new(parts: Parts, content: Content) -> Self {
        Self { parts, content }
    }

    /// An answer of the gateway's own.
    pub(super) fn whole(response: Response<Bytes>) -> Self {
        let (parts, body) = response.into_parts();
        Self { parts, content: Content::Whole(body) }
    }

    /// Ties the answer to its exchange, which is accounted for when the body ends.
    pub(super) fn into_response(self, mut exchange: Exchange) -> Response<Body> {
        let Self { mut parts, content } = self;
        exchange.status = parts.status.as_u16();
        exchange.outcome = judge(parts.status, exchange.rpc_error);
        // The agent's version is its own affair: said by the gateway, 1.0 would end streams by a bare close.
        parts.version = Version::HTTP_11;
        for (name, value) in std::mem::take(&mut exchange.limit_headers) {
            parts.headers.insert(name, value);
        }
        let body = match content {
            Content::Whole(bytes) => Body::whole(bytes, exchange),
            Content::Copy(start, rest) => Body::copy(start, rest, exchange),
            Content::Stream(upstream, stream) => relay::body(upstream, *stream, exchange),
            Content::Trailed(bytes, trailers) => Body::trailed(bytes, trailers, exchange),
            Content::Messages(upstream, messages) => grpc::body(upstream, *messages, exchange),
        };
        Response::from_parts(parts, body)
    }
}

fn judge(status: StatusCode, rpc_error: Option<i64>) -> Outcome {
    if rpc_error.is_some() || status.as_u16() >= 400 { Outcome::AgentError } else { Outcome::Success }
}

/// Takes the agent's answer apart and decides how it goes on.
///
/// # Errors
/// `InvalidAgentResponse` for what is no answer to a call; what became of the connection if it broke off.
pub(super) async fn understand(
    worker: &Worker,
    listener: &Listener,
    exchange: &mut Exchange,
    routed: &Routed,
    call: &ReadCall,
    guard: Option<StreamGuard>,
    response: Response<ResponseBody>,
) -> Result<Answer, GatewayError> {
    if call.binding == Binding::Grpc {
        return Box::pin(grpc::understand(worker, listener, exchange, routed, call, guard, response)).await;
    }
    let (mut parts, mut body) = response.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    keep_origin_private(&mut parts.headers);
    let is_card = call.operation == Operation::GetExtendedAgentCard;
    // A card in an event would go out as it is; it is refused below as no JSON.
    if parts.status == StatusCode::OK && is_event_stream(&parts.headers) && !is_card {
        let stream = relay::prepare(worker, exchange, routed, guard, &parts)?;
        // Heartbeats and errors may be added: the length is no longer the agent's.
        parts.headers.remove(CONTENT_LENGTH);
        return Ok(Answer { parts, content: Content::Stream(body, Box::new(stream)) });
    }
    check_unary(call, &parts, &body)?;
    if call.operation.is_streaming() {
        // No relay watches over an answer that is no stream.
        body.watch(routed.agent.spec.limits.unary_timeout);
    }
    // Errors name no places that a caller would go to.
    if is_card && (call.binding != Binding::HttpJson || parts.status.is_success()) {
        return Box::pin(extended_card(listener, exchange, routed, call, parts, body)).await;
    }
    let (start, is_whole) = look_into(exchange, routed, call, &mut parts, &mut body).await?;
    let content = if is_whole { Content::Whole(start) } else { Content::Copy(start, body) };
    Ok(Answer { parts, content })
}

/// Redirects are never followed, nor shown: they name the agent's own addresses. A success that is no JSON is none, unless
/// it is nothing at all, as HTTP+JSON may answer.
fn check_unary(call: &ReadCall, parts: &Parts, body: &ResponseBody) -> Result<(), GatewayError> {
    let wrong =
        |internal: &'static str| Err(GatewayError::new(Code::InvalidAgentResponse).internal(internal));
    let is_rest = call.binding == Binding::HttpJson;
    if parts.status.is_redirection() && !(is_rest && parts.status == StatusCode::NOT_MODIFIED) {
        return wrong("the agent redirects");
    }
    let is_json = is_json_answer(&parts.headers);
    if parts.status.is_success() && !is_json && !(may_be_empty(call) && body.is_end_stream()) {
        return wrong("the agent's answer does not call itself JSON");
    }
    Ok(())
}

/// Whether a success may say nothing at all: the deletion of a webhook over HTTP+JSON.
fn may_be_empty(call: &ReadCall) -> bool {
    call.binding == Binding::HttpJson && call.operation == Operation::DeleteTaskPushNotificationConfig
}

/// Reads what a unary answer says, where it is neither encoded nor large. Returns what was read of the body, and whether
/// that is all of it.
async fn look_into(
    exchange: &mut Exchange,
    routed: &Routed,
    call: &ReadCall,
    parts: &mut Parts,
    body: &mut ResponseBody,
) -> Result<(Bytes, bool), GatewayError> {
    let is_nothing = body.is_end_stream() && call.binding == Binding::HttpJson;
    if is_nothing && (!parts.status.is_success() || may_be_empty(call)) {
        return Ok((Bytes::new(), true));
    }
    let announced = body.size_hint().lower();
    if parts.headers.contains_key(CONTENT_ENCODING) || announced > MAX_INSPECTED_BYTES as u64 {
        return Ok((Bytes::new(), false));
    }
    let (start, stop) = gather(body, MAX_INSPECTED_BYTES, routed).await?;
    if matches!(stop, Stop::Bound) {
        return Ok((start, false));
    }
    match outcome(call.binding, &start) {
        Some(outcome) => {
            if parts.status.is_success() {
                exchange.learn(outcome.task_id.as_deref(), outcome.context_id.as_deref());
            }
            exchange.answered(&outcome);
        }
        None if parts.status.is_success() => {
            let error = GatewayError::new(Code::InvalidAgentResponse);
            return Err(error.internal("the answer is no JSON of its binding"));
        }
        // An error of the agent's server: as it is.
        None => {}
    }
    parts.headers.remove(CONTENT_LENGTH);
    Ok((start, true))
}

/// What an answer or an event says, in its binding. `None`: it is not of that binding.
pub(super) fn outcome(binding: Binding, json: &[u8]) -> Option<response::Outcome<'_>> {
    match binding {
        Binding::HttpJson => read_http_json(json),
        Binding::JsonRpc | Binding::Grpc => read_json_rpc(json),
    }
}

/// Where the reading of an answer stopped.
#[derive(Debug)]
pub(super) enum Stop {
    /// Before its end: there is more.
    Bound,
    /// At its end.
    End,
    /// At its trailers, which end it.
    Trailers(HeaderMap),
}

/// Reads up to about `max` bytes, one frame being taken as it is; says where it stopped.
pub(super) async fn gather(
    body: &mut ResponseBody,
    max: usize,
    routed: &Routed,
) -> Result<(Bytes, Stop), GatewayError> {
    let mut collected = Collector::new(max);
    while let Some(frame) = body.frame().await {
        match frame.map_err(|error| failure(error, &routed.agent))?.into_data() {
            Ok(data) => collected.add(data),
            Err(frame) => {
                let trailers = frame.into_trailers().unwrap_or_default();
                return Ok((collected.finish(), Stop::Trailers(trailers)));
            }
        }
        if collected.is_over() {
            return Ok((collected.finish(), Stop::Bound));
        }
    }
    Ok((collected.finish(), Stop::End))
}

/// An extended card is rewritten like a public one, or the caller's next call would leave the gateway.
async fn extended_card(
    listener: &Listener,
    exchange: &mut Exchange,
    routed: &Routed,
    call: &ReadCall,
    mut parts: Parts,
    mut body: ResponseBody,
) -> Result<Answer, GatewayError> {
    let (bytes, stop) = gather(&mut body, a2a_card::MAX_CARD_BYTES, routed).await?;
    if matches!(stop, Stop::Bound) {
        return Err(GatewayError::new(Code::InvalidAgentResponse).internal("the extended card is too large"));
    }
    let bytes = a2a_card::decode(&parts.headers, bytes)?;
    let is_bare = call.binding == Binding::HttpJson;
    if parts.status.is_success() && !is_bare {
        exchange.rpc_error = read_json_rpc(&bytes).and_then(|outcome| outcome.error_code);
    }
    let served = match card::rewrite_extended(listener, exchange, routed, call.binding, &bytes) {
        Ok(served) => served,
        // An error of the agent's server: as it is.
        Err(_) if !parts.status.is_success() => bytes,
        Err(error) => return Err(error),
    };
    card::keep_private(&mut parts.headers);
    Ok(Answer { parts, content: Content::Whole(served) })
}
