//! What the gateway reads from the parameters of a call, which are `params` in JSON-RPC and the body in HTTP+JSON: the
//! names of task and context, and how a send waits.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::operation::{Naming, Operation};
use super::text::{Key, Text};

type Name<'a> = Option<Cow<'a, str>>;

#[derive(Default)]
pub(super) struct Params<'a> {
    id: Name<'a>,
    task_id: Name<'a>,
    context_id: Name<'a>,
    session_id: Name<'a>,
    message: Message<'a>,
    configuration: Configuration,
    pub(super) has_push_config: bool,
    /// The message is there under both its names.
    pub(super) has_two_messages: bool,
}

impl<'a> Params<'a> {
    /// Whether a send waits for the outcome. Waiting is the default in every version.
    pub(super) fn waits(&self) -> bool {
        let Configuration { blocking, return_immediately, .. } = self.configuration;
        match (return_immediately, blocking) {
            (Some(returns), _) => !returns,
            (None, Some(blocks)) => blocks,
            (None, None) => true,
        }
    }

    /// The task and the context named. The place depends on operation and version: `id` is the task in `GetTask`, and
    /// the webhook in the push methods of 1.0.
    pub(super) fn names(self, operation: Operation, naming: Option<Naming>) -> (Name<'a>, Name<'a>) {
        use Operation as O;
        match (operation, naming) {
            (O::SendMessage | O::SendStreamingMessage, Some(Naming::V01)) => (self.id, self.session_id),
            (O::SendMessage | O::SendStreamingMessage, _) => (self.message.task_id, self.message.context_id),
            (O::GetTask | O::CancelTask | O::SubscribeToTask, _) => (self.id, None),
            (O::ListTasks, _) => (None, self.context_id),
            (O::CreateTaskPushNotificationConfig, Some(Naming::V01)) => (self.id, None),
            (O::CreateTaskPushNotificationConfig, _) => (self.task_id, None),
            (
                O::GetTaskPushNotificationConfig
                | O::ListTaskPushNotificationConfigs
                | O::DeleteTaskPushNotificationConfig,
                Some(Naming::V10),
            ) => (self.task_id, None),
            (
                O::GetTaskPushNotificationConfig
                | O::ListTaskPushNotificationConfigs
                | O::DeleteTaskPushNotificationConfig,
                _,
            ) => (self.id, None),
            (O::GetExtendedAgentCard | O::Unknown, _) => (None, None),
        }
    }
}

#[derive(Default)]
struct Message<'a> {
    task_id: Name<'a>,
    context_id: Name<'a>,
}

#[derive(Default)]
struct Configuration {
    blocking: Option<bool>,
    return_immediately: Option<bool>,
    has_push_config: bool,
}

impl<'de: 'a, 'a> Deserialize<'de> for Params<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ParamsVisitor { in_proto_names: false, params: PhantomData })
    }
}

/// Reads the body of an HTTP+JSON request, in which `request` is another name of `message`: 0.3's protocol buffers call
/// the field so, and parsers of their JSON take either name.
#[derive(Default)]
pub(super) struct ProtoNames;

impl<'de> DeserializeSeed<'de> for ProtoNames {
    type Value = Params<'de>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Params<'de>, D::Error> {
        deserializer.deserialize_map(ParamsVisitor { in_proto_names: true, params: PhantomData })
    }
}

struct ParamsVisitor<'a> {
    in_proto_names: bool,
    params: PhantomData<&'a ()>,
}

impl<'de: 'a, 'a> Visitor<'de> for ParamsVisitor<'a> {
    type Value = Params<'a>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("params as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Params<'a>, A::Error> {
        let mut params = Params::default();
        let mut message_name = None;
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Message | Key::Request if self.in_proto_names => {
                    params.has_two_messages |= message_name.replace(key).is_some();
                    params.message = map.next_value::<Option<_>>()?.unwrap_or_default();
                }
                Key::Id => params.id = name(&mut map)?,
                Key::TaskId => params.task_id = name(&mut map)?,
                Key::ContextId => params.context_id = name(&mut map)?,
                Key::SessionId => params.session_id = name(&mut map)?,
                Key::Message => params.message = map.next_value::<Option<_>>()?.unwrap_or_default(),
                Key::Configuration => {
                    params.configuration = map.next_value::<Option<_>>()?.unwrap_or_default();
                    params.has_push_config |= params.configuration.has_push_config;
                }
                Key::PushConfig => params.has_push_config |= is_set(&mut map)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(params)
    }
}

impl<'de: 'a, 'a> Deserialize<'de> for Message<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(MessageVisitor(PhantomData))
    }
}

struct MessageVisitor<'a>(PhantomData<&'a ()>);

impl<'de: 'a, 'a> Visitor<'de> for MessageVisitor<'a> {
    type Value = Message<'a>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a message as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Message<'a>, A::Error> {
        let mut message = Message::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::TaskId => message.task_id = name(&mut map)?,
                Key::ContextId => message.context_id = name(&mut map)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(message)
    }
}

impl<'de> Deserialize<'de> for Configuration {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ConfigurationVisitor)
    }
}

struct ConfigurationVisitor;

impl<'de> Visitor<'de> for ConfigurationVisitor {
    type Value = Configuration;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a configuration as an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Configuration, A::Error> {
        let mut configuration = Configuration::default();
        while let Some(key) = map.next_key::<Key>()? {
            match key {
                Key::Blocking => configuration.blocking = flag(&mut map)?,
                Key::ReturnImmediately => configuration.return_immediately = flag(&mut map)?,
                Key::PushConfig => configuration.has_push_config |= is_set(&mut map)?,
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(configuration)
    }
}

fn name<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Name<'de>, A::Error> {
    Ok(map.next_value::<Option<Text<'de>>>()?.map(|text| text.0))
}

/// Decides about a timeout only, so that other types are left for the agent to judge.
fn flag<'de, A: MapAccess<'de>>(map: &mut A) -> Result<Option<bool>, A::Error> {
    Ok(match map.next_value::<&'de RawValue>()?.get() {
        "true" => Some(true),
        "false" => Some(false),
        _ => None,
    })
}

fn is_set<'de, A: MapAccess<'de>>(map: &mut A) -> Result<bool, A::Error> {
    Ok(map.next_value::<&'de RawValue>()?.get() != "null")
}
