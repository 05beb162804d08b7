//! Resources of any kind as one type, between their messages and the store's bytes.

use bytes::Bytes;
use prost::Message as _;
use signalbox_proto::model::agent::Agent;
use signalbox_proto::model::consumer::{ApiKey, Consumer, Subscription};
use signalbox_proto::model::plan::Plan;
use signalbox_proto::model::violation::{FieldPath, Violations};
use signalbox_proto::wire::config::v1 as wire;

use super::etag::etag;
use crate::clock::to_timestamp;
use crate::error::Error;
use crate::store::{Kind, Resource};

/// A resource as callers write and read it.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// An agent.
    Agent(Box<wire::Agent>),
    /// A plan.
    Plan(wire::Plan),
    /// A consumer.
    Consumer(wire::Consumer),
    /// A subscription.
    Subscription(wire::Subscription),
    /// An API key.
    ApiKey(wire::ApiKey),
}

/// A resource that passed every check of its own message.
pub(super) enum Checked {
    Agent(Box<Agent>),
    Plan(Box<Plan>),
    Consumer,
    Subscription(Subscription),
    ApiKey(ApiKey),
}

/// The message of one kind of resource.
pub trait ResourceMessage: Into<Body> + Send + 'static {
    /// The kind.
    const KIND: Kind;

    /// The message, if `body` is of this kind.
    fn from_body(body: Body) -> Option<Self>;
}

macro_rules! resource_messages {
    ($($kind:ident),*) => {$(
        impl From<wire::$kind> for Body {
            fn from(message: wire::$kind) -> Self {
                Self::$kind(message)
            }
        }

        impl ResourceMessage for wire::$kind {
            const KIND: Kind = Kind::$kind;

            fn from_body(body: Body) -> Option<Self> {
                match body {
                    Body::$kind(message) => Some(message),
                    _ => None,
                }
            }
        }
    )*};
}

resource_messages!(Plan, Consumer, Subscription, ApiKey);

impl From<wire::Agent> for Body {
    fn from(message: wire::Agent) -> Self {
        Self::Agent(Box::new(message))
    }
}

impl ResourceMessage for wire::Agent {
    const KIND: Kind = Kind::Agent;

    fn from_body(body: Body) -> Option<Self> {
        match body {
            Body::Agent(message) => Some(*message),
            _ => None,
        }
    }
}

/// The same expression for the message of any kind.
macro_rules! each {
    ($body:expr, $message:ident => $value:expr) => {
        match $body {
            Body::Agent($message) => $value,
            Body::Plan($message) => $value,
            Body::Consumer($message) => $value,
            Body::Subscription($message) => $value,
            Body::ApiKey($message) => $value,
        }
    };
}

impl Body {
    /// What it is.
    pub fn kind(&self) -> Kind {
        match self {
            Self::Agent(_) => Kind::Agent,
            Self::Plan(_) => Kind::Plan,
            Self::Consumer(_) => Kind::Consumer,
            Self::Subscription(_) => Kind::Subscription,
            Self::ApiKey(_) => Kind::ApiKey,
        }
    }

    /// Its full name.
    pub fn name(&self) -> &str {
        each!(self, message => &message.name)
    }

    /// The version that the caller means to change; empty: any.
    pub(super) fn etag(&self) -> &str {
        each!(self, message => &message.etag)
    }

    pub(super) fn set_name(&mut self, name: String) {
        each!(self, message => message.name = name);
    }

    /// Clears what is output only and writes defaults out, so that what is stored does not change its meaning when a
    /// default does.
    pub(super) fn normalize(&mut self) {
        each!(self, message => {
            message.uid = String::new();
            message.etag = String::new();
            message.create_time = None;
            message.update_time = None;
        });
        match self {
            Self::Agent(agent) if agent.state == wire::AgentState::Unspecified as i32 => {
                agent.set_state(wire::AgentState::Deployed);
            }
            Self::Plan(plan) if plan.state == wire::PlanState::Unspecified as i32 => {
                plan.set_state(wire::PlanState::Published);
            }
            Self::Subscription(subscription)
                if subscription.state == wire::SubscriptionState::Unspecified as i32 =>
            {
                subscription.set_state(wire::SubscriptionState::Active);
            }
            Self::ApiKey(key) => {
                if key.state == wire::ApiKeyState::Unspecified as i32 {
                    key.set_state(wire::ApiKeyState::Active);
                }
                key.key_sha256.make_ascii_lowercase();
            }
            _ => {}
        }
    }

    /// The same without the prefix of a key, which only the maker of the key knows.
    pub(super) fn without_prefix(mut self) -> Self {
        if let Self::ApiKey(key) = &mut self {
            key.key_prefix = String::new();
        }
        self
    }

    /// Takes over from the stored form what an update may leave out.
    pub(super) fn inherit(&mut self, current: &Self) {
        if let (Self::ApiKey(key), Self::ApiKey(current)) = (self, current) {
            if key.state == wire::ApiKeyState::Unspecified as i32 {
                key.state = current.state;
            }
            if key.key_sha256.is_empty() {
                key.key_sha256.clone_from(&current.key_sha256);
            }
            key.key_prefix.clone_from(&current.key_prefix);
        }
    }

    /// Holds every rule over this message alone.
    pub(super) fn check(&self, at: &FieldPath) -> Result<Checked, Violations> {
        let mut wrong = Violations::new();
        let checked = match self.clone() {
            Self::Agent(message) => {
                Agent::from_wire(*message, at, &mut wrong).map(|agent| Checked::Agent(Box::new(agent)))
            }
            Self::Plan(message) => {
                Plan::from_wire(message, at, &mut wrong).map(|plan| Checked::Plan(Box::new(plan)))
            }
            Self::Consumer(message) => {
                Consumer::from_wire(message, at, &mut wrong).map(|_| Checked::Consumer)
            }
            Self::Subscription(message) => {
                Subscription::from_wire(message, at, &mut wrong).map(Checked::Subscription)
            }
            Self::ApiKey(message) => ApiKey::from_wire(message, at, &mut wrong).map(Checked::ApiKey),
        };
        wrong.or_value(checked)
    }

    /// The bytes to store.
    pub(super) fn encode(&self) -> Bytes {
        each!(self, message => message.encode_to_vec().into())
    }

    /// Reads stored bytes.
    pub(super) fn decode(kind: Kind, bytes: &[u8]) -> Result<Self, Error> {
        let decoded = match kind {
            Kind::Agent => wire::Agent::decode(bytes).map(Self::from),
            Kind::Plan => wire::Plan::decode(bytes).map(Self::Plan),
            Kind::Consumer => wire::Consumer::decode(bytes).map(Self::Consumer),
            Kind::Subscription => wire::Subscription::decode(bytes).map(Self::Subscription),
            Kind::ApiKey => wire::ApiKey::decode(bytes).map(Self::ApiKey),
        };
        decoded.map_err(|error| Error::Internal { doing: "read a stored resource", source: Box::new(error) })
    }

    /// A stored resource as callers read it.
    pub(super) fn present(resource: &Resource) -> Result<Self, Error> {
        let mut body = Self::decode(resource.kind, &resource.body)?;
        each!(&mut body, message => {
            message.uid = resource.uid.to_string();
            message.etag = etag(resource.uid, resource.revision);
            message.create_time = Some(to_timestamp(resource.create_time));
            message.update_time = Some(to_timestamp(resource.update_time));
        });
        Ok(body)
    }
}

impl Kind {
    /// The field of a request that carries such a resource.
    pub(super) fn field(self) -> &'static str {
        match self {
            Self::Agent => "agent",
            Self::Plan => "plan",
            Self::Consumer => "consumer",
            Self::Subscription => "subscription",
            Self::ApiKey => "api_key",
        }
    }

    /// The segment of a name between the parent and the id.
    pub(super) fn collection(self) -> &'static str {
        match self {
            Self::Agent => "agents",
            Self::Plan => "plans",
            Self::Consumer => "consumers",
            Self::Subscription => "subscriptions",
            Self::ApiKey => "apiKeys",
        }
    }

    /// The kind of what it hangs from; `None`: an organization, which is not stored.
    pub(super) fn parent(self) -> Option<Self> {
        match self {
            Self::Agent | Self::Plan | Self::Consumer => None,
            Self::Subscription => Some(Self::Consumer),
            Self::ApiKey => Some(Self::Subscription),
        }
    }
}
