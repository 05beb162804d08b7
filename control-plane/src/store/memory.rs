//! The store in memory, for tests of what stands on it. Everything is lost with the process.

mod state;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::{BoxFuture, FutureExt as _};
use rand::Rng as _;
use signalbox_proto::model::lane::{Epoch, Lane};
use tokio::sync::{Mutex, OwnedMutexGuard};

use self::state::State;
use super::{
    Answer, Audit, AuditEvent, ChangePage, ChangeSet, Claim, Commit, DataPlaneFacts, Heads, Identity, Kind,
    ListQuery, Record, Reference, Replay, Resource, Snapshot, Store, StoreError, Token, TokenKind,
    Transaction,
};

/// Records that one page of a snapshot holds.
const SNAPSHOT_PAGE: usize = 1000;

/// A store without a disk. Unlike others, its readers wait while a transaction is open.
#[derive(Clone, Debug)]
pub struct MemoryStore {
    identity: Identity,
    state: Arc<Mutex<State>>,
}

impl Default for MemoryStore {
    fn default() -> Self {
        let mut random = rand::rng();
        Self {
            identity: Identity { epoch: Epoch(random.random()), key_pepper: random.random() },
            state: Arc::default(),
        }
    }
}

impl MemoryStore {
    fn with<'a, T, F>(&'a self, f: F) -> Answer<'a, T>
    where
        T: Send + 'a,
        F: FnOnce(&mut State) -> Result<T, StoreError> + Send + 'a,
    {
        async move { f(&mut *self.state.lock().await) }.boxed()
    }
}

impl Store for MemoryStore {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn heads(&self) -> Answer<'_, Heads> {
        self.with(|state| Ok(state.heads()))
    }

    fn begin(&self) -> Answer<'_, Box<dyn Transaction>> {
        let state = Arc::clone(&self.state);
        let epoch = self.identity.epoch;
        async move { Ok(Box::new(Open { epoch, state: state.lock_owned().await }) as Box<dyn Transaction>) }
            .boxed()
    }

    fn get(&self, names: Vec<(Kind, String)>) -> Answer<'_, Vec<Option<Resource>>> {
        self.with(move |state| Ok(state.get(&names)))
    }

    fn list(&self, query: ListQuery) -> Answer<'_, Vec<Resource>> {
        self.with(move |state| Ok(state.list(&query)))
    }

    fn changes(&self, lane: Lane, after: u64, max_changes: usize) -> Answer<'_, ChangePage> {
        self.with(move |state| state.changes(lane, after, max_changes))
    }

    fn snapshot(&self, lane: Lane) -> Answer<'_, Box<dyn Snapshot>> {
        self.with(move |state| {
            let (revision, records) = state.records(lane);
            Ok(Box::new(Pages { revision, records: records.into_iter() }) as Box<dyn Snapshot>)
        })
    }

    fn compact(&self, lane: Lane, through: u64) -> Answer<'_, ()> {
        self.with(move |state| {
            state.compact(lane, through);
            Ok(())
        })
    }

    fn purge_replays(&self, now: SystemTime) -> Answer<'_, u64> {
        self.with(move |state| Ok(state.purge_replays(now)))
    }

    fn audit(&self, before: Option<u64>, limit: usize) -> Answer<'_, Vec<AuditEvent>> {
        self.with(move |state| Ok(state.audit(before, limit)))
    }

    fn put_token(&self, token: Token, audit: Audit) -> Answer<'_, ()> {
        self.with(move |state| state.put_token(token, audit))
    }

    fn token_by_hash(&self, kind: TokenKind, sha256: [u8; 32]) -> Answer<'_, Option<Token>> {
        self.with(move |state| Ok(state.token_by_hash(kind, sha256)))
    }

    fn tokens(&self, kind: TokenKind, after: Option<String>, limit: usize) -> Answer<'_, Vec<Token>> {
        self.with(move |state| Ok(state.tokens(kind, after.as_deref(), limit)))
    }

    fn revoke_token(&self, kind: TokenKind, id: String, audit: Audit) -> Answer<'_, Option<Token>> {
        self.with(move |state| Ok(state.revoke_token(kind, id, audit)))
    }

    fn put_data_planes(&self, facts: Vec<DataPlaneFacts>) -> Answer<'_, ()> {
        self.with(move |state| {
            state.put_data_planes(facts);
            Ok(())
        })
    }

    fn data_planes(&self) -> Answer<'_, Vec<DataPlaneFacts>> {
        self.with(|state| Ok(state.data_planes()))
    }
}

/// The one open transaction: it holds the lock of the state.
struct Open {
    epoch: Epoch,
    state: OwnedMutexGuard<State>,
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, StoreError>> {
    std::future::ready(Ok(value)).boxed()
}

impl Transaction for Open {
    fn heads(&mut self) -> Answer<'_, Heads> {
        ready(self.state.heads())
    }

    fn get(&mut self, names: Vec<(Kind, String)>) -> Answer<'_, Vec<Option<Resource>>> {
        ready(self.state.get(&names))
    }

    fn list(&mut self, query: ListQuery) -> Answer<'_, Vec<Resource>> {
        ready(self.state.list(&query))
    }

    fn claims(&mut self, keys: Vec<String>) -> Answer<'_, Vec<(Claim, Reference)>> {
        ready(self.state.claims(&keys))
    }

    fn referrers(&mut self, of: Reference, kind: Kind, limit: usize) -> Answer<'_, Vec<String>> {
        ready(self.state.referrers(&of, kind, limit))
    }

    fn replay(&mut self, actor: String, request_id: String, now: SystemTime) -> Answer<'_, Option<Replay>> {
        ready(self.state.replay(actor, request_id, now))
    }

    fn commit(mut self: Box<Self>, change: ChangeSet) -> Answer<'static, Commit> {
        std::future::ready(self.state.commit(self.epoch, change)).boxed()
    }
}

struct Pages {
    revision: u64,
    records: std::vec::IntoIter<Record>,
}

impl Snapshot for Pages {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn next_page(&mut self) -> Answer<'_, Vec<Record>> {
        ready(self.records.by_ref().take(SNAPSHOT_PAGE).collect())
    }
}
