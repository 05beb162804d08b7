//! Everything that is written. `change_set` reads as the list of what a commit consists of.

use signalbox_proto::model::lane::{Epoch, Lane};
use sqlx::{QueryBuilder, Sqlite, SqliteConnection, SqlitePool};

use super::codec::{failed, json_array, lane_code, signed};
use super::read;
use crate::clock::to_micros;
use crate::store::{
    Audit, ChangeSet, Claim, Commit, DataPlaneFacts, Kind, Operation, Publication, Reference, Replay,
    StoreError,
};

/// Rows that one statement inserts. SQLite allows 32,766 parameters; more rows than this are not faster.
const ROWS_PER_STATEMENT: usize = 200;

/// Writes everything but the final COMMIT.
pub(super) async fn change_set(
    connection: &mut SqliteConnection,
    epoch: Epoch,
    change: ChangeSet,
) -> Result<Commit, StoreError> {
    let heads = read::heads(connection).await?;
    let commit = change.commit_after(epoch, heads);
    let touched = commit.config_revision.is_some() || commit.credentials_revision.is_some();

    check_expectations(connection, &change.operations).await?;
    for kind in Kind::ALL {
        delete_resources(connection, kind, &change.operations).await?;
        put_resources(connection, kind, &commit, &change.operations).await?;
    }
    put_claims(connection, &change.operations).await?;
    put_references(connection, &change.operations).await?;
    for lane in Lane::ALL {
        let Some(revision) = commit.revision(lane) else { continue };
        put_revision(connection, lane, revision, &change).await?;
        put_changes(connection, lane, revision, &change.publications).await?;
        put_records(connection, lane, revision, &change.publications).await?;
    }
    if touched {
        put_audit(connection, &change.audit, Some(&commit)).await?;
    }
    if let Some(replay) = &change.replay {
        put_replay(connection, replay, touched.then_some(&commit)).await?;
    }
    Ok(commit)
}

/// Each resource is at the revision that its operation expects.
async fn check_expectations(
    connection: &mut SqliteConnection,
    operations: &[Operation],
) -> Result<(), StoreError> {
    for kind in Kind::ALL {
        let of_kind = || operations.iter().filter(|operation| operation.target().0 == kind);
        if of_kind().next().is_none() {
            continue;
        }
        let rows: Vec<(String, i64)> = sqlx::query_as(
            "SELECT name, revision FROM resource \
             WHERE kind = ? AND name IN (SELECT value FROM json_each(?))",
        )
        .bind(kind.code())
        .bind(json_array(of_kind().map(|operation| operation.target().1)))
        .fetch_all(&mut *connection)
        .await
        .map_err(failed("check revisions"))?;
        let current: std::collections::HashMap<String, i64> = rows.into_iter().collect();
        for operation in of_kind() {
            let (expect, name) = match operation {
                Operation::Put { expect, name, .. } => (*expect, name),
                Operation::Delete { expect, name, .. } => (Some(*expect), name),
            };
            if current.get(name).copied() != expect.map(signed) {
                return Err(StoreError::Conflict { name: name.clone() });
            }
        }
    }
    Ok(())
}

async fn delete_resources(
    connection: &mut SqliteConnection,
    kind: Kind,
    operations: &[Operation],
) -> Result<(), StoreError> {
    let names = json_array(operations.iter().filter_map(|operation| match operation {
        Operation::Delete { kind: of, name, .. } if *of == kind => Some(name.as_str()),
        _ => None,
    }));
    if names == "[]" {
        return Ok(());
    }
    sqlx::query("DELETE FROM resource WHERE kind = ? AND name IN (SELECT value FROM json_each(?))")
        .bind(kind.code())
        .bind(names)
        .execute(connection)
        .await
        .map_err(failed("delete resources"))?;
    Ok(())
}

async fn put_resources(
    connection: &mut SqliteConnection,
    kind: Kind,
    commit: &Commit,
    operations: &[Operation],
) -> Result<(), StoreError> {
    let revision = signed(commit.revision(kind.lane()).unwrap_or_default());
    let time = to_micros(commit.commit_time);
    let mut replaced = Vec::new();
    let mut rows = Vec::new();
    for operation in operations {
        let Operation::Put { kind: of, name, expect, uid, body, .. } = operation else { continue };
        if *of == kind {
            rows.push((name.as_str(), uid.as_bytes().as_slice(), body.as_ref()));
            replaced.extend(expect.map(|_| name.as_str()));
        }
    }
    insert(
        connection,
        "INSERT INTO resource (kind, name, uid, revision, create_time, update_time, body) ",
        // The uid and the time of creation of a replaced resource stay.
        " ON CONFLICT (kind, name) DO UPDATE \
         SET revision = excluded.revision, update_time = excluded.update_time, body = excluded.body",
        &rows,
        |row, (name, uid, body)| {
            row.push_bind(kind.code()).push_bind(*name).push_bind(*uid).push_bind(revision);
            row.push_bind(time).push_bind(time).push_bind(*body);
        },
    )
    .await?;
    forget_links(connection, kind, &replaced).await
}

/// Drops what replaced resources claimed and referred to; the new claims and references are written after.
async fn forget_links(
    connection: &mut SqliteConnection,
    kind: Kind,
    names: &[&str],
) -> Result<(), StoreError> {
    if names.is_empty() {
        return Ok(());
    }
    let names = json_array(names.iter().copied());
    for statement in [
        "DELETE FROM claim WHERE kind = ? AND name IN (SELECT value FROM json_each(?))",
        "DELETE FROM reference WHERE kind = ? AND name IN (SELECT value FROM json_each(?))",
    ] {
        sqlx::query(statement)
            .bind(kind.code())
            .bind(&names)
            .execute(&mut *connection)
            .await
            .map_err(failed("replace claims and references"))?;
    }
    Ok(())
}

async fn put_claims(connection: &mut SqliteConnection, operations: &[Operation]) -> Result<(), StoreError> {
    let mut rows: Vec<(Kind, &str, &Claim)> = Vec::new();
    for operation in operations {
        if let Operation::Put { kind, name, claims, .. } = operation {
            rows.extend(claims.iter().map(|claim| (*kind, name.as_str(), claim)));
        }
    }
    insert(
        connection,
        "INSERT INTO claim (key, kind, name, holder) ",
        " ON CONFLICT DO NOTHING",
        &rows,
        |row, (kind, name, claim)| {
            let holder = Some(claim.holder.as_str()).filter(|holder| holder != name);
            row.push_bind(claim.key.as_str()).push_bind(kind.code()).push_bind(*name).push_bind(holder);
        },
    )
    .await
}

async fn put_references(
    connection: &mut SqliteConnection,
    operations: &[Operation],
) -> Result<(), StoreError> {
    let mut rows: Vec<(Kind, &str, &Reference)> = Vec::new();
    for operation in operations {
        if let Operation::Put { kind, name, references, .. } = operation {
            rows.extend(references.iter().map(|reference| (*kind, name.as_str(), reference)));
        }
    }
    insert(
        connection,
        "INSERT INTO reference (kind, name, to_kind, to_name) ",
        " ON CONFLICT DO NOTHING",
        &rows,
        |row, (kind, name, to)| {
            row.push_bind(kind.code()).push_bind(*name).push_bind(to.kind.code()).push_bind(to.name.as_str());
        },
    )
    .await
}

async fn put_revision(
    connection: &mut SqliteConnection,
    lane: Lane,
    revision: u64,
    change: &ChangeSet,
) -> Result<(), StoreError> {
    sqlx::query("INSERT INTO revision (lane, revision, commit_time, traceparent) VALUES (?, ?, ?, ?)")
        .bind(lane_code(lane))
        .bind(signed(revision))
        .bind(to_micros(change.time))
        .bind(&change.traceparent)
        .execute(&mut *connection)
        .await
        .map_err(failed("write a revision"))?;
    sqlx::query("UPDATE lane SET head = ? WHERE lane = ?")
        .bind(signed(revision))
        .bind(lane_code(lane))
        .execute(connection)
        .await
        .map_err(failed("move the head"))?;
    Ok(())
}

async fn put_changes(
    connection: &mut SqliteConnection,
    lane: Lane,
    revision: u64,
    publications: &[Publication],
) -> Result<(), StoreError> {
    let rows: Vec<(i64, &Publication)> =
        (1..).zip(publications.iter().filter(|publication| publication.lane == lane)).collect();
    insert(
        connection,
        "INSERT INTO change (lane, revision, n, name, body) ",
        "",
        &rows,
        |row, (n, publication)| {
            row.push_bind(lane_code(lane)).push_bind(signed(revision)).push_bind(*n);
            row.push_bind(publication.name.as_str()).push_bind(publication.body.as_deref());
        },
    )
    .await
}

async fn put_records(
    connection: &mut SqliteConnection,
    lane: Lane,
    revision: u64,
    publications: &[Publication],
) -> Result<(), StoreError> {
    let of_lane = || publications.iter().filter(|publication| publication.lane == lane);
    let gone = json_array(of_lane().filter(|of| of.body.is_none()).map(|of| of.name.as_str()));
    if gone != "[]" {
        sqlx::query("DELETE FROM record WHERE lane = ? AND name IN (SELECT value FROM json_each(?))")
            .bind(lane_code(lane))
            .bind(gone)
            .execute(&mut *connection)
            .await
            .map_err(failed("delete records"))?;
    }
    let rows: Vec<(&str, &[u8])> =
        of_lane().filter_map(|of| of.body.as_deref().map(|body| (of.name.as_str(), body))).collect();
    insert(
        connection,
        "INSERT INTO record (lane, name, revision, body) ",
        " ON CONFLICT (lane, name) DO UPDATE SET revision = excluded.revision, body = excluded.body",
        &rows,
        |row, (name, body)| {
            row.push_bind(lane_code(lane)).push_bind(*name).push_bind(signed(revision)).push_bind(*body);
        },
    )
    .await
}

pub(super) async fn put_audit(
    connection: &mut SqliteConnection,
    audit: &Audit,
    commit: Option<&Commit>,
) -> Result<(), StoreError> {
    sqlx::query(
        "INSERT INTO audit (time, actor, method, request_id, resources, config_revision, credentials_revision) \
         VALUES (?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(to_micros(audit.time))
    .bind(&audit.actor)
    .bind(&audit.method)
    .bind(&audit.request_id)
    .bind(json_array(audit.resources.iter().map(String::as_str)))
    .bind(commit.and_then(|commit| commit.config_revision).map(signed))
    .bind(commit.and_then(|commit| commit.credentials_revision).map(signed))
    .execute(connection)
    .await
    .map_err(failed("write the audit record"))?;
    Ok(())
}

async fn put_replay(
    connection: &mut SqliteConnection,
    replay: &Replay,
    commit: Option<&Commit>,
) -> Result<(), StoreError> {
    // An expired record of the same id may still lie here.
    sqlx::query(
        "INSERT OR REPLACE INTO replay (actor, request_id, request_sha256, response, config_revision, \
         credentials_revision, commit_time, expire_time) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(&replay.actor)
    .bind(&replay.request_id)
    .bind(replay.request_sha256.as_slice())
    .bind(replay.response.as_ref())
    .bind(commit.and_then(|commit| commit.config_revision).map(signed))
    .bind(commit.and_then(|commit| commit.credentials_revision).map(signed))
    .bind(commit.map(|commit| to_micros(commit.commit_time)))
    .bind(to_micros(replay.expire_time))
    .execute(connection)
    .await
    .map_err(failed("write the idempotency record"))?;
    Ok(())
}

/// Inserts rows, many a statement.
async fn insert<R>(
    connection: &mut SqliteConnection,
    head: &'static str,
    tail: &'static str,
    rows: &[R],
    bind: impl Fn(&mut sqlx::query_builder::Separated<'_, Sqlite, &'static str>, &R),
) -> Result<(), StoreError> {
    for chunk in rows.chunks(ROWS_PER_STATEMENT) {
        let mut builder = QueryBuilder::<Sqlite>::new(head);
        builder.push_values(chunk, |mut row, item| bind(&mut row, item));
        builder.push(tail);
        // Only the statements for one row and for a full chunk come again.
        let again = chunk.len() == 1 || chunk.len() == ROWS_PER_STATEMENT;
        builder.build().persistent(again).execute(&mut *connection).await.map_err(failed("insert rows"))?;
    }
    Ok(())
}

pub(super) async fn compact(writer: &SqlitePool, lane: Lane, through: u64) -> Result<(), StoreError> {
    let doing = "compact the log";
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(doing))?;
    sqlx::query("UPDATE lane SET floor = MAX(floor, MIN(head, ?)) WHERE lane = ?")
        .bind(signed(through))
        .bind(lane_code(lane))
        .execute(&mut *tx)
        .await
        .map_err(failed(doing))?;
    for statement in [
        "DELETE FROM change WHERE lane = ?1 AND revision <= (SELECT floor FROM lane WHERE lane = ?1)",
        "DELETE FROM revision WHERE lane = ?1 AND revision <= (SELECT floor FROM lane WHERE lane = ?1)",
    ] {
        sqlx::query(statement).bind(lane_code(lane)).execute(&mut *tx).await.map_err(failed(doing))?;
    }
    tx.commit().await.map_err(failed(doing))
}

pub(super) async fn purge_replays(
    writer: &SqlitePool,
    now: std::time::SystemTime,
) -> Result<u64, StoreError> {
    let done = sqlx::query("DELETE FROM replay WHERE expire_time <= ?")
        .bind(to_micros(now))
        .execute(writer)
        .await
        .map_err(failed("forget idempotency records"))?;
    Ok(done.rows_affected())
}

pub(super) async fn put_data_planes(
    writer: &SqlitePool,
    facts: Vec<DataPlaneFacts>,
) -> Result<(), StoreError> {
    let doing = "remember data planes";
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(doing))?;
    insert(
        &mut tx,
        "INSERT INTO data_plane (name, last_contact_time, body) ",
        " ON CONFLICT (name) DO UPDATE SET last_contact_time = excluded.last_contact_time, body = excluded.body",
        &facts,
        |row, fact| {
            row.push_bind(fact.name.as_str()).push_bind(to_micros(fact.last_contact_time));
            row.push_bind(fact.body.as_ref());
        },
    )
    .await?;
    tx.commit().await.map_err(failed(doing))
}
