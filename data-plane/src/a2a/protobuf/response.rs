//! What a gRPC answer or a message of a stream says, for telemetry. Tolerant: what cannot be read is simply not known.

use std::borrow::Cow;

use super::call::task_of_resource;
use super::method::{Method, Package};
use super::wire::{Malformed, Value, fields};
use crate::a2a::operation::Operation;
use crate::a2a::response::{Outcome, TaskState};

#[cfg(test)]
mod tests;

/// Reads an answer, or a message of a stream, without its gRPC prefix. `None`: it is not protobuf.
pub fn read<'a>(method: Method<'_>, message: &'a [u8]) -> Option<Outcome<'a>> {
    use Operation as O;
    match method.operation {
        O::SendMessage => payload(message, &[TASK, MESSAGE]),
        O::SendStreamingMessage | O::SubscribeToTask => {
            payload(message, &[TASK, MESSAGE, STATUS_UPDATE, ARTIFACT_UPDATE])
        }
        O::GetTask | O::CancelTask => TASK.read(message),
        O::CreateTaskPushNotificationConfig | O::GetTaskPushNotificationConfig => {
            let [named] = texts(message, [push_config_task(method.package)]).ok()?;
            let task = match method.package {
                Package::V0 => named.map(task_of_resource),
                Package::V1 => named,
            };
            Some(Outcome { task_id: task.map(Cow::Borrowed), ..Outcome::default() })
        }
        O::ListTasks
        | O::ListTaskPushNotificationConfigs
        | O::DeleteTaskPushNotificationConfig
        | O::GetExtendedAgentCard
        | O::Unknown => Some(Outcome::default()),
    }
}

/// Where a TaskPushNotificationConfig names its task: `name`, `task_id`.
const fn push_config_task(package: Package) -> u32 {
    match package {
        Package::V0 => 1,
        Package::V1 => 3,
    }
}

/// A SendMessageResponse or StreamResponse: a oneof, of which the last counts. Its members are numbered from 1.
fn payload<'a>(message: &'a [u8], members: &[Places]) -> Option<Outcome<'a>> {
    let mut outcome = Outcome::default();
    for field in fields(message) {
        let field = field.ok()?;
        let Value::Bytes(inner) = field.value else { continue };
        let index = usize::try_from(field.number).ok()?.checked_sub(1)?;
        let Some(places) = members.get(index) else { continue };
        outcome = places.read(inner)?;
    }
    Some(outcome)
}

/// Field numbers, alike in both packages.
struct Places {
    task: u32,
    context: u32,
    status: Option<u32>,
}

const TASK: Places = Places { task: 1, context: 2, status: Some(3) };
const MESSAGE: Places = Places { task: 3, context: 2, status: None };
const STATUS_UPDATE: Places = Places { task: 1, context: 2, status: Some(3) };
const ARTIFACT_UPDATE: Places = Places { task: 1, context: 2, status: None };

impl Places {
    fn read<'a>(&self, message: &'a [u8]) -> Option<Outcome<'a>> {
        let [task_id, context_id] = texts(message, [self.task, self.context]).ok()?;
        let mut state = None;
        for field in fields(message).flatten() {
            if let (true, Value::Bytes(status)) = (Some(field.number) == self.status, field.value) {
                state = state_of(status).ok()?.or(state);
            }
        }
        Some(Outcome {
            task_id: task_id.map(Cow::Borrowed),
            context_id: context_id.map(Cow::Borrowed),
            state,
            ..Outcome::default()
        })
    }
}

fn texts<const N: usize>(message: &[u8], numbers: [u32; N]) -> Result<[Option<&str>; N], Malformed> {
    let mut found = [None; N];
    for field in fields(message) {
        let field = field?;
        if let (Some(index), Value::Bytes(bytes)) =
            (numbers.iter().position(|number| *number == field.number), field.value)
        {
            found[index] = std::str::from_utf8(bytes).ok();
        }
    }
    Ok(found.map(|text| text.filter(|text| !text.is_empty())))
}

/// The state in a TaskStatus.
fn state_of(status: &[u8]) -> Result<Option<TaskState>, Malformed> {
    let mut state = None;
    for field in fields(status) {
        let field = field?;
        if let (1, Value::Varint(number)) = (field.number, field.value) {
            state = Some(state_of_number(number));
        }
    }
    Ok(state)
}

/// The numbers of the enum TaskState, alike in both packages.
const fn state_of_number(number: u64) -> TaskState {
    match number {
        1 => TaskState::Submitted,
        2 => TaskState::Working,
        3 => TaskState::Completed,
        4 => TaskState::Failed,
        5 => TaskState::Canceled,
        6 => TaskState::InputRequired,
        7 => TaskState::Rejected,
        8 => TaskState::AuthRequired,
        _ => TaskState::Unknown,
    }
}
