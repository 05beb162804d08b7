//! What can be asked, and what is answered.

use signalbox_proto::model::violation::Violations;
use signalbox_proto::wire::config::v1 as wire;

use super::body::Body;
use crate::store::{Commit, Kind};

/// A change as it was asked for.
pub(super) enum Edit {
    /// Under a name that nothing has yet.
    Create { parent: String, id: String, body: Body },
    /// In place of what is stored.
    Update { body: Body, allow_missing: bool },
    /// With what hangs from it, if `force`.
    Delete { kind: Kind, name: String, etag: String, force: bool },
    /// A key that ends for good.
    Revoke { name: String, etag: String },
    /// Many at once.
    Apply(Box<wire::Manifest>),
}

impl Edit {
    /// The kind of resource that is answered; `None` if there are many.
    pub(super) fn kind(&self) -> Option<Kind> {
        match self {
            Self::Create { body, .. } | Self::Update { body, .. } => Some(body.kind()),
            Self::Delete { kind, .. } => Some(*kind),
            Self::Revoke { .. } => Some(Kind::ApiKey),
            Self::Apply(_) => None,
        }
    }
}

/// What became of a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// It is new.
    Created,
    /// It is another than before.
    Updated,
    /// It was so already.
    Unchanged,
}

impl Action {
    /// As the wire carries it.
    pub fn to_wire(self) -> wire::ApplyAction {
        match self {
            Self::Created => wire::ApplyAction::Created,
            Self::Updated => wire::ApplyAction::Updated,
            Self::Unchanged => wire::ApplyAction::Unchanged,
        }
    }
}

/// A resource after a change.
#[derive(Clone, Debug, PartialEq)]
pub struct Changed<R> {
    /// As it is now; with `validate_only`, as it would be.
    pub resource: R,
    /// Where the change stands; `None` if nothing changed or nothing was to be written.
    pub commit: Option<Commit>,
    /// Whether this is the answer to an earlier request with the same id.
    pub replayed: bool,
}

/// What a manifest did.
#[derive(Clone, Debug, PartialEq)]
pub struct Applied {
    /// To each resource, in the manifest's order.
    pub results: Vec<wire::ApplyResult>,
    /// Where the change stands; `None` if nothing changed or nothing was to be written.
    pub commit: Option<Commit>,
    /// What is allowed and may yet not be what was meant, each under `manifest.`.
    pub advice: Violations,
}

/// What one edit answers, before it is given the caller's type.
#[derive(Default)]
pub(super) struct Answer {
    /// The resource, unless it was deleted or there were many.
    pub(super) resource: Option<Body>,
    /// What became of many.
    pub(super) results: Vec<wire::ApplyResult>,
    pub(super) commit: Option<Commit>,
    pub(super) replayed: bool,
    /// What is allowed and may yet not be what was meant.
    pub(super) advice: Violations,
}
