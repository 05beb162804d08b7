//! Resources as the store keeps them.

use std::time::SystemTime;

use bytes::Bytes;
use signalbox_proto::model::lane::Lane;
use uuid::Uuid;

/// What sort of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An agent.
    Agent,
    /// A plan.
    Plan,
    /// A consumer.
    Consumer,
    /// A subscription.
    Subscription,
    /// An API key.
    ApiKey,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Agent, Self::Plan, Self::Consumer, Self::Subscription, Self::ApiKey];

    /// The number under which it is stored; never reused.
    pub fn code(self) -> i64 {
        match self {
            Self::Agent => 1,
            Self::Plan => 2,
            Self::Consumer => 3,
            Self::Subscription => 4,
            Self::ApiKey => 5,
        }
    }

    /// The inverse of [`Kind::code`].
    pub fn from_code(code: i64) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }

    /// The lane in which its changes are counted.
    pub fn lane(self) -> Lane {
        match self {
            Self::Agent | Self::Plan => Lane::Config,
            Self::Consumer | Self::Subscription | Self::ApiKey => Lane::Credentials,
        }
    }
}

/// A resource as it was last committed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resource {
    /// What it is.
    pub kind: Kind,
    /// Its full name.
    pub name: String,
    /// Unlike the name, never used again.
    pub uid: Uuid,
    /// Revision of its kind's lane at its last change.
    pub revision: u64,
    /// When it was created.
    pub create_time: SystemTime,
    /// When it was last changed.
    pub update_time: SystemTime,
    /// The encoded message, without the fields above.
    pub body: Bytes,
}

/// One resource named by another, or by a reader.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Reference {
    /// What it is.
    pub kind: Kind,
    /// Its full name.
    pub name: String,
}

/// A name outside the resource tree that a resource takes, such as a host or a path.
///
/// Resources may share a key only under one holder. The store indexes claims; `service` decides who may have them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Claim {
    /// What is taken.
    pub key: String,
    /// On whose behalf.
    pub holder: String,
}

/// Which resources to list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListQuery {
    /// Of this kind.
    pub kind: Kind,
    /// With names that begin so; empty: all.
    pub prefix: String,
    /// With names after this one.
    pub after: Option<String>,
    /// At most so many.
    pub limit: usize,
}
