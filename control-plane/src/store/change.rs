//! What a commit writes, and what can be read of the log afterwards.

use std::time::SystemTime;

use bytes::Bytes;
use signalbox_proto::model::lane::{Epoch, Lane};
use uuid::Uuid;

use super::records::{Audit, Replay};
use super::resource::{Claim, Kind, Reference};

/// Everything that one commit writes.
#[derive(Clone, Debug)]
pub struct ChangeSet {
    /// When it happens.
    pub time: SystemTime,
    /// W3C traceparent of the request, for the spans of those who apply it.
    pub traceparent: Option<String>,
    /// Resources written; at most one operation for each name.
    pub operations: Vec<Operation>,
    /// What data planes are to learn of it; at most one for each lane and name.
    pub publications: Vec<Publication>,
    /// Who did it.
    pub audit: Audit,
    /// What to answer if the request is repeated.
    pub replay: Option<Replay>,
}

/// One resource written.
#[derive(Clone, Debug)]
pub enum Operation {
    /// Create or replace.
    Put {
        /// What it is.
        kind: Kind,
        /// Its full name.
        name: String,
        /// Revision that it has now; `None`: it does not exist.
        expect: Option<u64>,
        /// Its identity if it is created; a replaced one keeps its own.
        uid: Uuid,
        /// The encoded message.
        body: Bytes,
        /// Everything that it claims from now on.
        claims: Vec<Claim>,
        /// Everything that it refers to from now on.
        references: Vec<Reference>,
    },
    /// Delete, with its claims and references.
    Delete {
        /// What it is.
        kind: Kind,
        /// Its full name.
        name: String,
        /// Revision that it has now.
        expect: u64,
    },
}

impl Operation {
    /// What is written, and under which name.
    pub fn target(&self) -> (Kind, &str) {
        match self {
            Self::Put { kind, name, .. } | Self::Delete { kind, name, .. } => (*kind, name),
        }
    }
}

/// A change of what data planes should hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Publication {
    /// In which lane.
    pub lane: Lane,
    /// The resource's name.
    pub name: String,
    /// The encoded record; `None`: it goes.
    pub body: Option<Bytes>,
}

/// What data planes should hold of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// The resource's name.
    pub name: String,
    /// When it last changed.
    pub revision: u64,
    /// The encoded record.
    pub body: Bytes,
}

/// The newest revision of each lane; 0: nothing yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Heads {
    /// Of the config lane.
    pub config: u64,
    /// Of the credentials lane.
    pub credentials: u64,
}

impl Heads {
    /// Of one lane.
    pub fn of(self, lane: Lane) -> u64 {
        match lane {
            Lane::Config => self.config,
            Lane::Credentials => self.credentials,
        }
    }

    /// The same with another head of one lane.
    pub fn with(mut self, lane: Lane, revision: u64) -> Self {
        match lane {
            Lane::Config => self.config = revision,
            Lane::Credentials => self.credentials = revision,
        }
        self
    }
}

/// Where a committed change stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Commit {
    /// The history.
    pub epoch: Epoch,
    /// Revision taken in the config lane, if any.
    pub config_revision: Option<u64>,
    /// Revision taken in the credentials lane, if any.
    pub credentials_revision: Option<u64>,
    /// When it happened.
    pub commit_time: SystemTime,
}

impl Commit {
    /// Revision taken in a lane, if any.
    pub fn revision(&self, lane: Lane) -> Option<u64> {
        match lane {
            Lane::Config => self.config_revision,
            Lane::Credentials => self.credentials_revision,
        }
    }
}

/// What one revision of a lane changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RevisionChanges {
    /// The revision.
    pub revision: u64,
    /// When it was committed.
    pub commit_time: SystemTime,
    /// W3C traceparent of the commit.
    pub traceparent: Option<String>,
    /// Name and encoded record, `None` where it goes; in the order in which they were committed. May be empty.
    pub changes: Vec<(String, Option<Bytes>)>,
}

/// Part of a lane's log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChangePage {
    /// Consecutive revisions.
    pub revisions: Vec<RevisionChanges>,
    /// The newest revision of the lane when this was read.
    pub head: u64,
}

impl ChangeSet {
    /// Whether it takes a revision in a lane.
    pub fn touches(&self, lane: Lane) -> bool {
        self.operations.iter().any(|operation| operation.target().0.lane() == lane)
            || self.publications.iter().any(|publication| publication.lane == lane)
    }

    /// The commit that it makes on top of `heads`.
    pub fn commit_after(&self, epoch: Epoch, heads: Heads) -> Commit {
        let next = |lane| self.touches(lane).then(|| heads.of(lane) + 1);
        Commit {
            epoch,
            config_revision: next(Lane::Config),
            credentials_revision: next(Lane::Credentials),
            commit_time: self.time,
        }
    }
}
