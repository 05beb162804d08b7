//! The store in one SQLite file: the default, which needs no other service.
//!
//! One connection writes, inside `BEGIN IMMEDIATE`; others read without waiting for it (WAL). Every commit is synced to
//! the disk before it is answered.

mod codec;
mod open;
mod read;
mod tokens;
mod transaction;
mod write;

#[cfg(test)]
mod crash_tests;
#[cfg(test)]
mod plan_tests;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::SystemTime;

use futures_util::future::FutureExt as _;
use signalbox_proto::model::lane::Lane;
use sqlx::SqlitePool;
use tokio::sync::Semaphore;

use self::transaction::{Pages, Writing};
use super::{
    Answer, Audit, AuditEvent, ChangePage, DataPlaneFacts, Heads, Identity, Kind, ListQuery, Resource,
    Snapshot, Store, StoreError, Token, TokenKind, Transaction,
};

/// Connections that read at once.
const MAX_READERS: u32 = 8;

/// Snapshots read at once; each keeps a connection. The rest of [`MAX_READERS`] is for short reads.
const MAX_SNAPSHOTS: usize = 4;

/// The store in one SQLite file.
#[derive(Clone, Debug)]
pub struct SqliteStore {
    identity: Identity,
    writer: SqlitePool,
    readers: SqlitePool,
    snapshots: Arc<Semaphore>,
}

impl Store for SqliteStore {
    fn identity(&self) -> Identity {
        self.identity
    }

    fn heads(&self) -> Answer<'_, Heads> {
        async { read::heads(&mut *self.reader().await?).await }.boxed()
    }

    fn begin(&self) -> Answer<'_, Box<dyn Transaction>> {
        async {
            let writing = Writing::begin(&self.writer, self.identity.epoch).await?;
            Ok(Box::new(writing) as Box<dyn Transaction>)
        }
        .boxed()
    }

    fn get(&self, names: Vec<(Kind, String)>) -> Answer<'_, Vec<Option<Resource>>> {
        async move { read::get(&mut *self.reader().await?, names).await }.boxed()
    }

    fn list(&self, query: ListQuery) -> Answer<'_, Vec<Resource>> {
        async move { read::list(&mut *self.reader().await?, query).await }.boxed()
    }

    fn changes(&self, lane: Lane, after: u64, max_changes: usize) -> Answer<'_, ChangePage> {
        async move {
            let mut tx = self.readers.begin().await.map_err(codec::failed("open a read transaction"))?;
            read::changes(&mut tx, lane, after, max_changes).await
        }
        .boxed()
    }

    fn snapshot(&self, lane: Lane) -> Answer<'_, Box<dyn Snapshot>> {
        async move {
            let permit = Arc::clone(&self.snapshots).acquire_owned().await.map_err(|_| StoreError::Busy)?;
            let pages = Pages::open(&self.readers, lane, permit).await?;
            Ok(Box::new(pages) as Box<dyn Snapshot>)
        }
        .boxed()
    }

    fn compact(&self, lane: Lane, through: u64) -> Answer<'_, ()> {
        async move { write::compact(&self.writer, lane, through).await }.boxed()
    }

    fn purge_replays(&self, now: SystemTime) -> Answer<'_, u64> {
        async move { write::purge_replays(&self.writer, now).await }.boxed()
    }

    fn audit(&self, before: Option<u64>, limit: usize) -> Answer<'_, Vec<AuditEvent>> {
        async move { read::audit(&mut *self.reader().await?, before, limit).await }.boxed()
    }

    fn put_token(&self, token: Token, audit: Audit) -> Answer<'_, ()> {
        async move { tokens::put(&self.writer, token, audit).await }.boxed()
    }

    fn token_by_hash(&self, kind: TokenKind, sha256: [u8; 32]) -> Answer<'_, Option<Token>> {
        async move { tokens::by_hash(&mut *self.reader().await?, kind, sha256).await }.boxed()
    }

    fn tokens(&self, kind: TokenKind, after: Option<String>, limit: usize) -> Answer<'_, Vec<Token>> {
        async move { tokens::list(&mut *self.reader().await?, kind, after, limit).await }.boxed()
    }

    fn revoke_token(&self, kind: TokenKind, id: String, audit: Audit) -> Answer<'_, Option<Token>> {
        async move { tokens::revoke(&self.writer, kind, id, audit).await }.boxed()
    }

    fn put_data_planes(&self, facts: Vec<DataPlaneFacts>) -> Answer<'_, ()> {
        async move { write::put_data_planes(&self.writer, facts).await }.boxed()
    }

    fn data_planes(&self) -> Answer<'_, Vec<DataPlaneFacts>> {
        async { read::data_planes(&mut *self.reader().await?).await }.boxed()
    }
}

impl SqliteStore {
    async fn reader(&self) -> Result<sqlx::pool::PoolConnection<sqlx::Sqlite>, StoreError> {
        self.readers.acquire().await.map_err(codec::failed("take a connection"))
    }

    /// Closes the file; the write-ahead log is merged into it. Later calls fail.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writer.close().await;
    }
}
