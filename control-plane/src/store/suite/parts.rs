//! Idempotency, audit, tokens and data planes.

use std::sync::Arc;

use super::{at, audit, change, commit, put};
use crate::store::{DataPlaneFacts, Heads, Kind, Replay, Store, StoreError, Token, TokenKind};

fn replay(request_id: &str) -> Replay {
    Replay {
        actor: "tester".to_owned(),
        request_id: request_id.to_owned(),
        request_sha256: [7; 32],
        response: "answer".into(),
        commit: None,
        expire_time: at(100),
    }
}

async fn find(store: &Arc<dyn Store>, actor: &str, request_id: &str, seconds: u64) -> Option<Replay> {
    let mut tx = store.begin().await.unwrap();
    tx.replay(actor.to_owned(), request_id.to_owned(), at(seconds)).await.unwrap()
}

pub(in crate::store) async fn an_answer_is_replayed_until_it_expires(store: Arc<dyn Store>) {
    let mut set = change(vec![put(Kind::Agent, "a", None)], Vec::new());
    set.replay = Some(replay("r"));
    let made = commit(&store, set).await.unwrap();

    let found = find(&store, "tester", "r", 99).await.unwrap();
    assert_eq!(found, Replay { commit: Some(made), ..replay("r") });
    assert_eq!(find(&store, "tester", "r", 100).await, None);
    assert_eq!(find(&store, "other", "r", 0).await, None);
    assert_eq!(find(&store, "tester", "s", 0).await, None);

    assert_eq!(store.purge_replays(at(99)).await.unwrap(), 0);
    assert_eq!(store.purge_replays(at(100)).await.unwrap(), 1);
    assert_eq!(find(&store, "tester", "r", 0).await, None);
}

pub(in crate::store) async fn a_change_set_may_hold_nothing_but_a_replay(store: Arc<dyn Store>) {
    let mut set = change(Vec::new(), Vec::new());
    set.replay = Some(replay("r"));
    let made = commit(&store, set).await.unwrap();
    assert_eq!((made.config_revision, made.credentials_revision), (None, None));
    assert_eq!(store.heads().await.unwrap(), Heads::default());
    assert!(store.audit(None, 10).await.unwrap().is_empty());
    assert_eq!(find(&store, "tester", "r", 0).await, Some(replay("r")));
}

pub(in crate::store) async fn audit_events_come_newest_first_and_in_pages(store: Arc<dyn Store>) {
    for n in 0..5 {
        let kind = if n == 2 { Kind::Consumer } else { Kind::Agent };
        let mut set = change(vec![put(kind, &n.to_string(), None)], Vec::new());
        set.audit = audit(&format!("actor {n}"));
        commit(&store, set).await.unwrap();
    }
    let first = store.audit(None, 3).await.unwrap();
    let actors: Vec<_> = first.iter().map(|event| event.audit.actor.as_str()).collect();
    assert_eq!(actors, ["actor 4", "actor 3", "actor 2"]);
    assert_eq!((first[0].config_revision, first[0].credentials_revision), (Some(4), None));
    assert_eq!((first[2].config_revision, first[2].credentials_revision), (None, Some(1)));
    assert_eq!(first[0].audit, audit("actor 4"));
    let rest = store.audit(Some(first[2].id), 3).await.unwrap();
    assert_eq!(rest.len(), 2);
    assert!(store.audit(Some(rest[1].id), 3).await.unwrap().is_empty());
}

fn token(kind: TokenKind, id: &str, byte: u8) -> Token {
    Token {
        kind,
        id: id.to_owned(),
        sha256: [byte; 32],
        data_plane: "dataPlanes/edge".to_owned(),
        region: "eu".to_owned(),
        create_time: at(1),
        expire_time: Some(at(50)),
        revoke_time: None,
    }
}

pub(in crate::store) async fn a_token_is_found_by_its_hash_and_can_be_revoked_once(store: Arc<dyn Store>) {
    let plane = TokenKind::DataPlane;
    for (id, byte) in [("b", 2), ("a", 1), ("c", 3)] {
        store.put_token(token(plane, id, byte), audit("admin")).await.unwrap();
    }
    for taken in [token(plane, "a", 9), token(plane, "z", 1)] {
        let refused = store.put_token(taken, audit("admin")).await;
        assert!(matches!(refused, Err(StoreError::Conflict { .. })), "{refused:?}");
    }
    assert_eq!(store.token_by_hash(plane, [1; 32]).await.unwrap(), Some(token(plane, "a", 1)));
    assert_eq!(store.token_by_hash(TokenKind::Admin, [1; 32]).await.unwrap(), None);
    let page = store.tokens(plane, Some("a".to_owned()), 9).await.unwrap();
    assert_eq!(page, [token(plane, "b", 2), token(plane, "c", 3)]);

    let mut when = audit("admin");
    when.time = at(7);
    let revoked = store.revoke_token(plane, "a".to_owned(), when.clone()).await.unwrap().unwrap();
    assert_eq!(revoked.revoke_time, Some(at(7)));
    when.time = at(8);
    assert_eq!(store.revoke_token(plane, "a".to_owned(), when.clone()).await.unwrap(), Some(revoked));
    assert_eq!(store.revoke_token(plane, "none".to_owned(), when).await.unwrap(), None);
    // Three were added and one revoked; what changed nothing left no trace.
    let events = store.audit(None, 99).await.unwrap();
    assert_eq!(events.len(), 4);
    assert!(events.iter().all(|event| event.config_revision.is_none()));
}

pub(in crate::store) async fn what_was_last_known_of_data_planes_is_replaced(store: Arc<dyn Store>) {
    let facts = |name: &str, seconds, body: &'static str| DataPlaneFacts {
        name: name.to_owned(),
        last_contact_time: at(seconds),
        body: body.into(),
    };
    store.put_data_planes(vec![facts("b", 1, "old"), facts("a", 2, "a")]).await.unwrap();
    store.put_data_planes(vec![facts("b", 3, "new")]).await.unwrap();
    store.put_data_planes(Vec::new()).await.unwrap();
    assert_eq!(store.data_planes().await.unwrap(), [facts("a", 2, "a"), facts("b", 3, "new")]);
}
