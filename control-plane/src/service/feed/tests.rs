use std::time::{Duration, UNIX_EPOCH};

use super::*;
use crate::store::memory::MemoryStore;
use crate::store::{Audit, ChangeSet, Publication};

async fn start() -> (Arc<dyn Store>, Arc<Feed>) {
    let store: Arc<dyn Store> = Arc::new(MemoryStore::default());
    let feed = Feed::start(Arc::clone(&store)).await.unwrap();
    (store, feed)
}

fn deleted(name: &str) -> (String, Option<Bytes>) {
    (name.to_owned(), None)
}

/// Commits one revision of the config lane without announcing it; answers what should be announced.
async fn commit(store: &Arc<dyn Store>, names: &[&str]) -> Vec<(Lane, RevisionChanges)> {
    let time = UNIX_EPOCH + Duration::from_secs(1_800_000_000);
    let publication = |&name: &&str| Publication { lane: Lane::Config, name: name.to_owned(), body: None };
    let change = ChangeSet {
        time,
        traceparent: Some(format!("trace of {}", names[0])),
        operations: Vec::new(),
        publications: names.iter().map(publication).collect(),
        audit: Audit {
            time,
            actor: String::new(),
            method: String::new(),
            request_id: String::new(),
            resources: Vec::new(),
        },
        replay: None,
    };
    let traceparent = change.traceparent.clone();
    let commit = store.begin().await.unwrap().commit(change).await.unwrap();
    let revision = commit.config_revision.unwrap();
    let changes = names.iter().map(|name| deleted(name)).collect();
    vec![(Lane::Config, RevisionChanges { revision, commit_time: time, traceparent, changes })]
}

fn names(since: &Since) -> Vec<&str> {
    match since {
        Since::Delta(batch) => batch.changes.iter().map(|change| change.message.name.as_str()).collect(),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_commit_wakes_those_who_wait_at_once() {
    let (store, feed) = start().await;
    let mut heads = feed.heads();
    assert_eq!(*heads.borrow_and_update(), Heads::default());
    let announced = commit(&store, &["a"]).await;
    feed.announce(announced).await;
    assert!(heads.has_changed().unwrap());
    assert_eq!(*heads.borrow_and_update(), Heads { config: 1, credentials: 0 });
}

#[tokio::test]
async fn commits_that_are_announced_in_the_wrong_order_are_told_in_the_right_one() {
    let (store, feed) = start().await;
    let first = commit(&store, &["a"]).await;
    let second = commit(&store, &["b"]).await;
    feed.announce(second).await;
    assert_eq!(feed.heads().borrow().config, 2);
    assert_eq!(names(&feed.since(Lane::Config, 0, 9).await.unwrap()), ["a", "b"]);
    feed.announce(first).await;
    assert_eq!(feed.heads().borrow().config, 2);
    assert_eq!(names(&feed.since(Lane::Config, 0, 9).await.unwrap()), ["a", "b"]);
}

#[tokio::test]
async fn a_commit_that_nobody_announced_comes_with_the_next_one() {
    let (store, feed) = start().await;
    commit(&store, &["a"]).await;
    let announced = commit(&store, &["b"]).await;
    feed.announce(announced).await;
    assert_eq!(names(&feed.since(Lane::Config, 0, 9).await.unwrap()), ["a", "b"]);
}

#[tokio::test]
async fn only_the_newest_change_of_a_resource_is_sent() {
    let (store, feed) = start().await;
    for changes in [&["a", "b"][..], &["c"], &["b"], &["a"]] {
        let announced = commit(&store, changes).await;
        feed.announce(announced).await;
    }
    let since = feed.since(Lane::Config, 0, 99).await.unwrap();
    assert_eq!(names(&since), ["c", "b", "a"]);
    let Since::Delta(batch) = since else { panic!() };
    assert_eq!((batch.from, batch.to, batch.traceparent.as_deref()), (0, 4, Some("trace of a")));
    assert_eq!(batch.changes[2].message.revision, 4);
    assert_eq!(wire::Change::decode(batch.changes[2].encoded.clone()).unwrap(), batch.changes[2].message);
    assert_eq!(names(&feed.since(Lane::Config, 2, 99).await.unwrap()), ["b", "a"]);
    assert_eq!(feed.since(Lane::Config, 4, 99).await.unwrap(), Since::Nothing);
    assert_eq!(feed.since(Lane::Config, 5, 99).await.unwrap(), Since::Everything);
}

#[tokio::test]
async fn a_batch_stops_before_it_grows_too_large() {
    let (store, feed) = start().await;
    for changes in [&["a", "b", "c"][..], &["d"], &["e"]] {
        let announced = commit(&store, changes).await;
        feed.announce(announced).await;
    }
    let restarted = Feed::start(Arc::clone(&store)).await.unwrap();
    for feed in [feed, restarted] {
        let to = async |after, most| match feed.since(Lane::Config, after, most).await.unwrap() {
            Since::Delta(batch) => batch.to,
            other => panic!("{other:?}"),
        };
        assert_eq!((to(0, 1).await, to(0, 4).await, to(0, 5).await, to(1, 1).await), (1, 2, 3, 2));
    }
}

#[tokio::test]
async fn what_the_log_has_forgotten_takes_everything() {
    let (store, feed) = start().await;
    for name in ["a", "b", "c"] {
        let announced = commit(&store, &[name]).await;
        feed.announce(announced).await;
    }
    store.compact(Lane::Config, 2).await.unwrap();
    // The ring still has it.
    assert_eq!(names(&feed.since(Lane::Config, 0, 9).await.unwrap()), ["a", "b", "c"]);
    let restarted = Feed::start(store).await.unwrap();
    assert_eq!(restarted.since(Lane::Config, 1, 9).await.unwrap(), Since::Everything);
    assert_eq!(names(&restarted.since(Lane::Config, 2, 9).await.unwrap()), ["c"]);
}
