//! Committed state: resources, revisions, the change log, audit and idempotency.
//!
//! The store knows nothing of what resources mean. It keeps encoded bodies by kind and name, and promises that a commit
//! happens whole or not at all, with its revisions, change log, audit record and idempotency record. What may be
//! committed is decided by `service`, which reads inside the same transaction.

pub mod change;
pub mod error;
pub mod memory;
pub mod records;
pub mod resource;
pub mod sqlite;
#[cfg(test)]
mod suite;

use futures_util::future::BoxFuture;
use signalbox_proto::model::lane::Lane;

pub use self::change::{
    ChangePage, ChangeSet, Commit, Heads, Operation, Publication, Record, RevisionChanges,
};
pub use self::error::StoreError;
pub use self::records::{Audit, AuditEvent, DataPlaneFacts, Identity, Replay, Token, TokenKind};
pub use self::resource::{Claim, Kind, ListQuery, Reference, Resource};

/// What every method of a store answers.
pub type Answer<'a, T> = BoxFuture<'a, Result<T, StoreError>>;

/// Committed state.
///
/// # Contract
///
/// `suite` holds these promises as tests, for every implementation.
///
/// - **Revisions.** Each lane counts its own from 1 without gaps. A commit takes one revision in each lane that its
///   operations or publications touch, allocated in the same transaction: a reader that sees revision n sees all of
///   1 to n. A change set without operations and publications takes none.
/// - **Atomicity.** Resources, references, claims, records, change log, audit and idempotency of a commit become visible
///   together and survive the death of the process at any moment, or none of them does.
/// - **Durability.** When [`Transaction::commit`] answers, the commit survives a loss of power.
/// - **References.** A commit after which a reference would name nothing is refused.
/// - **One writer.** At most one transaction is open at a time, over all processes that share the store: what it read
///   holds until it ends. Readers never wait for it (except in `memory`).
/// - **Epoch.** Made once, at first start, and kept over restarts.
/// - **Cancellation.** A dropped future of a reader changes nothing. A dropped transaction is rolled back; a dropped
///   future of [`Transaction::commit`] leaves it open whether the commit happened.
pub trait Store: Send + Sync + 'static {
    /// Epoch and fleet pepper.
    fn identity(&self) -> Identity;

    /// The newest revision of both lanes.
    fn heads(&self) -> Answer<'_, Heads>;

    /// Opens the one write transaction, waiting for its turn.
    ///
    /// # Errors
    ///
    /// [`StoreError::Busy`] if another process holds it for longer than 5 s.
    fn begin(&self) -> Answer<'_, Box<dyn Transaction>>;

    /// The resources of these names, in their order; `None` for those that do not exist.
    fn get(&self, names: Vec<(Kind, String)>) -> Answer<'_, Vec<Option<Resource>>>;

    /// Resources of one kind in the order of their names.
    fn list(&self, query: ListQuery) -> Answer<'_, Vec<Resource>>;

    /// The changes of a lane after a revision, oldest first, whole revisions only: as many as fit `max_changes`, but
    /// at least one. Empty if `after` is the head or beyond.
    ///
    /// # Errors
    ///
    /// [`StoreError::Compacted`] if the log no longer reaches back to `after`.
    fn changes(&self, lane: Lane, after: u64, max_changes: usize) -> Answer<'_, ChangePage>;

    /// Everything that data planes should hold of a lane, as of one revision.
    fn snapshot(&self, lane: Lane) -> Answer<'_, Box<dyn Snapshot>>;

    /// Forgets the changes of a lane up to and including a revision. Resources and records stay.
    fn compact(&self, lane: Lane, through: u64) -> Answer<'_, ()>;

    /// Forgets idempotency records that have expired; answers how many.
    fn purge_replays(&self, now: std::time::SystemTime) -> Answer<'_, u64>;

    /// Audit events, newest first, with ids below `before`.
    fn audit(&self, before: Option<u64>, limit: usize) -> Answer<'_, Vec<AuditEvent>>;

    /// Adds a token, with its audit record.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if its id or its hash is taken.
    fn put_token(&self, token: Token, audit: Audit) -> Answer<'_, ()>;

    /// The token with this hash, whether or not it is still good.
    fn token_by_hash(&self, kind: TokenKind, sha256: [u8; 32]) -> Answer<'_, Option<Token>>;

    /// Tokens of one kind in the order of their ids, after one of them.
    fn tokens(&self, kind: TokenKind, after: Option<String>, limit: usize) -> Answer<'_, Vec<Token>>;

    /// Marks a token as revoked, with its audit record; one that already is stays as it was. `None`: no such token.
    fn revoke_token(&self, kind: TokenKind, id: String, audit: Audit) -> Answer<'_, Option<Token>>;

    /// Remembers what was last known of some data planes. May be lost in a crash.
    fn put_data_planes(&self, facts: Vec<DataPlaneFacts>) -> Answer<'_, ()>;

    /// What was last known of every data plane, by id.
    fn data_planes(&self) -> Answer<'_, Vec<DataPlaneFacts>>;
}

/// The one open write transaction. Dropping it rolls it back.
///
/// Reads see the committed state before the transaction; writes happen only in [`Transaction::commit`].
pub trait Transaction: Send {
    /// The newest revision of both lanes. The commit will take the next ones.
    fn heads(&mut self) -> Answer<'_, Heads>;

    /// As [`Store::get`].
    fn get(&mut self, names: Vec<(Kind, String)>) -> Answer<'_, Vec<Option<Resource>>>;

    /// As [`Store::list`].
    fn list(&mut self, query: ListQuery) -> Answer<'_, Vec<Resource>>;

    /// Who holds these claim keys.
    fn claims(&mut self, keys: Vec<String>) -> Answer<'_, Vec<(Claim, Reference)>>;

    /// Resources of a kind that refer to a name, in the order of their names.
    fn referrers(&mut self, of: Reference, kind: Kind, limit: usize) -> Answer<'_, Vec<String>>;

    /// What was answered to a request before, if it has not expired.
    fn replay(
        &mut self,
        actor: String,
        request_id: String,
        now: std::time::SystemTime,
    ) -> Answer<'_, Option<Replay>>;

    /// Writes everything and ends the transaction.
    ///
    /// # Errors
    ///
    /// [`StoreError::Conflict`] if a resource is not as an operation expects it; nothing was written then.
    fn commit(self: Box<Self>, change: ChangeSet) -> Answer<'static, Commit>;
}

/// What data planes should hold of a lane, in pages, all as of one revision.
pub trait Snapshot: Send {
    /// The revision.
    fn revision(&self) -> u64;

    /// The next records in the order of their names; empty at the end.
    fn next_page(&mut self) -> Answer<'_, Vec<Record>>;
}
