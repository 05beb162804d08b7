//! What plan and agent allow of a call: read from the call whatever binding carries it, judged by `permit`.

use std::borrow::Cow;

use signalbox_proto::model::pointer::SkillSelector;
use signalbox_proto::model::push::PushMode;

use super::call::{ReadCall, grpc};
use super::enter::Routed;
use super::exchange::Exchange;
use crate::a2a::protobuf::{self, Method};
use crate::a2a::{Binding, Operation, policy};
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
    let validates = push.mode() == PushMode::Validate && may_register(call);
    let is_skilled = !plan.permits.skills.is_empty() && may_ask(call.operation);
    let selector = agent.skill_selector.as_ref().filter(|_| is_skilled);
    if !validates && selector.is_none() {
        return Ok(());
    }
    let asked = Asked::read(call)?;
    if validates {
        let urls = asked.webhooks()?;
        if call.operation == Operation::CreateTaskPushNotificationConfig && urls.is_empty() {
            // The agent may find one where the gateway does not.
            return Err(GatewayError::new(Code::WebhookNotAllowed).detail("It names no URL."));
        }
        for url in urls {
            push.check_webhook(&url)?;
        }
    }
    selector.map_or(Ok(()), |selector| check_skill(&plan.permits, &asked.skills(selector)?))
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

/// What a call asks, as its binding carries it.
enum Asked<'c> {
    Json(Option<&'c str>),
    Protobuf(Method<'c>, &'c [u8]),
}

impl<'c> Asked<'c> {
    fn read(call: &'c ReadCall) -> Result<Self, GatewayError> {
        Ok(match call.binding {
            Binding::Grpc => {
                let (method, message) = grpc::asked(call)?;
                Self::Protobuf(method, message)
            }
            binding => Self::Json(policy::params(binding, &call.body)?),
        })
    }

    fn webhooks(&self) -> Result<Vec<Cow<'c, str>>, GatewayError> {
        match self {
            Self::Json(params) => params.map_or_else(|| Ok(Vec::new()), policy::webhooks),
            Self::Protobuf(method, message) => protobuf::policy::webhooks(*method, message),
        }
    }

    fn skills(&self, selector: &SkillSelector) -> Result<Vec<Cow<'c, str>>, GatewayError> {
        match self {
            Self::Json(Some(params)) => policy::skills(params, selector),
            Self::Json(None) => Ok(Vec::new()),
            Self::Protobuf(method, message) => protobuf::policy::skills(*method, message, selector),
        }
    }
}
