//! What a body says, whichever version's JSON it is.
//!
//! 1.0 takes the JSON of its messages; 0.3 takes that of its protocol buffers, in camelCase or snake_case, which the JSON
//! of its JSON-RPC is not.

use serde::de::{DeserializeSeed as _, IgnoredAny};
use serde_json::error::Category;

use super::super::call::{Binding, Call};
use super::super::duplicate::{self, Finding};
use super::super::operation::Operation;
use super::super::params::{Params, ProtoNames};
use super::{Route, context_id};
use crate::error::{Code, GatewayError};

/// Whether a request carries a body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Body {
    /// It must not: servers differ in whether they read it.
    None,
    /// It may: an object, `null` (which some clients write for nothing), or none.
    Optional,
    /// It is an object.
    Required,
}

/// Reads a request whose method and path have been classified. `path` is what was classified; `body` is empty where there
/// is none.
///
/// # Errors
/// `ParseError`, `InvalidRequest`, `InvalidParams`, `DuplicateKey` or `TooDeep`.
pub fn read_body<'a>(
    route: &Route,
    path: &'a str,
    raw_query: Option<&'a str>,
    body: &'a [u8],
) -> Result<Call<'a>, GatewayError> {
    let params = match (route.body, body) {
        (Body::None | Body::Optional, []) => Params::default(),
        (Body::None, _) => return Err(refuse(Code::InvalidRequest, "This operation takes no body.")),
        (Body::Optional, body) if serde_json::from_slice::<()>(body).is_ok() => Params::default(),
        (Body::Optional | Body::Required, body) => params(body)?,
    };
    let (waits, has_push_config) = (params.waits(), params.has_push_config);
    let (mut task_id, mut context) = (route.task_id(path), None);
    if route.operation.is_send() {
        (task_id, context) = params.names(route.operation, Some(route.naming));
    } else if route.operation == Operation::ListTasks {
        context = raw_query.and_then(context_id);
    }
    Ok(Call {
        binding: Binding::HttpJson,
        operation: route.operation,
        naming: Some(route.naming),
        method: route.label.into(),
        id: None,
        task_id,
        context_id: context,
        waits,
        has_push_config: has_push_config || route.operation == Operation::CreateTaskPushNotificationConfig,
        method_span: (0, 0),
    })
}

fn params(body: &[u8]) -> Result<Params<'_>, GatewayError> {
    let text = std::str::from_utf8(body).map_err(|_| refuse(Code::ParseError, "The body is not UTF-8."))?;
    if !text.trim_ascii_start().starts_with('{') {
        return Err(match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) => at(Code::ParseError, &error),
            Ok(_) => refuse(Code::InvalidRequest, "The body must be a JSON object."),
        });
    }
    let mut reader = serde_json::Deserializer::from_str(text);
    let parsed = ProtoNames.deserialize(&mut reader).and_then(|params| reader.end().map(|()| params));
    match parsed {
        Err(error) if error.classify() != Category::Data => Err(at(Code::ParseError, &error)),
        // Only a document that is valid to its end can be walked.
        Err(error) => Err(match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) => at(Code::ParseError, &error),
            Ok(_) => {
                duplicate::check(text).err().map_or_else(|| at(Code::InvalidParams, &error), |f| found(&f))
            }
        }),
        Ok(params) => match duplicate::check(text) {
            Err(finding) => Err(found(&finding)),
            Ok(()) if params.has_two_messages => {
                Err(refuse(Code::DuplicateKey, "The members message and request are one."))
            }
            Ok(()) => Ok(params),
        },
    }
}

fn found(finding: &Finding) -> GatewayError {
    match finding {
        Finding::Duplicate { depth } => refuse(Code::DuplicateKey, &format!("It is at depth {depth}.")),
        Finding::TooDeep => Code::TooDeep.into(),
        Finding::UnreadableName => refuse(Code::ParseError, "A member name is not valid Unicode."),
    }
}

fn at(code: Code, error: &serde_json::Error) -> GatewayError {
    refuse(code, &format!("Look at line {}, column {}.", error.line(), error.column()))
}

fn refuse(code: Code, detail: &str) -> GatewayError {
    GatewayError::new(code).detail(detail)
}
