//! Opens the file: permissions, settings, migrations, identity.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use signalbox_proto::model::lane::Epoch;
use sqlx::migrate::Migrator;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{Connection as _, SqlitePool};
use tokio::sync::Semaphore;

use super::codec::{failed, fixed};
use super::{MAX_READERS, MAX_SNAPSHOTS, SqliteStore};
use crate::store::{Identity, StoreError};

static MIGRATIONS: Migrator = sqlx::migrate!("src/store/sqlite/migrations");

/// How long a statement waits for another process that writes.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// How long a call waits for a connection of this process.
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);

impl SqliteStore {
    /// Opens the file at `path`, creating it with mode 0600 and bringing it to the newest schema.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unwritable`] if the file cannot be created or written; [`StoreError::Backend`] if it is no
    /// SQLite file, or was written by a newer version of this program.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        // SQLite gives its -wal and -shm files the mode of the file.
        OpenOptions::new()
            .create(true)
            .append(true)
            .mode(0o600)
            .open(path)
            .map_err(|error| StoreError::Unwritable(Box::new(error)))?;
        let options = SqliteConnectOptions::new()
            .filename(path)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .busy_timeout(BUSY_TIMEOUT)
            .foreign_keys(true);
        let writer = pool(1).connect_with(options.clone()).await.map_err(failed("open the store"))?;
        MIGRATIONS.run(&writer).await.map_err(|error| StoreError::Backend {
            doing: "bring the store to the newest schema",
            source: Box::new(error),
        })?;
        let identity = identity(&writer).await?;
        let readers = pool(MAX_READERS)
            .connect_with(options.read_only(true))
            .await
            .map_err(failed("open the store"))?;
        Ok(Self { identity, writer, readers, snapshots: Arc::new(Semaphore::new(MAX_SNAPSHOTS)) })
    }

    /// Begins a new history of revisions with what is stored, so that every data plane takes everything anew. Needed
    /// once after the file was restored from a backup: the revisions made since then will be made again, with other
    /// content.
    ///
    /// # Errors
    ///
    /// If the file cannot be written; the history stays what it was then.
    pub async fn begin_new_history(&mut self) -> Result<(), StoreError> {
        let epoch: [u8; 16] = rand::rng().random();
        sqlx::query("UPDATE identity SET epoch = ?")
            .bind(epoch.to_vec())
            .execute(&self.writer)
            .await
            .map_err(failed("begin a new history"))?;
        self.identity.epoch = Epoch(epoch);
        Ok(())
    }
}

fn pool(connections: u32) -> SqlitePoolOptions {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .acquire_timeout(ACQUIRE_TIMEOUT)
        .idle_timeout(None)
        .max_lifetime(None)
        // SQLite rolls a transaction back by itself when the disk is full or fails. The connection still counts it as
        // open and would refuse every later one, so it is not used again.
        .before_acquire(|connection, _| {
            let clean = !connection.is_in_transaction();
            Box::pin(async move { Ok(clean) })
        })
}

/// Reads who this store is, or decides it at first start.
async fn identity(writer: &SqlitePool) -> Result<Identity, StoreError> {
    let (epoch, pepper): ([u8; 16], [u8; 32]) = {
        let mut random = rand::rng();
        (random.random(), random.random())
    };
    sqlx::query("INSERT INTO identity (id, epoch, key_pepper) VALUES (1, ?, ?) ON CONFLICT DO NOTHING")
        .bind(epoch.to_vec())
        .bind(pepper.to_vec())
        .execute(writer)
        .await
        .map_err(failed("make the store's identity"))?;
    let (epoch, pepper): (Vec<u8>, Vec<u8>) = sqlx::query_as("SELECT epoch, key_pepper FROM identity")
        .fetch_one(writer)
        .await
        .map_err(failed("read the store's identity"))?;
    Ok(Identity { epoch: Epoch(fixed(epoch, "the epoch")?), key_pepper: fixed(pepper, "the key pepper")? })
}
