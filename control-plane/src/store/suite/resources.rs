//! Resources, claims, references and transactions.

use std::sync::Arc;

use super::{at, change, commit, delete, get, put, put_with, records, reference};
use crate::store::{Heads, Kind, ListQuery, Operation, Store, StoreError};
use signalbox_proto::model::lane::Lane;

pub(in crate::store) async fn a_fresh_store_is_empty(store: Arc<dyn Store>) {
    assert_eq!(store.heads().await.unwrap(), Heads::default());
    assert_eq!(get(&store, Kind::Agent, "a").await, None);
    assert!(store.audit(None, 10).await.unwrap().is_empty());
    assert_eq!(records(&store, Lane::Config).await, (0, Vec::new()));
    assert!(store.changes(Lane::Credentials, 0, 10).await.unwrap().revisions.is_empty());
    assert_ne!(store.identity().key_pepper, [0; 32]);
}

pub(in crate::store) async fn a_replaced_resource_keeps_its_identity(store: Arc<dyn Store>) {
    commit(&store, change(vec![put(Kind::Agent, "a", None)], Vec::new())).await.unwrap();
    let first = get(&store, Kind::Agent, "a").await.unwrap();
    let mut second = change(vec![put(Kind::Agent, "a", Some(1))], Vec::new());
    second.time = at(9);
    commit(&store, second).await.unwrap();

    let now = get(&store, Kind::Agent, "a").await.unwrap();
    assert_eq!((first.uid, first.create_time), (now.uid, now.create_time));
    assert_eq!((now.revision, now.update_time, &now.body[..]), (2, at(9), &b"a after Some(1)"[..]));

    commit(&store, change(vec![delete(Kind::Agent, "a", 2)], Vec::new())).await.unwrap();
    commit(&store, change(vec![put(Kind::Agent, "a", None)], Vec::new())).await.unwrap();
    assert_ne!(get(&store, Kind::Agent, "a").await.unwrap().uid, now.uid);
}

pub(in crate::store) async fn resources_come_in_the_order_asked_for(store: Arc<dyn Store>) {
    let operations =
        vec![put(Kind::Plan, "x", None), put(Kind::Agent, "x", None), put(Kind::Agent, "y", None)];
    commit(&store, change(operations, Vec::new())).await.unwrap();
    let wanted = [(Kind::Agent, "y"), (Kind::Plan, "y"), (Kind::Plan, "x"), (Kind::Agent, "x")];
    let wanted: Vec<_> = wanted.into_iter().map(|(kind, name)| (kind, name.to_owned())).collect();
    let found = store.get(wanted.clone()).await.unwrap();
    let seen: Vec<_> =
        found.iter().map(|found| found.as_ref().map(|found| (found.kind, found.name.clone()))).collect();
    let expected: Vec<_> =
        wanted.into_iter().map(|key| (key != (Kind::Plan, "y".to_owned())).then_some(key)).collect();
    assert_eq!(seen, expected);
}

pub(in crate::store) async fn an_unexpected_revision_conflicts_and_writes_nothing(store: Arc<dyn Store>) {
    commit(&store, change(vec![put(Kind::Agent, "a", None)], Vec::new())).await.unwrap();
    let before = (get(&store, Kind::Agent, "a").await, store.audit(None, 10).await.unwrap());
    let wrong: [Operation; 4] = [
        put(Kind::Agent, "a", None),
        put(Kind::Agent, "a", Some(7)),
        put(Kind::Agent, "b", Some(1)),
        delete(Kind::Agent, "a", 7),
    ];
    for operation in wrong {
        let operations = vec![put(Kind::Plan, "p", None), operation];
        let refused = commit(&store, change(operations, Vec::new())).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    assert_eq!((get(&store, Kind::Agent, "a").await, store.audit(None, 10).await.unwrap()), before);
    assert_eq!(get(&store, Kind::Plan, "p").await, None);
    assert_eq!(store.heads().await.unwrap(), Heads { config: 1, credentials: 0 });
}

pub(in crate::store) async fn a_dangling_reference_conflicts(store: Arc<dyn Store>) {
    let to_plan = |expect| put_with(Kind::Agent, "a", expect, &[], &[(Kind::Plan, "p")]);
    let refused = commit(&store, change(vec![to_plan(None)], Vec::new())).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    assert_eq!(store.heads().await.unwrap(), Heads::default());

    commit(&store, change(vec![to_plan(None), put(Kind::Plan, "p", None)], Vec::new())).await.unwrap();
    let refused = commit(&store, change(vec![delete(Kind::Plan, "p", 1)], Vec::new())).await;
    assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    let both = vec![delete(Kind::Plan, "p", 1), put(Kind::Agent, "a", Some(1))];
    commit(&store, change(both, Vec::new())).await.unwrap();
}

pub(in crate::store) async fn claims_and_references_follow_their_resource(store: Arc<dyn Store>) {
    let plan = put(Kind::Plan, "p", None);
    let claims = [("host:x", "a"), ("segment:org", "org")];
    let agent = put_with(Kind::Agent, "a", None, &claims, &[(Kind::Plan, "p")]);
    let other = put_with(Kind::Agent, "b", None, &[("segment:org", "org")], &[]);
    commit(&store, change(vec![agent, other, plan], Vec::new())).await.unwrap();

    let found = held(&store, &["host:x", "segment:org", "host:free"]).await;
    assert_eq!(
        found,
        ["host:x held by a for a", "segment:org held by org for a", "segment:org held by org for b"]
    );
    assert_eq!(referrers(&store, "p").await, ["a"]);

    commit(&store, change(vec![put_with(Kind::Agent, "a", Some(1), &[("host:y", "a")], &[])], Vec::new()))
        .await
        .unwrap();
    assert_eq!(held(&store, &["host:x", "host:y"]).await, ["host:y held by a for a"]);
    assert!(referrers(&store, "p").await.is_empty());

    commit(&store, change(vec![delete(Kind::Agent, "a", 2)], Vec::new())).await.unwrap();
    assert!(held(&store, &["host:y"]).await.is_empty());
}

async fn held(store: &Arc<dyn Store>, keys: &[&str]) -> Vec<String> {
    let keys = keys.iter().map(|&key| key.to_owned()).collect();
    let found = store.begin().await.unwrap().claims(keys).await.unwrap();
    let text = |(claim, of): (crate::store::Claim, crate::store::Reference)| {
        format!("{} held by {} for {}", claim.key, claim.holder, of.name)
    };
    found.into_iter().map(text).collect()
}

async fn referrers(store: &Arc<dyn Store>, plan: &str) -> Vec<String> {
    let mut tx = store.begin().await.unwrap();
    tx.referrers(reference(Kind::Plan, plan), Kind::Agent, 10).await.unwrap()
}

pub(in crate::store) async fn lists_are_in_order_and_paged_within_a_prefix(store: Arc<dyn Store>) {
    let names = ["o/a/x/1", "o/a/x/2", "o/a/x/3", "o/ab/x/1", "o/a-b/x/1", "o/b/x/1"];
    let operations = names.iter().rev().map(|name| put(Kind::Consumer, name, None)).collect();
    commit(&store, change(operations, Vec::new())).await.unwrap();
    commit(&store, change(vec![put(Kind::Agent, "o/a/x/4", None)], Vec::new())).await.unwrap();
    let list = async |prefix: &str, after: Option<&str>, limit| {
        let query = ListQuery {
            kind: Kind::Consumer,
            prefix: prefix.to_owned(),
            after: after.map(str::to_owned),
            limit,
        };
        let found = store.list(query).await.unwrap();
        found.into_iter().map(|resource| resource.name).collect::<Vec<_>>()
    };
    assert_eq!(list("o/a/x/", None, 10).await, ["o/a/x/1", "o/a/x/2", "o/a/x/3"]);
    assert_eq!(list("o/a/x/", None, 2).await, ["o/a/x/1", "o/a/x/2"]);
    assert_eq!(list("o/a/x/", Some("o/a/x/2"), 2).await, ["o/a/x/3"]);
    assert_eq!(list("o/", Some("o/a/x/3"), 9).await, ["o/ab/x/1", "o/b/x/1"]);
    assert_eq!(list("", None, 9).await.len(), 6);
    assert!(list("o/c/", None, 9).await.is_empty());
}

pub(in crate::store) async fn a_dropped_transaction_leaves_nothing_and_nobody_waiting(store: Arc<dyn Store>) {
    for _ in 0..3 {
        let mut tx = store.begin().await.unwrap();
        assert_eq!(tx.heads().await.unwrap(), Heads::default());
        drop(tx);
    }
    commit(&store, change(vec![put(Kind::Agent, "a", None)], Vec::new())).await.unwrap();
    assert_eq!(store.heads().await.unwrap(), Heads { config: 1, credentials: 0 });
}
