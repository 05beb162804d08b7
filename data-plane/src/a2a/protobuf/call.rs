//! What a gRPC request asks for.

use std::borrow::Cow;

use super::method::{Method, Package};
use super::refuse::{Refusal, flag, message, once, text};
use super::wire::fields;
use crate::a2a::call::{Binding, Call};
use crate::a2a::operation::Operation;
use crate::error::GatewayError;

#[cfg(test)]
mod tests;

/// Reads a request message, without its gRPC prefix. The message of an unknown method is not looked into.
///
/// # Errors
/// `InvalidRequest`, `DuplicateKey` or `TooDeep`.
pub fn classify<'a>(method: Method<'a>, message: &'a [u8]) -> Result<Call<'a>, GatewayError> {
    let facts = Facts::read(method, message)?;
    Ok(Call {
        binding: Binding::Grpc,
        operation: method.operation,
        naming: (method.operation != Operation::Unknown).then(|| method.package.naming()),
        method: Cow::Borrowed(method.name),
        id: None,
        task_id: facts.task_id.map(Cow::Borrowed),
        context_id: facts.context_id.map(Cow::Borrowed),
        waits: facts.waits,
        has_push_config: facts.has_push_config,
        method_span: (0, 0),
    })
}

struct Facts<'a> {
    task_id: Option<&'a str>,
    context_id: Option<&'a str>,
    waits: bool,
    has_push_config: bool,
}

impl<'a> Facts<'a> {
    const NONE: Self = Self { task_id: None, context_id: None, waits: true, has_push_config: false };

    fn read(method: Method<'_>, request: &'a [u8]) -> Result<Self, Refusal> {
        use Operation as O;
        if method.operation.is_send() {
            return send(method.package, request);
        }
        let (task_field, context_field) = match (method.package, method.operation) {
            (Package::V1, O::GetTask | O::CancelTask | O::SubscribeToTask) => (Some(2), None),
            (Package::V1, O::CreateTaskPushNotificationConfig) => (Some(3), None),
            (Package::V1, O::GetTaskPushNotificationConfig | O::DeleteTaskPushNotificationConfig) => {
                (Some(2), None)
            }
            (Package::V1, O::ListTaskPushNotificationConfigs) => (Some(1), None),
            (Package::V1, O::ListTasks) => (None, Some(2)),
            (Package::V0, O::ListTasks) => (None, Some(1)),
            (_, O::GetExtendedAgentCard | O::Unknown) => return Ok(Self::NONE),
            // A resource name: `name` or `parent`.
            (Package::V0, _) => (Some(1), None),
            (Package::V1, O::SendMessage | O::SendStreamingMessage) => return Ok(Self::NONE),
        };
        let [task, context_id] = named(request, [task_field, context_field])?;
        let task_id = match method.package {
            Package::V0 => task.map(task_of_resource),
            Package::V1 => task,
        };
        let has_push_config = method.operation == O::CreateTaskPushNotificationConfig;
        Ok(Self { task_id, context_id, has_push_config, ..Self::NONE })
    }
}

/// Texts of the fields with these numbers. Empty is absent, as everywhere in proto3.
fn named<const N: usize>(request: &[u8], numbers: [Option<u32>; N]) -> Result<[Option<&str>; N], Refusal> {
    let mut found = [None; N];
    for field in fields(request) {
        let field = field?;
        if let Some(index) = numbers.iter().position(|number| *number == Some(field.number)) {
            once(&mut found[index], text(field.value)?)?;
        }
    }
    Ok(found.map(|text| text.filter(|text| !text.is_empty())))
}

/// `tasks/{id}` and what may follow.
pub(super) fn task_of_resource(name: &str) -> &str {
    let Some(rest) = name.strip_prefix("tasks/") else { return name };
    rest.split_once('/').map_or(rest, |(id, _)| id)
}

/// The parts of a SendMessageRequest that count.
#[derive(Default)]
pub(super) struct Send<'a> {
    pub(super) message: Option<&'a [u8]>,
    pub(super) configuration: Option<&'a [u8]>,
}

impl<'a> Send<'a> {
    pub(super) fn read(package: Package, request: &'a [u8]) -> Result<Self, Refusal> {
        let (message_field, configuration_field) = match package {
            Package::V0 => (1, 2),
            Package::V1 => (2, 3),
        };
        let mut send = Self::default();
        for field in fields(request) {
            let field = field?;
            if field.number == message_field {
                once(&mut send.message, message(field.value)?)?;
            } else if field.number == configuration_field {
                once(&mut send.configuration, message(field.value)?)?;
            }
        }
        Ok(send)
    }
}

fn send(package: Package, request: &[u8]) -> Result<Facts<'_>, Refusal> {
    let send = Send::read(package, request)?;
    let [context_id, task_id] = named(send.message.unwrap_or_default(), [Some(2), Some(3)])?;
    let configuration = Configuration::read(send.configuration.unwrap_or_default())?;
    let waits = match package {
        // Without presence, unset is false; and without a configuration, agents do as they like.
        Package::V0 => configuration.flag || send.configuration.is_none(),
        Package::V1 => !configuration.flag,
    };
    Ok(Facts { task_id, context_id, waits, has_push_config: configuration.push.is_some() })
}

/// A SendMessageConfiguration, alike in both packages.
#[derive(Default)]
pub(super) struct Configuration<'a> {
    pub(super) push: Option<&'a [u8]>,
    /// `blocking` or `return_immediately`.
    flag: bool,
}

impl<'a> Configuration<'a> {
    pub(super) fn read(configuration: &'a [u8]) -> Result<Self, Refusal> {
        let (mut push, mut is_set) = (None, None);
        for field in fields(configuration) {
            let field = field?;
            match field.number {
                2 => once(&mut push, message(field.value)?)?,
                4 => once(&mut is_set, flag(field.value)?)?,
                _ => {}
            }
        }
        Ok(Self { push, flag: is_set.unwrap_or_default() })
    }
}
