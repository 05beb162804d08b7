//! What policies judge in a gRPC request: webhooks, and the skill that a message names.

use std::borrow::Cow;

use super::call::{Configuration, Send};
use super::method::{Method, Package};
use super::refuse::{Refusal, message, once, text};
use super::wire::fields;
use crate::a2a::operation::Operation;
use crate::a2a::policy::Names;
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

/// The tasks that a request message names besides where its operation has them: references of a message, the task of a
/// webhook inside a send, and the resource names of 0.3.
///
/// # Errors
/// `InvalidRequest`, `DuplicateKey` or `TooDeep`.
pub fn names<'a>(method: Method<'_>, request: &'a [u8]) -> Result<Names<'a>, GatewayError> {
    let mut names = Names::default();
    if method.operation.is_send() {
        let send = Send::read(method.package, request)?;
        for field in fields(send.message.unwrap_or_default()) {
            let field = field.map_err(Refusal::from)?;
            if field.number == REFERENCES {
                names.tasks.push(Cow::Borrowed(text(field.value)?));
            }
        }
        if let (Package::V1, Some(push)) =
            (method.package, Configuration::read(send.configuration.unwrap_or_default())?.push)
        {
            names.tasks.extend(string(push, 3)?.map(Cow::Borrowed));
        }
    } else if method.package == Package::V0 && method.operation != Operation::ListTasks {
        names.resources.extend(string(request, 1)?.map(Cow::Borrowed));
        if method.operation == Operation::CreateTaskPushNotificationConfig {
            let config = member(request, 3)?.unwrap_or_default();
            names.resources.extend(string(config, 1)?.map(Cow::Borrowed));
        }
    }
    Ok(names)
}

/// `Message.reference_task_ids`, of 1.0; 0.3 has no such field.
const REFERENCES: u32 = 8;

/// The string in a field; empty is absent.
fn string(bytes: &[u8], number: u32) -> Result<Option<&str>, Refusal> {
    let mut found = None;
    for field in fields(bytes) {
        let field = field?;
        if field.number == number {
            once(&mut found, text(field.value)?)?;
        }
    }
    Ok(found.filter(|text| !text.is_empty()))
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
