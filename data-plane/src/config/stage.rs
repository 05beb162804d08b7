//! A delta on its way in, chunk by chunk, packed as it will be needed.

use signalbox_proto::model::credential::Credential;
use signalbox_proto::model::lane::{Change, Cursor, Delta, Lane};
use signalbox_proto::model::name::ApiKeyName;

use crate::auth::{KeyBatch, PEPPER_BYTES};

/// One change of the credentials lane.
#[derive(Clone, Debug)]
pub enum KeyEdit {
    /// A key that may be used.
    Put(Box<Credential>),
    /// A key that may not be used any more.
    Delete(ApiKeyName),
}

/// What changed in one lane.
#[derive(Debug)]
pub enum StagedChanges {
    /// Agents and plans, with the revision of each change. Anything else in here is ignored.
    Config(Vec<(u64, Change)>),
    /// Some keys.
    Keys(Vec<KeyEdit>),
    /// All keys, and the pepper that their digests were made with.
    AllKeys {
        /// The pepper.
        pepper: [u8; PEPPER_BYTES],
        /// The keys.
        batch: KeyBatch,
    },
}

/// A delta, complete when all its chunks have been added.
#[derive(Debug)]
pub struct Staged {
    /// The lane.
    pub lane: Lane,
    /// The revision before it; ignored when `full`.
    pub from: u64,
    /// Where the lane is after it.
    pub to: Cursor,
    /// Replaces everything held of the lane.
    pub full: bool,
    /// What changed.
    pub changes: StagedChanges,
}

impl Staged {
    /// A delta without changes yet. `pepper` is that of the keys to come. One that starts at revision 0, where nothing
    /// is, replaces everything too.
    #[must_use]
    pub fn new(lane: Lane, from: u64, to: Cursor, full: bool, pepper: [u8; PEPPER_BYTES]) -> Self {
        let full = full || from == 0;
        let changes = match (lane, full) {
            (Lane::Config, _) => StagedChanges::Config(Vec::new()),
            (Lane::Credentials, false) => StagedChanges::Keys(Vec::new()),
            (Lane::Credentials, true) => StagedChanges::AllKeys { pepper, batch: KeyBatch::new() },
        };
        Self { lane, from, to, full, changes }
    }

    /// A whole delta.
    #[must_use]
    pub fn whole(delta: Delta, pepper: [u8; PEPPER_BYTES]) -> Self {
        let Delta { lane, from, to, full, changes, traceparent: _, commit_time: _ } = delta;
        let mut staged = Self::new(lane, from, to, full, pepper);
        for (revision, change) in changes {
            staged.add(revision, change);
        }
        staged
    }

    /// Adds a change. One that does not belong to the lane is ignored.
    pub fn add(&mut self, revision: u64, change: Change) {
        match (&mut self.changes, change) {
            (StagedChanges::Config(changes), change) => changes.push((revision, change)),
            (StagedChanges::Keys(edits), Change::PutCredential(key)) => edits.push(KeyEdit::Put(key)),
            (StagedChanges::Keys(edits), Change::DeleteCredential(name)) => edits.push(KeyEdit::Delete(name)),
            (StagedChanges::AllKeys { batch, .. }, Change::PutCredential(key)) => batch.push(&key),
            _ => {}
        }
    }

    /// Number of changes.
    #[must_use]
    pub fn len(&self) -> usize {
        match &self.changes {
            StagedChanges::Config(changes) => changes.len(),
            StagedChanges::Keys(edits) => edits.len(),
            StagedChanges::AllKeys { batch, .. } => batch.len(),
        }
    }

    /// Whether there are no changes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}
