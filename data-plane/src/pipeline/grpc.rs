//! What gRPC has of its own between its call and its answer: deadlines, and answers that end with a status.

mod relay;

use std::future::Future;

use bytes::{Bytes, BytesMut};
use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER, TE,
    WWW_AUTHENTICATE,
};
use http::response::Parts;
use http::{Response, StatusCode};
use http_body::Body as _;

use super::answer::{self, Answer, Content, Stop};
use super::call::ReadCall;
use super::card;
use super::enter::Routed;
use super::exchange::Exchange;
use super::gateway::{Listener, Worker};
use crate::a2a::card::MAX_CARD_BYTES;
use crate::a2a::protobuf::{Method, response};
use crate::a2a::{Binding, Operation};
use crate::clock::{self, Instant};
use crate::error::{Code, GatewayError};
use crate::http::answer::keep_origin_private;
use crate::http::grpc::{
    self, GRPC_ENCODING, GRPC_MESSAGE, GRPC_STATUS, GRPC_TIMEOUT, is_grpc, percent_encoded, status_of_http,
    timeout_value,
};
use crate::http::hop::remove_hop_by_hop;
use crate::limit::StreamGuard;
use crate::stream::grpc::frame;
use crate::upstream::body::ResponseBody;

pub(super) use relay::{MessageObserver, MessageParts, body};

/// `grpc-accept-encoding`: what may be answered.
const GRPC_ACCEPT_ENCODING: HeaderName = HeaderName::from_static("grpc-accept-encoding");
/// Unary answers up to this size are looked into before their head goes out; larger ones pass as they come.
const MAX_INSPECTED_BYTES: usize = 64 * 1024;

/// Waits for something until the caller's deadline. Cancelling it cancels what is waited for.
///
/// # Errors
/// `DeadlineExceeded`.
pub(super) async fn within<T>(
    deadline: Option<Instant>,
    waiting: impl Future<Output = T>,
) -> Result<T, GatewayError> {
    match deadline {
        None => Ok(waiting.await),
        Some(deadline) => {
            tokio::time::timeout_at(deadline, waiting).await.map_err(|_elapsed| Code::DeadlineExceeded.into())
        }
    }
}

/// Whether an answer may be a stream: those of methods that A2A does not define may.
pub(super) fn may_stream(call: &ReadCall) -> bool {
    call.operation.is_streaming() || (call.binding == Binding::Grpc && call.operation == Operation::Unknown)
}

/// The headers that gRPC needs towards the agent: trailers are wanted, and what is left of the caller's time. `is_read`:
/// the answer has to be read on its way.
///
/// # Errors
/// `DeadlineExceeded` where nothing is left.
pub(super) fn dress(headers: &mut HeaderMap, call: &ReadCall, is_read: bool) -> Result<(), GatewayError> {
    headers.insert(TE, HeaderValue::from_static("trailers"));
    if let Some(deadline) = call.deadline {
        let left = deadline.saturating_duration_since(clock::now());
        if left.is_zero() {
            return Err(Code::DeadlineExceeded.into());
        }
        headers.insert(GRPC_TIMEOUT, timeout_value(left));
    }
    if is_read || call.operation == Operation::GetExtendedAgentCard {
        headers.insert(GRPC_ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    }
    Ok(())
}

/// Takes the agent's answer apart and decides how it goes on.
///
/// # Errors
/// `InvalidAgentResponse` for what is no answer to a call; what became of the connection if it broke off;
/// `DeadlineExceeded`.
pub(super) async fn understand(
    worker: &Worker,
    listener: &Listener,
    exchange: &mut Exchange,
    routed: &Routed,
    call: &ReadCall,
    guard: Option<StreamGuard>,
    response: Response<ResponseBody>,
) -> Result<Answer, GatewayError> {
    let (mut parts, mut body) = response.into_parts();
    remove_hop_by_hop(&mut parts.headers);
    keep_origin_private(&mut parts.headers);
    if !is_grpc(&parts.headers)
        || (parts.status != StatusCode::OK && !parts.headers.contains_key(GRPC_STATUS))
    {
        return foreign(exchange, &parts);
    }
    parts.status = StatusCode::OK;
    // The gateway may end it otherwise than announced.
    parts.headers.remove(CONTENT_LENGTH);
    match grpc::status(&parts.headers) {
        // Some servers end such an answer with an empty frame of data instead of its head.
        Some(status) if status != 0 || body.is_end_stream() => {
            note_status(exchange, status);
            return Ok(Answer::new(parts, Content::Whole(Bytes::new())));
        }
        None if body.is_end_stream() => {
            return Err(GatewayError::new(Code::InvalidAgentResponse).internal("a head without a status"));
        }
        _ => {}
    }
    let method = Method::of_path(&call.below)
        .ok_or_else(|| GatewayError::new(Code::Internal).internal("a call of no method"))?;
    if may_stream(call) {
        let stream = super::relay::prepare(worker, exchange, routed, guard, &parts)?;
        let messages = MessageParts::stream(stream, method, call.deadline);
        return Ok(Answer::new(parts, Content::Messages(body, Box::new(messages))));
    }
    if call.operation == Operation::GetExtendedAgentCard {
        return extended_card(listener, exchange, routed, method, call, parts, body).await;
    }
    let (bytes, trailers) = within(call.deadline, gather(&mut body, MAX_INSPECTED_BYTES, routed)).await??;
    let Some(trailers) = trailers else {
        let messages = MessageParts::unary(bytes, method, call.deadline, routed);
        return Ok(Answer::new(parts, Content::Messages(body, Box::new(messages))));
    };
    match status_of(&trailers)? {
        0 => look_into(exchange, method, &bytes)?,
        status => note_status(exchange, status),
    }
    Ok(Answer::new(parts, Content::Trailed(bytes, Box::new(trailers))))
}

/// The status that an answer ends with.
fn status_of(trailers: &HeaderMap) -> Result<u16, GatewayError> {
    grpc::status(trailers)
        .ok_or_else(|| GatewayError::new(Code::InvalidAgentResponse).internal("an answer without a status"))
}

/// An answer of something that is no gRPC server, such as a proxy before it: its HTTP status as a gRPC status.
fn foreign(exchange: &mut Exchange, parts: &Parts) -> Result<Answer, GatewayError> {
    if parts.status == StatusCode::OK {
        return Err(GatewayError::new(Code::InvalidAgentResponse).internal("the agent's answer is no gRPC"));
    }
    let status = status_of_http(parts.status);
    note_status(exchange, status);
    let mut response = Response::new(Bytes::new());
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/grpc"));
    headers.insert(GRPC_STATUS, HeaderValue::from(status));
    let message = format!("The agent answered with HTTP {}.", parts.status.as_u16());
    headers.insert(GRPC_MESSAGE, percent_encoded(&message));
    for name in [WWW_AUTHENTICATE, RETRY_AFTER] {
        for value in parts.headers.get_all(&name) {
            headers.append(&name, value.clone());
        }
    }
    Ok(Answer::whole(response))
}

/// Notes the agent's status, 0 being no error.
fn note_status(exchange: &mut Exchange, status: u16) {
    exchange.rpc_error = (status != 0).then(|| i64::from(status));
}

/// Reads an answer up to its trailers, or to about `max` bytes; then there are no trailers yet.
async fn gather(
    body: &mut ResponseBody,
    max: usize,
    routed: &Routed,
) -> Result<(Bytes, Option<HeaderMap>), GatewayError> {
    match answer::gather(body, max, routed).await? {
        (bytes, Stop::Trailers(trailers)) => Ok((bytes, Some(trailers))),
        (bytes, Stop::Bound) => Ok((bytes, None)),
        (_, Stop::End) => {
            Err(GatewayError::new(Code::InvalidAgentResponse).internal("an answer without trailers"))
        }
    }
}

/// Notes what a unary answer says, where it can be read.
fn look_into(exchange: &mut Exchange, method: Method<'_>, body: &[u8]) -> Result<(), GatewayError> {
    let frame = match frame::single(body, u32::MAX) {
        Ok(frame) => frame,
        Err(error) => {
            return Err(GatewayError::new(Code::InvalidAgentResponse)
                .internal("the answer is not one message")
                .caused_by(error));
        }
    };
    if !frame.is_compressed
        && let Some(outcome) = response::read(method, frame.message)
    {
        exchange.learn(outcome.task_id.as_deref(), outcome.context_id.as_deref());
        exchange.answered(&outcome);
    }
    Ok(())
}

/// An extended card is rewritten like a public one, or the caller's next call would leave the gateway.
async fn extended_card(
    listener: &Listener,
    exchange: &mut Exchange,
    routed: &Routed,
    method: Method<'_>,
    call: &ReadCall,
    mut parts: Parts,
    mut body: ResponseBody,
) -> Result<Answer, GatewayError> {
    let invalid = |why: &'static str| GatewayError::new(Code::InvalidAgentResponse).internal(why);
    let (bytes, trailers) = within(call.deadline, gather(&mut body, MAX_CARD_BYTES, routed)).await??;
    let trailers = trailers.ok_or_else(|| invalid("the extended card is too large"))?;
    let status = status_of(&trailers)?;
    if status != 0 {
        note_status(exchange, status);
        // Whatever came before the error is no card that anybody reads, and it has not been rewritten.
        return Ok(Answer::new(parts, Content::Trailed(Bytes::new(), Box::new(trailers))));
    }
    let frame =
        frame::single(&bytes, u32::MAX).map_err(|error| invalid("no single card").caused_by(error))?;
    if frame.is_compressed {
        return Err(invalid("a compressed card, which was not asked for"));
    }
    for name in [CONTENT_ENCODING, GRPC_ENCODING] {
        parts.headers.remove(name);
    }
    let plan = exchange.plan.as_deref();
    let served = card::rewrite_extended_message(listener, routed, plan, method.package, frame.message)?;
    let prefix = frame::prefix(served.len()).ok_or_else(|| invalid("a card of 4 GiB"))?;
    let mut framed = BytesMut::with_capacity(prefix.len() + served.len());
    framed.extend_from_slice(&prefix);
    framed.extend_from_slice(&served);
    Ok(Answer::new(parts, Content::Trailed(framed.freeze(), Box::new(trailers))))
}
