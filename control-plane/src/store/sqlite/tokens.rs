//! Tokens of admins and data planes.

use sqlx::{SqliteConnection, SqlitePool};

use super::codec::{damaged, failed, fixed, limit};
use super::write::put_audit;
use crate::clock::{from_micros, to_micros};
use crate::store::{Audit, StoreError, Token, TokenKind};

/// Columns kind, id, sha256, data_plane, region, create_time, expire_time, revoke_time.
type TokenRow = (i64, String, Vec<u8>, String, String, i64, Option<i64>, Option<i64>);

fn token(row: TokenRow) -> Result<Token, StoreError> {
    let (code, id, sha256, data_plane, region, create_time, expire_time, revoke_time) = row;
    Ok(Token {
        kind: TokenKind::from_code(code).ok_or_else(|| damaged(format!("there is no token kind {code}")))?,
        id,
        sha256: fixed(sha256, "a token hash")?,
        data_plane,
        region,
        create_time: from_micros(create_time),
        expire_time: expire_time.map(from_micros),
        revoke_time: revoke_time.map(from_micros),
    })
}

pub(super) async fn put(writer: &SqlitePool, token: Token, audit: Audit) -> Result<(), StoreError> {
    let doing = "add a token";
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(doing))?;
    sqlx::query(
        "INSERT INTO token (kind, id, sha256, data_plane, region, create_time, expire_time, revoke_time) \
         VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
    )
    .bind(token.kind.code())
    .bind(&token.id)
    .bind(token.sha256.as_slice())
    .bind(&token.data_plane)
    .bind(&token.region)
    .bind(to_micros(token.create_time))
    .bind(token.expire_time.map(to_micros))
    .bind(token.revoke_time.map(to_micros))
    .execute(&mut *tx)
    .await
    .map_err(failed(doing))?;
    put_audit(&mut tx, &audit, None).await?;
    tx.commit().await.map_err(failed(doing))
}

pub(super) async fn by_hash(
    connection: &mut SqliteConnection,
    kind: TokenKind,
    sha256: [u8; 32],
) -> Result<Option<Token>, StoreError> {
    let row: Option<TokenRow> = sqlx::query_as(
        "SELECT kind, id, sha256, data_plane, region, create_time, expire_time, revoke_time FROM token \
         WHERE kind = ? AND sha256 = ?",
    )
    .bind(kind.code())
    .bind(sha256.to_vec())
    .fetch_optional(connection)
    .await
    .map_err(failed("look up a token"))?;
    row.map(token).transpose()
}

pub(super) async fn list(
    connection: &mut SqliteConnection,
    kind: TokenKind,
    after: Option<String>,
    most: usize,
) -> Result<Vec<Token>, StoreError> {
    let rows: Vec<TokenRow> = sqlx::query_as(
        "SELECT kind, id, sha256, data_plane, region, create_time, expire_time, revoke_time FROM token \
         WHERE kind = ? AND id > ? ORDER BY id LIMIT ?",
    )
    .bind(kind.code())
    .bind(after.unwrap_or_default())
    .bind(limit(most))
    .fetch_all(connection)
    .await
    .map_err(failed("list tokens"))?;
    rows.into_iter().map(token).collect()
}

pub(super) async fn revoke(
    writer: &SqlitePool,
    kind: TokenKind,
    id: String,
    audit: Audit,
) -> Result<Option<Token>, StoreError> {
    let doing = "revoke a token";
    let mut tx = writer.begin_with("BEGIN IMMEDIATE").await.map_err(failed(doing))?;
    let revoked =
        sqlx::query("UPDATE token SET revoke_time = ? WHERE kind = ? AND id = ? AND revoke_time IS NULL")
            .bind(to_micros(audit.time))
            .bind(kind.code())
            .bind(&id)
            .execute(&mut *tx)
            .await
            .map_err(failed(doing))?;
    if revoked.rows_affected() > 0 {
        put_audit(&mut tx, &audit, None).await?;
    }
    let row: Option<TokenRow> = sqlx::query_as(
        "SELECT kind, id, sha256, data_plane, region, create_time, expire_time, revoke_time FROM token \
         WHERE kind = ? AND id = ?",
    )
    .bind(kind.code())
    .bind(&id)
    .fetch_optional(&mut *tx)
    .await
    .map_err(failed(doing))?;
    tx.commit().await.map_err(failed(doing))?;
    row.map(token).transpose()
}
