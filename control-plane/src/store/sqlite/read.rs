//! Everything that is read, inside a transaction or outside one.

use std::collections::BTreeMap;
use std::time::SystemTime;

use signalbox_proto::model::lane::{Epoch, Lane};
use sqlx::SqliteConnection;

use super::codec::{
    ResourceRow, damaged, failed, fixed, json_array, kind, lane_code, limit, resource, signed, unsigned,
};
use crate::clock::{from_micros, to_micros};
use crate::store::{
    Audit, AuditEvent, ChangePage, Claim, Commit, DataPlaneFacts, Heads, Kind, ListQuery, Record, Reference,
    Replay, Resource, RevisionChanges, StoreError,
};

/// Revisions that one page of the log holds at most.
const REVISIONS_PER_PAGE: i64 = 10_000;

pub(super) async fn heads(connection: &mut SqliteConnection) -> Result<Heads, StoreError> {
    let heads: Vec<i64> = sqlx::query_scalar("SELECT head FROM lane ORDER BY lane")
        .fetch_all(connection)
        .await
        .map_err(failed("read the heads"))?;
    match heads[..] {
        [config, credentials] => Ok(Heads { config: unsigned(config), credentials: unsigned(credentials) }),
        _ => Err(damaged("there are not two lanes")),
    }
}

pub(super) async fn get(
    connection: &mut SqliteConnection,
    names: Vec<(Kind, String)>,
) -> Result<Vec<Option<Resource>>, StoreError> {
    let mut found = BTreeMap::new();
    for kind in Kind::ALL {
        let wanted = json_array(names.iter().filter(|(of, _)| *of == kind).map(|(_, name)| name.as_str()));
        if wanted == "[]" {
            continue;
        }
        let rows: Vec<ResourceRow> = sqlx::query_as(
            "SELECT kind, name, uid, revision, create_time, update_time, body FROM resource \
             WHERE kind = ? AND name IN (SELECT value FROM json_each(?))",
        )
        .bind(kind.code())
        .bind(wanted)
        .fetch_all(&mut *connection)
        .await
        .map_err(failed("read resources"))?;
        for row in rows {
            let resource = resource(row)?;
            found.insert((resource.kind, resource.name.clone()), resource);
        }
    }
    Ok(names.iter().map(|name| found.get(name).cloned()).collect())
}

pub(super) async fn list(
    connection: &mut SqliteConnection,
    query: ListQuery,
) -> Result<Vec<Resource>, StoreError> {
    // One lower bound, so that a page far into the list is found as fast as the first. No name is a prefix itself.
    let start = query.after.unwrap_or_default().max(query.prefix.clone());
    // Names are ASCII, so that this is greater than every name with the prefix.
    let end = format!("{}\u{10ffff}", query.prefix);
    let rows: Vec<ResourceRow> = sqlx::query_as(
        "SELECT kind, name, uid, revision, create_time, update_time, body FROM resource \
         WHERE kind = ? AND name > ? AND name < ? ORDER BY name LIMIT ?",
    )
    .bind(query.kind.code())
    .bind(start)
    .bind(end)
    .bind(limit(query.limit))
    .fetch_all(connection)
    .await
    .map_err(failed("list resources"))?;
    rows.into_iter().map(resource).collect()
}

pub(super) async fn claims(
    connection: &mut SqliteConnection,
    keys: Vec<String>,
) -> Result<Vec<(Claim, Reference)>, StoreError> {
    let rows: Vec<(String, i64, String, String)> = sqlx::query_as(
        "SELECT key, kind, name, COALESCE(holder, name) FROM claim \
         WHERE key IN (SELECT value FROM json_each(?)) ORDER BY 1, 4, 2, 3",
    )
    .bind(json_array(keys.iter().map(String::as_str)))
    .fetch_all(connection)
    .await
    .map_err(failed("read claims"))?;
    rows.into_iter()
        .map(|(key, code, name, holder)| Ok((Claim { key, holder }, Reference { kind: kind(code)?, name })))
        .collect()
}

pub(super) async fn referrers(
    connection: &mut SqliteConnection,
    of: Reference,
    kind: Kind,
    most: usize,
) -> Result<Vec<String>, StoreError> {
    sqlx::query_scalar(
        "SELECT name FROM reference WHERE to_kind = ? AND to_name = ? AND kind = ? ORDER BY name LIMIT ?",
    )
    .bind(of.kind.code())
    .bind(of.name)
    .bind(kind.code())
    .bind(limit(most))
    .fetch_all(connection)
    .await
    .map_err(failed("read references"))
}

/// Columns request_sha256, response, config_revision, credentials_revision, commit_time, expire_time.
type ReplayRow = (Vec<u8>, Vec<u8>, Option<i64>, Option<i64>, Option<i64>, i64);

pub(super) async fn replay(
    connection: &mut SqliteConnection,
    epoch: Epoch,
    actor: String,
    request_id: String,
    now: SystemTime,
) -> Result<Option<Replay>, StoreError> {
    let row: Option<ReplayRow> = sqlx::query_as(
        "SELECT request_sha256, response, config_revision, credentials_revision, commit_time, expire_time \
         FROM replay WHERE actor = ? AND request_id = ? AND expire_time > ?",
    )
    .bind(&actor)
    .bind(&request_id)
    .bind(to_micros(now))
    .fetch_optional(connection)
    .await
    .map_err(failed("read an earlier answer"))?;
    let Some((sha256, response, config, credentials, commit_time, expire_time)) = row else {
        return Ok(None);
    };
    let commit = commit_time.map(|time| Commit {
        epoch,
        config_revision: config.map(unsigned),
        credentials_revision: credentials.map(unsigned),
        commit_time: from_micros(time),
    });
    Ok(Some(Replay {
        actor,
        request_id,
        request_sha256: fixed(sha256, "a request hash")?,
        response: response.into(),
        commit,
        expire_time: from_micros(expire_time),
    }))
}

/// Must run in one read transaction.
pub(super) async fn changes(
    connection: &mut SqliteConnection,
    lane: Lane,
    after: u64,
    max_changes: usize,
) -> Result<ChangePage, StoreError> {
    let lane = lane_code(lane);
    let (head, floor): (i64, i64) = sqlx::query_as("SELECT head, floor FROM lane WHERE lane = ?")
        .bind(lane)
        .fetch_one(&mut *connection)
        .await
        .map_err(failed("read the head"))?;
    if after < unsigned(floor) {
        return Err(StoreError::Compacted { floor: unsigned(floor) });
    }
    // Counting up to each revision tells where the page ends without reading the bodies beyond it.
    let rows: Vec<(i64, i64, Option<String>, i64)> = sqlx::query_as(
        "SELECT revision, commit_time, traceparent, \
                (SELECT COUNT(*) FROM change c WHERE c.lane = r.lane AND c.revision = r.revision) \
         FROM revision r WHERE lane = ? AND revision > ? ORDER BY revision LIMIT ?",
    )
    .bind(lane)
    .bind(signed(after))
    .bind(limit(max_changes).saturating_add(1).min(REVISIONS_PER_PAGE))
    .fetch_all(&mut *connection)
    .await
    .map_err(failed("read revisions"))?;
    let mut revisions: Vec<RevisionChanges> = Vec::new();
    let mut total = 0;
    for (revision, commit_time, traceparent, count) in rows {
        total += count;
        if !revisions.is_empty() && total > limit(max_changes) {
            break;
        }
        revisions.push(RevisionChanges {
            revision: unsigned(revision),
            commit_time: from_micros(commit_time),
            traceparent,
            changes: Vec::with_capacity(usize::try_from(count).unwrap_or(0)),
        });
    }
    fill(connection, lane, after, &mut revisions).await?;
    Ok(ChangePage { revisions, head: unsigned(head) })
}

/// Reads the changes of consecutive revisions that begin after `after`.
async fn fill(
    connection: &mut SqliteConnection,
    lane: i64,
    after: u64,
    revisions: &mut [RevisionChanges],
) -> Result<(), StoreError> {
    let Some(last) = revisions.last().map(|revision| revision.revision) else { return Ok(()) };
    let rows: Vec<(i64, String, Option<Vec<u8>>)> = sqlx::query_as(
        "SELECT revision, name, body FROM change \
         WHERE lane = ? AND revision > ? AND revision <= ? ORDER BY revision, n",
    )
    .bind(lane)
    .bind(signed(after))
    .bind(signed(last))
    .fetch_all(connection)
    .await
    .map_err(failed("read changes"))?;
    for (revision, name, body) in rows {
        let at = revisions
            .binary_search_by_key(&unsigned(revision), |revision| revision.revision)
            .map_err(|_| damaged(format!("a change of revision {revision}, which does not exist")))?;
        if let Some(revision) = revisions.get_mut(at) {
            revision.changes.push((name, body.map(Into::into)));
        }
    }
    Ok(())
}

pub(super) async fn records(
    connection: &mut SqliteConnection,
    lane: Lane,
    after: &str,
    most: usize,
) -> Result<Vec<Record>, StoreError> {
    let rows: Vec<(String, i64, Vec<u8>)> = sqlx::query_as(
        "SELECT name, revision, body FROM record WHERE lane = ? AND name > ? ORDER BY name LIMIT ?",
    )
    .bind(lane_code(lane))
    .bind(after)
    .bind(limit(most))
    .fetch_all(connection)
    .await
    .map_err(failed("read records"))?;
    let record = |(name, revision, body): (String, i64, Vec<u8>)| Record {
        name,
        revision: unsigned(revision),
        body: body.into(),
    };
    Ok(rows.into_iter().map(record).collect())
}

/// Columns id, time, actor, method, request_id, resources, config_revision, credentials_revision.
type AuditRow = (i64, i64, String, String, String, String, Option<i64>, Option<i64>);

pub(super) async fn audit(
    connection: &mut SqliteConnection,
    before: Option<u64>,
    most: usize,
) -> Result<Vec<AuditEvent>, StoreError> {
    let rows: Vec<AuditRow> = sqlx::query_as(
        "SELECT id, time, actor, method, request_id, resources, config_revision, credentials_revision \
         FROM audit WHERE id < ? ORDER BY id DESC LIMIT ?",
    )
    .bind(before.map_or(i64::MAX, signed))
    .bind(limit(most))
    .fetch_all(connection)
    .await
    .map_err(failed("read the audit log"))?;
    rows.into_iter()
        .map(|(id, time, actor, method, request_id, resources, config, credentials)| {
            let resources = serde_json::from_str(&resources)
                .map_err(|error| damaged(format!("resources of audit event {id}: {error}")))?;
            Ok(AuditEvent {
                id: unsigned(id),
                audit: Audit { time: from_micros(time), actor, method, request_id, resources },
                config_revision: config.map(unsigned),
                credentials_revision: credentials.map(unsigned),
            })
        })
        .collect()
}

pub(super) async fn data_planes(
    connection: &mut SqliteConnection,
) -> Result<Vec<DataPlaneFacts>, StoreError> {
    let rows: Vec<(String, i64, Vec<u8>)> =
        sqlx::query_as("SELECT name, last_contact_time, body FROM data_plane ORDER BY name")
            .fetch_all(connection)
            .await
            .map_err(failed("read data planes"))?;
    let facts = |(name, time, body): (String, i64, Vec<u8>)| DataPlaneFacts {
        name,
        last_contact_time: from_micros(time),
        body: body.into(),
    };
    Ok(rows.into_iter().map(facts).collect())
}
