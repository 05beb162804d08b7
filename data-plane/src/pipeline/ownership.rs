//! Whose tasks and contexts a call names, where the agent keeps its callers apart.
//!
//! Somebody else's is answered as if it did not exist (A2A 1.0 §3.3.2, §13.1), before a stream is opened or the agent is
//! asked. What the answers name is learned in [`Exchange::learn`].

use signalbox_proto::model::agent::TaskOwnership;

use super::call::{Named, ReadCall, grpc};
use super::enter::Routed;
use super::exchange::Exchange;
use super::gateway::Gateway;
use crate::a2a::policy::{self, Names};
use crate::a2a::{Binding, Operation, protobuf};
use crate::error::{Code, GatewayError};
use crate::http::query;
use crate::ownership::{Claimant, Kind, Standing};

/// Query parameters that servers could take for the task instead of what the path says.
const TASK_PARAMETERS: [&str; 4] = ["taskId", "task_id", "name", "parent"];

/// Refuses a call that names what is not its caller's; from here on the exchange claims what its answer names.
///
/// # Errors
/// `TaskNotFound` for somebody else's task or context, `UnsupportedOperation` for lists over more than the caller's own
/// and for methods of which the gateway does not know what they name, `InvalidParams` for a call that names no task or
/// two.
pub(super) fn check(
    gateway: &Gateway,
    exchange: &mut Exchange,
    routed: &Routed,
    call: &ReadCall,
) -> Result<(), GatewayError> {
    let policy = routed.agent.spec.task_ownership;
    if policy == TaskOwnership::Off {
        return Ok(());
    }
    let Some(named) = call.named.as_deref() else {
        return Err(GatewayError::new(Code::Internal).internal("nobody kept what the call names"));
    };
    let consumer = exchange.principal.consumer().unwrap_or_default();
    let claimant = gateway.owners.claimant(routed.agent.name.as_str(), consumer);
    Judge { claimant: &claimant, is_strict: policy == TaskOwnership::Strict }.call(call, named)?;
    exchange.claimant = Some(Box::new(claimant));
    Ok(())
}

/// Judges one call.
struct Judge<'c> {
    claimant: &'c Claimant,
    is_strict: bool,
}

impl Judge<'_> {
    fn call(&self, call: &ReadCall, named: &Named) -> Result<(), GatewayError> {
        let refuse = |detail: &str| Err(GatewayError::new(Code::UnsupportedOperation).detail(detail));
        match call.operation {
            Operation::GetExtendedAgentCard => Ok(()),
            Operation::Unknown => {
                refuse("The agent keeps its callers apart, and this method is none of A2A's own.")
            }
            Operation::ListTasks => {
                let own = |id: &str| self.claimant.standing(Kind::Context, id) == Standing::Own;
                let others = names(call)?.contexts;
                if named.context.as_deref().is_some_and(own) && others.iter().all(|id| own(id)) {
                    return Ok(());
                }
                refuse("Tasks are listed here by a contextId of the caller's own.")
            }
            Operation::SendMessage | Operation::SendStreamingMessage => self.send(call, named),
            _ => self.task(call, named),
        }
    }

    fn send(&self, call: &ReadCall, named: &Named) -> Result<(), GatewayError> {
        let names = names(call)?;
        let tasks = named.task.as_deref().into_iter().chain(names.tasks.iter().map(AsRef::as_ref));
        let resources = names.resources.iter().filter_map(|resource| task_of(resource));
        for task in tasks.chain(resources).chain(names.id.as_deref()) {
            self.permit(Kind::Task, task)?;
        }
        let contexts = named.context.as_deref().into_iter();
        for context in contexts.chain(names.contexts.iter().map(AsRef::as_ref)) {
            self.permit(Kind::Context, context)?;
        }
        Ok(())
    }

    /// An operation on one task. What servers could take for its name must all name the same one.
    fn task(&self, call: &ReadCall, named: &Named) -> Result<(), GatewayError> {
        let Some(task) = named.task.as_deref() else {
            return Err(GatewayError::new(Code::InvalidParams).detail("It names no task."));
        };
        let names = names(call)?;
        let is_about_task =
            matches!(call.operation, Operation::GetTask | Operation::CancelTask | Operation::SubscribeToTask);
        let id = names.id.as_deref().filter(|_| is_about_task);
        let is_one = names.tasks.iter().all(|other| *other == task)
            && names.resources.iter().all(|resource| task_of(resource) == Some(task))
            && id.is_none_or(|id| id == task)
            && (call.binding != Binding::HttpJson || is_one_in_query(call, is_about_task, task));
        if !is_one {
            return Err(GatewayError::new(Code::InvalidParams).detail("It names more than one task."));
        }
        self.permit(Kind::Task, task)
    }

    fn permit(&self, kind: Kind, id: &str) -> Result<(), GatewayError> {
        match self.claimant.standing(kind, id) {
            Standing::Own => Ok(()),
            Standing::Unknown if !self.is_strict => Ok(()),
            Standing::Unknown | Standing::Foreign => Err(Code::TaskNotFound.into()),
        }
    }
}

/// What a call names besides where its operation has it.
fn names(call: &ReadCall) -> Result<Names<'_>, GatewayError> {
    match call.binding {
        Binding::Grpc => {
            let (method, message) = grpc::asked(call)?;
            protobuf::policy::names(method, message)
        }
        binding => policy::params(binding, &call.body)?.map_or_else(|| Ok(Names::default()), policy::names),
    }
}

/// The task of a resource: `tasks/{id}` and what follows.
fn task_of(resource: &str) -> Option<&str> {
    let rest = resource.strip_prefix("tasks/")?;
    Some(rest.split_once('/').map_or(rest, |(task, _)| task))
}

fn is_one_in_query(call: &ReadCall, is_about_task: bool, task: &str) -> bool {
    let Some((_, raw)) = call.below.split_once('?') else { return true };
    let ids: &[&str] = if is_about_task { &["id"] } else { &[] };
    let mut values = ids.iter().chain(&TASK_PARAMETERS).flat_map(|name| query::values(raw, name));
    values.all(|value| value.is_some_and(|value| value == task))
}
