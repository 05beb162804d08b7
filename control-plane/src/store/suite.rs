//! The contract of `Store` as tests, run on every implementation by `contract!`.

mod history;
mod parts;
mod resources;

use std::any::Any;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use signalbox_proto::model::lane::Lane;
use uuid::Uuid;

pub(super) use self::history::*;
pub(super) use self::parts::*;
pub(super) use self::resources::*;
use super::{
    Audit, ChangeSet, Claim, Commit, Kind, Operation, Publication, Record, Reference, Resource, Store,
    StoreError,
};

/// A store, and what has to live as long as it does.
pub(super) type Fixture = (Arc<dyn Store>, Box<dyn Any + Send>);

/// Makes a test of each function of the suite, on a fresh store each.
macro_rules! contract {
    ($fresh:path) => {
        contract!(
            $fresh,
            a_change_set_may_hold_nothing_but_a_replay,
            a_commit_takes_one_revision_in_each_lane_that_it_touches,
            a_compacted_log_says_so_and_keeps_the_records,
            a_dangling_reference_conflicts,
            a_dropped_transaction_leaves_nothing_and_nobody_waiting,
            a_fresh_store_is_empty,
            a_page_of_the_log_holds_whole_revisions,
            a_replaced_resource_keeps_its_identity,
            a_snapshot_stays_at_its_revision_while_others_commit,
            a_token_is_found_by_its_hash_and_can_be_revoked_once,
            an_answer_is_replayed_until_it_expires,
            an_unexpected_revision_conflicts_and_writes_nothing,
            audit_events_come_newest_first_and_in_pages,
            claims_and_references_follow_their_resource,
            lists_are_in_order_and_paged_within_a_prefix,
            resources_come_in_the_order_asked_for,
            revisions_are_gap_free_under_concurrency,
            the_log_rebuilds_the_records,
            what_was_last_known_of_data_planes_is_replaced,
        );
    };
    ($fresh:path, $($test:ident),+ $(,)?) => {$(
        #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
        async fn $test() {
            let (store, _kept) = $fresh().await;
            $crate::store::suite::$test(store).await;
        }
    )+};
}
pub(super) use contract;

/// A time to stamp commits with: seconds after 2020.
pub(super) fn at(seconds: u64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_577_836_800 + seconds)
}

pub(super) fn audit(actor: &str) -> Audit {
    Audit {
        time: at(0),
        actor: actor.to_owned(),
        method: "test/Change".to_owned(),
        request_id: String::new(),
        resources: vec!["a \"quoted\" name".to_owned()],
    }
}

pub(super) fn change(operations: Vec<Operation>, publications: Vec<Publication>) -> ChangeSet {
    ChangeSet {
        time: at(0),
        traceparent: None,
        operations,
        publications,
        audit: audit("tester"),
        replay: None,
    }
}

pub(super) fn put(kind: Kind, name: &str, expect: Option<u64>) -> Operation {
    put_with(kind, name, expect, &[], &[])
}

pub(super) fn put_with(
    kind: Kind,
    name: &str,
    expect: Option<u64>,
    claims: &[(&str, &str)],
    references: &[(Kind, &str)],
) -> Operation {
    Operation::Put {
        kind,
        name: name.to_owned(),
        expect,
        uid: Uuid::new_v4(),
        body: format!("{name} after {expect:?}").into(),
        claims: claims
            .iter()
            .map(|&(key, holder)| Claim { key: key.to_owned(), holder: holder.to_owned() })
            .collect(),
        references: references.iter().map(|&(kind, name)| reference(kind, name)).collect(),
    }
}

pub(super) fn reference(kind: Kind, name: &str) -> Reference {
    Reference { kind, name: name.to_owned() }
}

pub(super) fn delete(kind: Kind, name: &str, expect: u64) -> Operation {
    Operation::Delete { kind, name: name.to_owned(), expect }
}

pub(super) fn publish(lane: Lane, name: &str, body: Option<&str>) -> Publication {
    Publication { lane, name: name.to_owned(), body: body.map(|body| body.to_owned().into()) }
}

pub(super) async fn commit(store: &Arc<dyn Store>, change: ChangeSet) -> Result<Commit, StoreError> {
    store.begin().await?.commit(change).await
}

pub(super) async fn get(store: &Arc<dyn Store>, kind: Kind, name: &str) -> Option<Resource> {
    store.get(vec![(kind, name.to_owned())]).await.unwrap().remove(0)
}

/// Every record of a lane and the revision that they are of.
pub(super) async fn records(store: &Arc<dyn Store>, lane: Lane) -> (u64, Vec<Record>) {
    let mut snapshot = store.snapshot(lane).await.unwrap();
    let mut records = Vec::new();
    loop {
        let page = snapshot.next_page().await.unwrap();
        if page.is_empty() {
            return (snapshot.revision(), records);
        }
        records.extend(page);
    }
}
