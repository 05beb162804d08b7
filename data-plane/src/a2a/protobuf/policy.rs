//! What policies judge in a gRPC request: webhooks, and the skill that a message names.

use std::borrow::Cow;

use super::call::{Configuration, Send};
use super::method::{Method, Package};
use super::refuse::{Refusal, message, once, text};
use super::wire::fields;
use crate::a2a::operation::Operation;
use crate::error::{Code, GatewayError};

mod skills;
#[cfg(test)]
mod tests;

pub use skills::skills;

/// Every webhook URL in a request message. A configuration may have none.
///
/// # Errors
/// `InvalidRequest`, `DuplicateKey` or `TooDeep`; `UnsupportedOperation` for methods that the gateway does not know: it
/// cannot say where their messages hold a URL.
pub fn webhooks<'a>(method: Method<'_>, request: &'a [u8]) -> Result<Vec<Cow<'a, str>>, GatewayError> {
    let found = match method.operation {
        Operation::SendMessage | Operation::SendStreamingMessage => {
            let send = Send::read(method.package, request)?;
            let push = Configuration::read(send.configuration.unwrap_or_default())?.push;
            match push {
                Some(push) => Some(url(push, method.package)?),
                None => None,
            }
        }
        Operation::CreateTaskPushNotificationConfig => Some(match method.package {
            Package::V0 => {
                let config = member(request, 3)?.unwrap_or_default();
                url(member(config, 2)?.unwrap_or_default(), method.package)?
            }
            Package::V1 => url(request, method.package)?,
        }),
        Operation::Unknown => return Err(Code::UnsupportedOperation.into()),
        _ => None,
    };
    Ok(found.filter(|url| !url.is_empty()).map(Cow::Borrowed).into_iter().collect())
}

/// The URL of a PushNotificationConfig, or of a TaskPushNotificationConfig in 1.0.
fn url(config: &[u8], package: Package) -> Result<&str, Refusal> {
    let number = match package {
        Package::V0 => 2,
        Package::V1 => 4,
    };
    let mut url = None;
    for field in fields(config) {
        let field = field?;
        if field.number == number {
            once(&mut url, text(field.value)?)?;
        }
    }
    Ok(url.unwrap_or_default())
}

/// The message in a field.
fn member(bytes: &[u8], number: u32) -> Result<Option<&[u8]>, Refusal> {
    let mut found = None;
    for field in fields(bytes) {
        let field = field?;
        if field.number == number {
            once(&mut found, message(field.value)?)?;
        }
    }
    Ok(found)
}
