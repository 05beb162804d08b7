//! What policies ask about a call in JSON: its webhooks and its skill.
//!
//! A second pass over the body, made only where a policy asks for it; the body has been classified before, so that
//! nothing in it is named twice and nothing is too deep. Members are found in every spelling that the most lenient
//! server takes: a policy must not be bypassed by one.

/// In a visitor: values that lead nowhere, which a walk through any JSON passes over.
macro_rules! pass_over_scalars {
    () => {
        fn visit_unit<E>(self) -> Result<(), E> {
            Ok(())
        }

        fn visit_bool<E>(self, _: bool) -> Result<(), E> {
            Ok(())
        }

        fn visit_i64<E>(self, _: i64) -> Result<(), E> {
            Ok(())
        }

        fn visit_u64<E>(self, _: u64) -> Result<(), E> {
            Ok(())
        }

        fn visit_f64<E>(self, _: f64) -> Result<(), E> {
            Ok(())
        }

        fn visit_str<E>(self, _: &str) -> Result<(), E> {
            Ok(())
        }
    };
}

mod names;
mod pointer;
mod skills;
mod webhooks;

use std::borrow::Cow;

pub use names::Names;
use signalbox_proto::model::pointer::SkillSelector;

use super::call::Binding;
use super::jsonrpc;
use crate::error::{Code, GatewayError};

/// The params of a request in JSON: of a JSON-RPC body its member `params`, of an HTTP+JSON body the whole. Empty or
/// absent params are none.
///
/// # Errors
/// `ParseError` for a body that has not been classified.
pub fn params(binding: Binding, body: &[u8]) -> Result<Option<&str>, GatewayError> {
    let text = std::str::from_utf8(body).map_err(|error| unreadable().caused_by(error))?;
    let params = match binding {
        Binding::JsonRpc => jsonrpc::raw_params(text).map_err(|error| unreadable().caused_by(error))?,
        Binding::HttpJson | Binding::Grpc => Some(text.trim_ascii()).filter(|text| !text.is_empty()),
    };
    Ok(params.filter(|params| *params != "null"))
}

/// The URL of every webhook that the params hand over: alone, inside a send, in every version and spelling (`url`
/// anywhere outside the message and metadata). Empty ones are left out.
///
/// # Errors
/// `WebhookNotAllowed` if one is no string.
pub fn webhooks(params: &str) -> Result<Vec<Cow<'_, str>>, GatewayError> {
    webhooks::read(params)
}

/// What the message of the params names where the agent looks for its skill: every text found, repeats kept.
///
/// # Errors
/// `UnsupportedOperation` if something else than a text or a list of texts stands there.
pub fn skills<'a>(params: &'a str, selector: &SkillSelector) -> Result<Vec<Cow<'a, str>>, GatewayError> {
    skills::read(params, selector)
}

/// Every task and context that the params name, in every version and spelling (anywhere outside parts and metadata).
///
/// # Errors
/// `InvalidParams` if one is no text.
pub fn names(params: &str) -> Result<Names<'_>, GatewayError> {
    names::read(params)
}

fn unreadable() -> GatewayError {
    GatewayError::new(Code::ParseError).internal("a policy cannot read a body that was classified before")
}

#[cfg(test)]
mod tests;
