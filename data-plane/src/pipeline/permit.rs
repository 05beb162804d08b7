//! What plan and agent allow of a call: read from the call whatever binding carries it, judged by `permit`.

use std::borrow::Cow;

use signalbox_proto::model::pointer::SkillSelector;
use signalbox_proto::model::push::PushMode;

use super::call::{ReadCall, grpc};
use super::enter::Routed;
use super::exchange::Exchange;
use crate::a2a::{Binding, Operation, policy, protobuf};
use crate::error::{Code, GatewayError};
use crate::permit::{PushRules, check_operation, check_skill};

/// Refuses a call that the caller's plan or the agent does not allow.
///
/// # Errors
/// `UnsupportedOperation` for an operation or a skill, `PushNotSupported` and `WebhookNotAllowed` for webhooks.
pub(super) fn check(exchange: &Exchange, routed: &Routed, call: &ReadCall) -> Result<(), GatewayError> {
    let Some(plan) = exchange.plan.as_deref() else {
        return Err(GatewayError::new(Code::Internal).internal("a call without a plan"));
    };
    let (agent, plan) = (&routed.agent.spec, &plan.spec);
    check_operation(&plan.permits, call.operation.name())?;
    let push = PushRules::new(&agent.push, &plan.push);
    push.check_use(call.operation.is_push() || call.has_push_config)?;
    if push.mode() == PushMode::Validate && may_register(call) {
        for url in webhooks(call)? {
            push.check_webhook(&url)?;
        }
    }
    if let Some(selector) = &agent.skill_selector
        && !plan.permits.skills.is_empty()
        && may_ask(call.operation)
    {
        check_skill(&plan.permits, &skills(call, selector)?)?;
    }
    Ok(())
}

/// Whether a call can hand over a webhook. What the gateway does not know is looked at like what it knows.
fn may_register(call: &ReadCall) -> bool {
    let creates = call.operation == Operation::CreateTaskPushNotificationConfig;
    creates || call.has_push_config || may_ask(call.operation)
}

/// Whether a call can ask for a skill. A method that the gateway does not know names none where it is looked for.
fn may_ask(operation: Operation) -> bool {
    operation.is_send() || operation == Operation::Unknown
}

fn webhooks(call: &ReadCall) -> Result<Vec<Cow<'_, str>>, GatewayError> {
    match call.binding {
        Binding::Grpc => {
            let (method, message) = grpc::asked(call)?;
            protobuf::policy::webhooks(method, message)
        }
        binding => policy::params(binding, &call.body)?.map_or_else(|| Ok(Vec::new()), policy::webhooks),
    }
}

fn skills<'c>(call: &'c ReadCall, selector: &SkillSelector) -> Result<Vec<Cow<'c, str>>, GatewayError> {
    match call.binding {
        Binding::Grpc => {
            let (method, message) = grpc::asked(call)?;
            protobuf::policy::skills(method, message, selector)
        }
        binding => match policy::params(binding, &call.body)? {
            Some(params) => policy::skills(params, selector),
            None => Ok(Vec::new()),
        },
    }
}
