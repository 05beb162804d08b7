//! What is kept besides resources: identity, audit, idempotency, tokens, data planes.

use std::time::SystemTime;

use bytes::Bytes;
use signalbox_proto::model::lane::Epoch;

use super::change::Commit;

/// What a store is, made at its first start.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Identity {
    /// Names this history of revisions.
    pub epoch: Epoch,
    /// Key of the HMAC that turns a key's SHA-256 into what data planes hold.
    pub key_pepper: [u8; 32],
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity").field("epoch", &self.epoch).finish_non_exhaustive()
    }
}

/// Who changes something, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    /// When it happens.
    pub time: SystemTime,
    /// Who asked.
    pub actor: String,
    /// The RPC: "signalbox.config.v1.ConfigService/UpdateAgent".
    pub method: String,
    /// As the caller gave it; may be empty.
    pub request_id: String,
    /// Names of what it changes.
    pub resources: Vec<String>,
}

/// A change that was committed, and who made it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEvent {
    /// Rises with time.
    pub id: u64,
    /// Who and how.
    pub audit: Audit,
    /// Revision taken in the config lane, if any.
    pub config_revision: Option<u64>,
    /// Revision taken in the credentials lane, if any.
    pub credentials_revision: Option<u64>,
}

/// The first answer to a request that may be repeated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replay {
    /// Who asked.
    pub actor: String,
    /// As the caller gave it.
    pub request_id: String,
    /// SHA-256 of method and content.
    pub request_sha256: [u8; 32],
    /// The encoded answer.
    pub response: Bytes,
    /// The commit that it made, if any.
    pub commit: Option<Commit>,
    /// When it is forgotten.
    pub expire_time: SystemTime,
}

/// What a token lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TokenKind {
    /// Whoever administers.
    Admin,
    /// One data plane.
    DataPlane,
}

impl TokenKind {
    /// The number under which it is stored; never reused.
    pub fn code(self) -> i64 {
        match self {
            Self::Admin => 1,
            Self::DataPlane => 2,
        }
    }

    /// The inverse of [`TokenKind::code`].
    pub fn from_code(code: i64) -> Option<Self> {
        [Self::Admin, Self::DataPlane].into_iter().find(|kind| kind.code() == code)
    }
}

/// A token; its secret is known by hash only.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it lets in.
    pub kind: TokenKind,
    /// The part that may be shown.
    pub id: String,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// The data plane that may use it, `dataPlanes/{id}`; empty for an admin.
    pub data_plane: String,
    /// The region that it must name; empty for an admin.
    pub region: String,
    /// When it was made.
    pub create_time: SystemTime,
    /// When it stops working.
    pub expire_time: Option<SystemTime>,
    /// When it was revoked.
    pub revoke_time: Option<SystemTime>,
}

/// What was last known of a data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DataPlaneFacts {
    /// `dataPlanes/{id}`
    pub name: String,
    /// When it last said anything.
    pub last_contact_time: SystemTime,
    /// The encoded `signalbox.fleet.v1.DataPlane`.
    pub body: Bytes,
}
