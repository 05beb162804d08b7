use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use signalbox_proto::model::lane::Lane;
use tempfile::TempDir;

use super::SqliteStore;
use crate::store::suite::{Fixture, change, commit, contract, get, publish, put, records};
use crate::store::{Heads, Kind, Store, StoreError};

async fn fresh() -> Fixture {
    let directory = TempDir::new().unwrap();
    let store = SqliteStore::open(&directory.path().join("store.db")).await.unwrap();
    (Arc::new(store), Box::new(directory))
}

contract!(fresh);

async fn open(path: &Path) -> (SqliteStore, Arc<dyn Store>) {
    let store = SqliteStore::open(path).await.unwrap();
    (store.clone(), Arc::new(store))
}

#[tokio::test]
async fn everything_is_there_again_after_a_restart() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let (first, store) = open(&path).await;
    let identity = store.identity();
    let set = change(vec![put(Kind::Agent, "a", None)], vec![publish(Lane::Config, "a", Some("A"))]);
    commit(&store, set).await.unwrap();
    let resource = get(&store, Kind::Agent, "a").await;
    first.close().await;

    let (_second, store) = open(&path).await;
    assert!(store.identity() == identity, "the epoch or the pepper changed");
    assert_eq!(get(&store, Kind::Agent, "a").await, resource);
    assert_eq!(records(&store, Lane::Config).await.1.len(), 1);
    let next = commit(&store, change(vec![put(Kind::Agent, "b", None)], Vec::new())).await.unwrap();
    assert_eq!(next.config_revision, Some(2));
}

#[tokio::test]
async fn nobody_else_may_read_the_files() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let (_first, store) = open(&path).await;
    commit(&store, change(vec![put(Kind::Agent, "a", None)], Vec::new())).await.unwrap();
    let files: Vec<PathBuf> =
        std::fs::read_dir(directory.path()).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(files.len() > 1, "no write-ahead log: {files:?}");
    for file in files {
        let mode = std::fs::metadata(&file).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.display());
    }
}

#[tokio::test]
async fn a_commit_is_synced_before_it_is_answered() {
    let directory = TempDir::new().unwrap();
    let (store, _) = open(&directory.path().join("store.db")).await;
    let mut connection = store.writer.acquire().await.unwrap();
    let synchronous: i64 =
        sqlx::query_scalar("PRAGMA synchronous").fetch_one(&mut *connection).await.unwrap();
    let journal: String =
        sqlx::query_scalar("PRAGMA journal_mode").fetch_one(&mut *connection).await.unwrap();
    let foreign_keys: i64 =
        sqlx::query_scalar("PRAGMA foreign_keys").fetch_one(&mut *connection).await.unwrap();
    assert_eq!((synchronous, journal.as_str(), foreign_keys), (2, "wal", 1));
}

#[tokio::test]
async fn two_processes_on_one_file_take_turns() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let (_a, a) = open(&path).await;
    let (_b, b) = open(&path).await;
    assert!(a.identity() == b.identity(), "two identities in one file");
    for n in 0..4 {
        let store = if n % 2 == 0 { &a } else { &b };
        let made = commit(store, change(vec![put(Kind::Agent, &n.to_string(), None)], Vec::new())).await;
        assert_eq!(made.unwrap().config_revision, Some(n + 1));
    }
    assert_eq!(a.heads().await.unwrap(), Heads { config: 4, credentials: 0 });
}

#[tokio::test]
async fn a_file_that_is_no_store_is_refused() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    std::fs::write(&path, "not a database, but long enough to be taken for one".repeat(100)).unwrap();
    assert!(matches!(SqliteStore::open(&path).await, Err(StoreError::Backend { .. })));
    let missing = directory.path().join("missing/store.db");
    assert!(matches!(SqliteStore::open(&missing).await, Err(StoreError::Unwritable(_))));
}

#[tokio::test]
async fn a_full_disk_refuses_the_commit_and_keeps_what_was_there() {
    let directory = TempDir::new().unwrap();
    let (sqlite, store) = open(&directory.path().join("store.db")).await;
    commit(&store, change(vec![put(Kind::Agent, "a", None)], Vec::new())).await.unwrap();
    // The page limit of SQLite answers as a full disk does: SQLITE_FULL.
    let pages: i64 = sqlx::query_scalar("PRAGMA page_count").fetch_one(&sqlite.writer).await.unwrap();
    set_max_pages(&sqlite, pages).await;
    let large = "x".repeat(1 << 20);
    let set = change(Vec::new(), vec![publish(Lane::Config, "large", Some(&large))]);
    let refused = commit(&store, set).await;
    assert!(matches!(refused, Err(StoreError::Unwritable(_))), "{refused:?}");
    assert_eq!(store.heads().await.unwrap(), Heads { config: 1, credentials: 0 });

    // Somebody made room. The page limit went with the connection that met it.
    let next = commit(&store, change(vec![put(Kind::Agent, "b", None)], Vec::new())).await.unwrap();
    assert_eq!(next.config_revision, Some(2));
}

async fn set_max_pages(store: &SqliteStore, pages: i64) {
    let statement = format!("PRAGMA max_page_count = {pages}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(statement)).execute(&store.writer).await.unwrap();
}
