//! The streaming alias: a send posted to `…/message/stream` becomes its streaming operation.

use bytes::{BufMut, Bytes, BytesMut};

use super::call::{Binding, Call};
use super::operation::Operation;
use crate::error::{Code, GatewayError};

#[cfg(test)]
mod tests;

/// What to forward for a call on the alias: its streaming method and the body that says so.
#[derive(Debug, PartialEq, Eq)]
pub struct Streaming {
    /// The method that is forwarded.
    pub method: &'static str,
    /// The body, changed in the method string alone; the same bytes where it already streams.
    pub body: Bytes,
}

/// `message/send` becomes `message/stream`, `SendMessage` becomes `SendStreamingMessage`; these two stay. Permits, limits
/// and logs then use `Operation::SendStreamingMessage`.
///
/// # Errors
/// `InvalidRequest` for any other method.
pub fn to_streaming(body: &Bytes, call: &Call<'_>) -> Result<Streaming, GatewayError> {
    let method = match &*call.method {
        "message/send" | "message/stream" => "message/stream",
        "SendMessage" | "SendStreamingMessage" => "SendStreamingMessage",
        _ => return Err(refusal("This address streams: send message/send or SendMessage.")),
    };
    if call.binding != Binding::JsonRpc {
        return Err(refusal("This address takes JSON-RPC requests."));
    }
    if call.operation == Operation::SendStreamingMessage {
        return Ok(Streaming { method, body: body.clone() });
    }
    let (start, end) = call.method_span;
    let (Some(before), Some(after)) = (body.get(..start), body.get(end..)) else {
        return Err(GatewayError::new(Code::Internal).internal("the call was not read from this body"));
    };
    let mut changed = BytesMut::with_capacity(body.len() + method.len() + 2);
    changed.put_slice(before);
    changed.put_u8(b'"');
    changed.put_slice(method.as_bytes());
    changed.put_u8(b'"');
    changed.put_slice(after);
    Ok(Streaming { method, body: changed.freeze() })
}

fn refusal(detail: &'static str) -> GatewayError {
    GatewayError::new(Code::InvalidRequest).detail(detail)
}
