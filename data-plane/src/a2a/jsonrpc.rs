//! The JSON-RPC binding: one typed pass over the whole body, strict where readers differ.
//!
//! Refused: what is not JSON in UTF-8 from the first byte to the last (no byte-order mark), batches, members named
//! twice in any spelling that some server accepts, nesting beyond `MAX_JSON_DEPTH`, ids that are neither string,
//! integer nor null, and a `jsonrpc` other than "2.0". Strings and numbers of the payload are never decoded.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::error::Category;
use serde_json::value::RawValue;

use super::call::{Binding, Call};
pub use super::duplicate::MAX_JSON_DEPTH;
use super::duplicate::{self, Finding};
use super::operation::{Naming, Operation};
use super::params::Params;
use super::text::{Key, string};
use crate::error::{Code, GatewayError};

#[cfg(test)]
mod tests;

/// Longest JSON-RPC id, in bytes of JSON text. It is kept as long as the exchange lasts.
pub const MAX_ID_BYTES: usize = 256;

/// A body that is no acceptable request.
#[derive(Debug)]
pub struct Refusal<'a> {
    /// What is wrong.
    pub error: GatewayError,
    /// The id as raw JSON text, where it could be read without doubt; to be answered with.
    pub id: Option<&'a str>,
    /// Whether the method name is one of 1.0, which suggests the shape of the answer.
    pub naming: Option<Naming>,
}

/// Reads a JSON-RPC request.
///
/// # Errors
/// `ParseError`, `BatchNotSupported`, `InvalidRequest`, `InvalidParams`, `DuplicateKey` or `TooDeep`, with the id
/// where that is certain.
pub fn classify(body: &[u8]) -> Result<Call<'_>, Refusal<'_>> {
    let text = std::str::from_utf8(body).map_err(|_| refuse("The body is not UTF-8.", Code::ParseError))?;
    let start = text.trim_ascii_start();
    if !start.starts_with('{') {
        return Err(not_an_object(text, start));
    }
    let parsed = match serde_json::from_str::<Envelope<'_, Params<'_>>>(text) {
        Ok(envelope) => Ok(envelope),
        Err(error) if error.classify() == Category::Data => Err(error),
        Err(error) => return Err(syntax(&error)),
    };
    if let Err(finding) = duplicate::check(text) {
        return Err(found(&finding, text));
    }
    match parsed {
        Ok(envelope) => envelope.into_call(text),
        Err(error) => misfit(text, &error),
    }
}

/// The params of a request as raw text, where there are some.
pub(super) fn raw_params(text: &str) -> serde_json::Result<Option<&str>> {
    let envelope = serde_json::from_str::<Envelope<'_, &RawValue>>(text)?;
    Ok(envelope.params.map(RawValue::get))
}

/// The envelope, with params read as `P`.
struct Envelope<'a, P> {
    version: Option<&'a RawValue>,
    method: Option<&'a RawValue>,
    id: Option<&'a RawValue>,
    params: Option<P>,
}

impl<'de: 'a, 'a, P: Deserialize<'de>> Deserialize<'de> for Envelope<'a, P> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EnvelopeVisitor(PhantomData))
    }
}

struct EnvelopeVisitor<'a, P>(PhantomData<(&'a (), P)>);

impl<'de: 'a, 'a, P: Deserialize<'de>> Visitor<'de> for EnvelopeVisitor<'a, P> {
    type Value = Envelope<'a, P>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a JSON-RPC request object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut envelope = Envelope { version: None, method: None, id: None, params: None };
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Jsonrpc => envelope.version = Some(map.next_value()?),
                Key::Method => envelope.method = Some(map.next_value()?),
                Key::Id => envelope.id = Some(map.next_value()?),
                Key::Params => envelope.params = map.next_value()?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(envelope)
    }
}

impl<'a> Envelope<'a, Params<'a>> {
    fn into_call(self, text: &'a str) -> Result<Call<'a>, Refusal<'a>> {
        let head = Head::of(self.version, self.method, self.id)?;
        let params = self.params.unwrap_or_default();
        Ok(head.call(text, params))
    }
}

/// The checked envelope without its params.
struct Head<'a> {
    id: Option<&'a str>,
    raw_method: &'a str,
    method: Cow<'a, str>,
    operation: Operation,
    naming: Option<Naming>,
}

impl<'a> Head<'a> {
    fn of(
        version: Option<&'a RawValue>,
        raw_method: Option<&'a RawValue>,
        id: Option<&'a RawValue>,
    ) -> Result<Self, Refusal<'a>> {
        let id = match id.map(RawValue::get) {
            Some(id) if !is_acceptable_id(id) => {
                return Err(refuse(
                    "The id must be a string, an integer or null, and at most 256 bytes.",
                    Code::InvalidRequest,
                ));
            }
            id => id,
        };
        let invalid = |detail| Refusal { id, ..refuse(detail, Code::InvalidRequest) };
        if version.and_then(|version| string(version.get())).is_none_or(|version| version != "2.0") {
            return Err(invalid("The member jsonrpc must be \"2.0\"."));
        }
        let raw_method = raw_method.map(RawValue::get);
        let Some((raw_method, method)) = raw_method.and_then(|raw| Some((raw, string(raw)?))) else {
            return Err(invalid("The member method must be a string."));
        };
        let (operation, naming) = Operation::from_json_rpc(&method);
        Ok(Self { id, raw_method, method, operation, naming })
    }

    fn call(self, text: &'a str, params: Params<'a>) -> Call<'a> {
        let waits = params.waits();
        let has_push_config =
            params.has_push_config || self.operation == Operation::CreateTaskPushNotificationConfig;
        let (task_id, context_id) = params.names(self.operation, self.naming);
        let start = self.raw_method.as_ptr().addr() - text.as_ptr().addr();
        Call {
            binding: Binding::JsonRpc,
            operation: self.operation,
            naming: self.naming,
            method: self.method,
            id: self.id,
            task_id,
            context_id,
            waits,
            has_push_config,
            method_span: (start, start + self.raw_method.len()),
        }
    }
}

/// A string, an integer or null. JSON-RPC 2.0 §4 advises against fractions; SDKs echo them wrongly.
fn is_acceptable_id(raw: &str) -> bool {
    if raw.len() > MAX_ID_BYTES {
        return false;
    }
    match raw.as_bytes() {
        [b'"', ..] => string(raw).is_some(),
        b"null" => true,
        [b'-', digits @ ..] | digits => !digits.is_empty() && digits.iter().all(u8::is_ascii_digit),
    }
}

/// Params of a shape that no A2A method has. A method that the gateway does not know may have any.
fn misfit<'a>(text: &'a str, error: &serde_json::Error) -> Result<Call<'a>, Refusal<'a>> {
    let at = format!("Look at line {}, column {}.", error.line(), error.column());
    let Ok(envelope) = serde_json::from_str::<Envelope<'a, IgnoredAny>>(text) else {
        return Err(Refusal { id: certain_id(text), ..refuse(&at, Code::InvalidRequest) });
    };
    let head = Head::of(envelope.version, envelope.method, envelope.id)?;
    if head.operation == Operation::Unknown {
        return Ok(head.call(text, Params::default()));
    }
    Err(Refusal { id: head.id, naming: head.naming, ..refuse(&at, Code::InvalidParams) })
}

fn found<'a>(finding: &Finding, text: &'a str) -> Refusal<'a> {
    match finding {
        Finding::Duplicate { depth: 1 } => refuse("It is in the request object.", Code::DuplicateKey),
        Finding::Duplicate { depth } => {
            let detail = format!("It is at depth {depth}.");
            Refusal { id: certain_id(text), ..refuse(&detail, Code::DuplicateKey) }
        }
        Finding::TooDeep => Refusal { error: Code::TooDeep.into(), id: None, naming: None },
        Finding::UnreadableName => refuse("A member name is not valid Unicode.", Code::ParseError),
    }
}

/// The id of an envelope in which nothing is named twice.
fn certain_id(text: &str) -> Option<&str> {
    let envelope = serde_json::from_str::<Envelope<'_, IgnoredAny>>(text).ok()?;
    envelope.id.map(RawValue::get).filter(|id| is_acceptable_id(id))
}

fn not_an_object<'a>(text: &str, start: &str) -> Refusal<'a> {
    match serde_json::from_str::<IgnoredAny>(text) {
        Err(error) => syntax(&error),
        Ok(_) if start.starts_with('[') => {
            Refusal { error: Code::BatchNotSupported.into(), id: None, naming: None }
        }
        Ok(_) => refuse("The body must be a JSON object.", Code::InvalidRequest),
    }
}

fn syntax<'a>(error: &serde_json::Error) -> Refusal<'a> {
    refuse(&format!("Look at line {}, column {}.", error.line(), error.column()), Code::ParseError)
}

fn refuse<'a>(detail: &str, code: Code) -> Refusal<'a> {
    Refusal { error: GatewayError::new(code).detail(detail), id: None, naming: None }
}
