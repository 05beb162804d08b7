//! A process that commits in a loop is killed at random moments; whatever it leaves must be whole.

use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use rand::Rng as _;
use signalbox_proto::model::lane::Lane;
use tempfile::TempDir;

use super::SqliteStore;
use crate::store::suite::{at, change, commit, publish, put_with, records, reference};
use crate::store::{Kind, ListQuery, Replay, Store};

/// Tells the child where to write. Without it the child's test does nothing.
const PATH_VARIABLE: &str = "SIGNALBOX_TEST_CRASH_STORE";

/// Times that the writer is killed.
const KILLS: usize = 12;

/// Resources that each commit writes in each lane.
const WIDTH: u64 = 5;

/// Commits until it is killed. Each writes `WIDTH` plans and keys, as many changes, an audit event and a replay.
#[tokio::test]
async fn writer_until_killed() {
    let Some(path) = std::env::var_os(PATH_VARIABLE) else { return };
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(Path::new(&path)).await.unwrap());
    loop {
        let next = store.heads().await.unwrap().config + 1;
        let mut operations = Vec::new();
        let mut publications = Vec::new();
        for n in 0..WIDTH {
            let (plan, key) = (format!("{next:06}/{n}"), format!("{next:06}/{n}"));
            let claim = format!("key:{key}");
            operations.push(put_with(Kind::Plan, &plan, None, &[], &[]));
            operations.push(put_with(Kind::ApiKey, &key, None, &[(&claim, &key)], &[(Kind::Plan, &plan)]));
            publications.push(publish(Lane::Config, &plan, Some(&"p".repeat(600))));
            publications.push(publish(Lane::Credentials, &key, Some(&"k".repeat(600))));
        }
        let mut set = change(operations, publications);
        set.replay = Some(Replay {
            actor: "writer".to_owned(),
            request_id: next.to_string(),
            request_sha256: [1; 32],
            response: "answer".into(),
            commit: None,
            expire_time: at(1),
        });
        commit(&store, set).await.unwrap();
    }
}

fn start_writer(path: &Path) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "store::sqlite::crash_tests::writer_until_killed", "--nocapture"])
        .env(PATH_VARIABLE, path)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

#[tokio::test]
async fn a_killed_writer_leaves_only_whole_commits() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let store: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).await.unwrap());
    let mut last = 0;
    for _ in 0..KILLS {
        let mut writer = start_writer(&path);
        // Until it has begun to commit, and then some more, so that the kill falls anywhere in a commit.
        while store.heads().await.unwrap().config == last {
            assert!(writer.try_wait().unwrap().is_none(), "the writer ended by itself");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        let more = Duration::from_micros(rand::rng().random_range(0..20_000));
        tokio::time::sleep(more).await;
        writer.kill().unwrap();
        writer.wait().unwrap();
        last = check(&store).await;
    }
    let reopened: Arc<dyn Store> = Arc::new(SqliteStore::open(&path).await.unwrap());
    assert_eq!(check(&reopened).await, last);
    assert!(reopened.identity() == store.identity(), "another identity after a crash");
}

/// Every revision up to the heads is complete, and there is nothing else. Answers the head.
async fn check(store: &Arc<dyn Store>) -> u64 {
    let heads = store.heads().await.unwrap();
    assert_eq!(heads.config, heads.credentials);
    let head = heads.config;
    for lane in Lane::ALL {
        let revisions = store.changes(lane, 0, usize::MAX).await.unwrap().revisions;
        let numbers: Vec<u64> = revisions.iter().map(|revision| revision.revision).collect();
        assert_eq!(numbers, (1..=head).collect::<Vec<_>>());
        assert!(revisions.iter().all(|revision| revision.changes.len() as u64 == WIDTH));
        let (revision, records) = records(store, lane).await;
        assert_eq!((revision, records.len() as u64), (head, head * WIDTH));
    }
    for kind in [Kind::Plan, Kind::ApiKey] {
        let query = ListQuery { kind, prefix: String::new(), after: None, limit: usize::MAX };
        assert_eq!(store.list(query).await.unwrap().len() as u64, head * WIDTH);
    }
    let events = store.audit(None, usize::MAX).await.unwrap();
    let audited: Vec<_> = events.iter().rev().map(|event| event.config_revision.unwrap()).collect();
    assert_eq!(audited, (1..=head).collect::<Vec<_>>());

    let mut tx = store.begin().await.unwrap();
    let name = format!("{head:06}/0");
    let claims = tx.claims(vec![format!("key:{name}")]).await.unwrap();
    assert_eq!(claims.len(), 1);
    assert_eq!(tx.referrers(reference(Kind::Plan, &name), Kind::ApiKey, 9).await.unwrap(), [name]);
    let answered = tx.replay("writer".to_owned(), head.to_string(), at(0)).await.unwrap();
    assert_eq!(answered.unwrap().commit.unwrap().config_revision, Some(head));
    let beyond = tx.replay("writer".to_owned(), (head + 1).to_string(), at(0)).await.unwrap();
    assert_eq!(beyond, None);
    head
}
