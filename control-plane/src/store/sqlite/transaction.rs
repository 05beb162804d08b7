//! The write transaction and the snapshot: what keeps a connection between calls.

use std::time::SystemTime;

use futures_util::future::FutureExt as _;
use signalbox_proto::model::lane::{Epoch, Lane};
use sqlx::{Sqlite, SqlitePool};
use tokio::sync::OwnedSemaphorePermit;

use super::codec::failed;
use super::{read, write};
use crate::store::{
    Answer, ChangeSet, Claim, Commit, Heads, Kind, ListQuery, Record, Reference, Replay, Resource, Snapshot,
    StoreError, Transaction,
};

/// Records that one page of a snapshot holds.
const SNAPSHOT_PAGE: usize = 1000;

/// The one open write transaction.
pub(super) struct Writing {
    epoch: Epoch,
    inner: sqlx::Transaction<'static, Sqlite>,
}

impl Writing {
    pub(super) async fn begin(writer: &SqlitePool, epoch: Epoch) -> Result<Self, StoreError> {
        // A deferred transaction that turns into a writer later can fail with SQLITE_BUSY_SNAPSHOT, which no waiting
        // cures.
        let inner = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed("open a transaction"))?;
        Ok(Self { epoch, inner })
    }
}

impl Transaction for Writing {
    fn heads(&mut self) -> Answer<'_, Heads> {
        read::heads(&mut self.inner).boxed()
    }

    fn get(&mut self, names: Vec<(Kind, String)>) -> Answer<'_, Vec<Option<Resource>>> {
        read::get(&mut self.inner, names).boxed()
    }

    fn list(&mut self, query: ListQuery) -> Answer<'_, Vec<Resource>> {
        read::list(&mut self.inner, query).boxed()
    }

    fn claims(&mut self, keys: Vec<String>) -> Answer<'_, Vec<(Claim, Reference)>> {
        read::claims(&mut self.inner, keys).boxed()
    }

    fn referrers(&mut self, of: Reference, kind: Kind, limit: usize) -> Answer<'_, Vec<String>> {
        read::referrers(&mut self.inner, of, kind, limit).boxed()
    }

    fn replay(&mut self, actor: String, request_id: String, now: SystemTime) -> Answer<'_, Option<Replay>> {
        read::replay(&mut self.inner, self.epoch, actor, request_id, now).boxed()
    }

    fn commit(self: Box<Self>, change: ChangeSet) -> Answer<'static, Commit> {
        async move {
            let Self { epoch, mut inner } = *self;
            let commit = write::change_set(&mut inner, epoch, change).await?;
            inner.commit().await.map_err(failed("commit"))?;
            Ok(commit)
        }
        .boxed()
    }
}

/// A snapshot: one read transaction, paged by name.
pub(super) struct Pages {
    inner: sqlx::Transaction<'static, Sqlite>,
    lane: Lane,
    revision: u64,
    after: String,
    _permit: OwnedSemaphorePermit,
}

impl Pages {
    pub(super) async fn open(
        readers: &SqlitePool,
        lane: Lane,
        permit: OwnedSemaphorePermit,
    ) -> Result<Self, StoreError> {
        let mut inner = readers.begin().await.map_err(failed("open a read transaction"))?;
        // The first read fixes what the transaction sees.
        let revision = read::heads(&mut inner).await?.of(lane);
        Ok(Self { inner, lane, revision, after: String::new(), _permit: permit })
    }
}

impl Snapshot for Pages {
    fn revision(&self) -> u64 {
        self.revision
    }

    fn next_page(&mut self) -> Answer<'_, Vec<Record>> {
        async {
            let page = read::records(&mut self.inner, self.lane, &self.after, SNAPSHOT_PAGE).await?;
            if let Some(last) = page.last() {
                self.after.clone_from(&last.name);
            }
            Ok(page)
        }
        .boxed()
    }
}
