//! Revisions, the change log and snapshots.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use signalbox_proto::model::lane::Lane;

use super::{change, commit, publish, put, records};
use crate::store::{Heads, Kind, Store, StoreError};

pub(in crate::store) async fn a_commit_takes_one_revision_in_each_lane_that_it_touches(
    store: Arc<dyn Store>,
) {
    let operations = vec![
        put(Kind::Agent, "a", None),
        put(Kind::Plan, "p", None),
        put(Kind::Consumer, "c", None),
        put(Kind::ApiKey, "k", None),
    ];
    let both = commit(&store, change(operations, Vec::new())).await.unwrap();
    assert_eq!((both.config_revision, both.credentials_revision), (Some(1), Some(1)));
    assert_eq!(both.epoch, store.identity().epoch);

    let one = commit(&store, change(vec![put(Kind::Agent, "b", None)], Vec::new())).await.unwrap();
    assert_eq!((one.config_revision, one.credentials_revision), (Some(2), None));

    // A publication alone takes a revision too.
    let publication = publish(Lane::Credentials, "k", Some("K"));
    let other = commit(&store, change(Vec::new(), vec![publication])).await.unwrap();
    assert_eq!((other.config_revision, other.credentials_revision), (None, Some(2)));
    assert_eq!(store.heads().await.unwrap(), Heads { config: 2, credentials: 2 });
}

pub(in crate::store) async fn revisions_are_gap_free_under_concurrency(store: Arc<dyn Store>) {
    const WRITERS: usize = 6;
    const COMMITS: usize = 12;
    let writers: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut taken = Vec::new();
                for n in 0..COMMITS {
                    let name = format!("{writer}-{n}");
                    let kind = if n % 3 == 0 { Kind::ApiKey } else { Kind::Agent };
                    let publication = publish(kind.lane(), &name, Some("body"));
                    let set = change(vec![put(kind, &name, None)], vec![publication]);
                    let made = commit(&store, set).await.unwrap();
                    // Whoever has an answer can read what it is about.
                    assert!(
                        store.heads().await.unwrap().of(kind.lane()) >= made.revision(kind.lane()).unwrap()
                    );
                    taken.push((kind.lane(), made.revision(kind.lane()).unwrap()));
                }
                taken
            })
        })
        .collect();
    let mut taken = Vec::new();
    for writer in writers {
        taken.extend(writer.await.unwrap());
    }
    for lane in Lane::ALL {
        let mut revisions: Vec<u64> =
            taken.iter().filter(|(of, _)| *of == lane).map(|(_, revision)| *revision).collect();
        revisions.sort_unstable();
        assert_eq!(revisions, (1..=revisions.len() as u64).collect::<Vec<_>>());
        let page = store.changes(lane, 0, usize::MAX).await.unwrap();
        assert_eq!(page.revisions.len(), revisions.len());
        assert_eq!(page.head, revisions.len() as u64);
    }
}

pub(in crate::store) async fn a_page_of_the_log_holds_whole_revisions(store: Arc<dyn Store>) {
    // Revisions with 2, 0, 3 and 1 changes.
    for (n, count) in [2_usize, 0, 3, 1].into_iter().enumerate() {
        let publications =
            (0..count).map(|m| publish(Lane::Credentials, &format!("{n}-{m}"), Some("K"))).collect();
        let mut set = change(vec![put(Kind::ApiKey, &format!("{n}"), None)], publications);
        set.traceparent = (n == 2).then(|| "00-trace".to_owned());
        commit(&store, set).await.unwrap();
    }
    let page = async |after, most| {
        let page = store.changes(Lane::Credentials, after, most).await.unwrap();
        assert_eq!(page.head, 4);
        page.revisions.iter().map(|r| (r.revision, r.changes.len())).collect::<Vec<_>>()
    };
    assert_eq!(page(0, 100).await, [(1, 2), (2, 0), (3, 3), (4, 1)]);
    assert_eq!(page(0, 4).await, [(1, 2), (2, 0)]);
    assert_eq!(page(0, 1).await, [(1, 2), (2, 0)][..page(0, 1).await.len()]);
    assert_eq!(page(2, 1).await, [(3, 3)]);
    assert_eq!(page(3, 0).await, [(4, 1)]);
    assert!(page(4, 10).await.is_empty() && page(9, 10).await.is_empty());
    let third = store.changes(Lane::Credentials, 2, 3).await.unwrap().revisions.remove(0);
    assert_eq!(third.traceparent.as_deref(), Some("00-trace"));
    let names: Vec<_> = third.changes.iter().map(|(name, _)| name.as_str()).collect();
    assert_eq!(names, ["2-0", "2-1", "2-2"]);
}

pub(in crate::store) async fn a_compacted_log_says_so_and_keeps_the_records(store: Arc<dyn Store>) {
    for n in 0..5 {
        let name = format!("{n}");
        let set = change(vec![put(Kind::Agent, &name, None)], vec![publish(Lane::Config, &name, Some("A"))]);
        commit(&store, set).await.unwrap();
    }
    store.compact(Lane::Config, 3).await.unwrap();
    store.compact(Lane::Config, 1).await.unwrap();
    for after in [0, 2] {
        let refused = store.changes(Lane::Config, after, 10).await;
        assert!(matches!(refused, Err(StoreError::Compacted { floor: 3 })), "{refused:?}");
    }
    let page = store.changes(Lane::Config, 3, 10).await.unwrap();
    assert_eq!(page.revisions.iter().map(|r| r.revision).collect::<Vec<_>>(), [4, 5]);
    assert_eq!(records(&store, Lane::Config).await.1.len(), 5);

    store.compact(Lane::Config, 99).await.unwrap();
    assert!(store.changes(Lane::Config, 5, 10).await.unwrap().revisions.is_empty());
    let next = commit(&store, change(vec![put(Kind::Agent, "next", None)], Vec::new())).await.unwrap();
    assert_eq!(next.config_revision, Some(6));
    assert_eq!(store.changes(Lane::Config, 5, 10).await.unwrap().revisions.len(), 1);
    assert!(store.changes(Lane::Credentials, 0, 10).await.is_ok());
}

pub(in crate::store) async fn a_snapshot_stays_at_its_revision_while_others_commit(store: Arc<dyn Store>) {
    let names: Vec<String> = (0..2500).map(|n| format!("{n:05}")).collect();
    let publications = names.iter().map(|name| publish(Lane::Config, name, Some("old"))).collect();
    commit(&store, change(Vec::new(), publications)).await.unwrap();

    let mut snapshot = store.snapshot(Lane::Config).await.unwrap();
    let mut seen = snapshot.next_page().await.unwrap();
    let mut later: Vec<_> = names.iter().map(|name| publish(Lane::Config, name, None)).collect();
    later.push(publish(Lane::Config, "99999", Some("new")));
    commit(&store, change(Vec::new(), later)).await.unwrap();
    loop {
        let page = snapshot.next_page().await.unwrap();
        if page.is_empty() {
            break;
        }
        seen.extend(page);
    }
    assert_eq!(snapshot.revision(), 1);
    assert_eq!(seen.iter().map(|record| record.name.as_str()).collect::<Vec<_>>(), names);
    assert!(seen.iter().all(|record| record.revision == 1 && record.body == "old"));

    let (revision, now) = records(&store, Lane::Config).await;
    assert_eq!((revision, now.len(), now[0].revision), (2, 1, 2));
}

/// One commit: a change of some of eight names, each to a body or away.
type Step = (bool, BTreeMap<u8, Option<u8>>);

pub(in crate::store) async fn the_log_rebuilds_the_records(store: Arc<dyn Store>) {
    let steps = prop::collection::vec(
        (any::<bool>(), prop::collection::btree_map(0_u8..8, any::<Option<u8>>(), 0..5)),
        1..12,
    );
    let runtime = tokio::runtime::Handle::current();
    tokio::task::spawn_blocking(move || {
        let mut runner =
            TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
        // The cases share a store: each goes on where the last one stopped.
        let result = runner.run(&steps, |steps| {
            runtime.block_on(write_and_rebuild(&store, steps));
            Ok(())
        });
        result.unwrap();
    })
    .await
    .unwrap();
}

async fn write_and_rebuild(store: &Arc<dyn Store>, steps: Vec<Step>) {
    for (credentials, names) in steps {
        let lane = if credentials { Lane::Credentials } else { Lane::Config };
        let publications = names
            .into_iter()
            .map(|(name, body)| {
                publish(lane, &name.to_string(), body.map(|body| body.to_string()).as_deref())
            })
            .collect();
        commit(store, change(Vec::new(), publications)).await.unwrap();
    }
    for lane in Lane::ALL {
        let (head, records) = records(store, lane).await;
        let mut rebuilt = BTreeMap::new();
        let mut at = 0;
        while at < head {
            for revision in store.changes(lane, at, 7).await.unwrap().revisions {
                assert_eq!(revision.revision, at + 1);
                at = revision.revision;
                for (name, body) in revision.changes {
                    match body {
                        Some(body) => rebuilt.insert(name, (at, body)),
                        None => rebuilt.remove(&name),
                    };
                }
            }
        }
        let held: BTreeMap<_, _> =
            records.into_iter().map(|record| (record.name, (record.revision, record.body))).collect();
        assert_eq!(rebuilt, held);
    }
}
