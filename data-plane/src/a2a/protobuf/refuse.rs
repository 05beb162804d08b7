//! Reading what a decision depends on: strictly, and each field once.
//!
//! Parsers merge a message field that occurs twice and take the last of a scalar; older ones of JavaScript do not even
//! look at wire types. So that the gateway and the agent can never read different things, a request is refused when a
//! field that counts occurs twice or in another wire type.

use std::fmt;

use super::wire::{Malformed, Value};
use crate::error::{Code, GatewayError};

/// Why a message is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Refusal {
    Malformed(Malformed),
    /// A field occurs twice that must not.
    Twice,
    /// A field comes in a wire type that it does not have.
    WireType,
    /// A string is not UTF-8.
    NotText,
}

impl From<Malformed> for Refusal {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(out, "The message is not valid protobuf: {malformed}."),
            Self::Twice => out.write_str("It is in the protobuf message."),
            Self::WireType => out.write_str("A field of the message has a wire type that is not its own."),
            Self::NotText => out.write_str("A string of the message is not UTF-8."),
        }
    }
}

impl From<Refusal> for GatewayError {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal {
            Refusal::Twice => Code::DuplicateKey,
            Refusal::Malformed(Malformed::TooDeep) => Code::TooDeep,
            Refusal::Malformed(_) | Refusal::WireType | Refusal::NotText => Code::InvalidRequest,
        };
        Self::new(code).detail(refusal.to_string())
    }
}

/// Fills a slot for the first time.
pub(super) fn once<T>(slot: &mut Option<T>, value: T) -> Result<(), Refusal> {
    if slot.replace(value).is_some() { Err(Refusal::Twice) } else { Ok(()) }
}

/// The bytes of a message field.
pub(super) const fn message(value: Value<'_>) -> Result<&[u8], Refusal> {
    match value {
        Value::Bytes(bytes) => Ok(bytes),
        _ => Err(Refusal::WireType),
    }
}

/// The text of a string field.
pub(super) fn text(value: Value<'_>) -> Result<&str, Refusal> {
    std::str::from_utf8(message(value)?).map_err(|_| Refusal::NotText)
}

/// A bool field.
pub(super) const fn flag(value: Value<'_>) -> Result<bool, Refusal> {
    match value {
        Value::Varint(number) => Ok(number != 0),
        _ => Err(Refusal::WireType),
    }
}
