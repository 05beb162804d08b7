//! Between rows and types, and from SQLite's errors to the store's.

use signalbox_proto::model::lane::Lane;
use uuid::Uuid;

use crate::clock::from_micros;
use crate::store::{Kind, Resource, StoreError};

/// `SQLITE_BUSY`, `_READONLY`, `_IOERR`, `_FULL`, `_CANTOPEN`, `_CONSTRAINT`: <https://sqlite.org/rescode.html>.
const BUSY: i32 = 5;
const READONLY: i32 = 8;
const IOERR: i32 = 10;
const FULL: i32 = 13;
const CANTOPEN: i32 = 14;
const CONSTRAINT: i32 = 19;

/// What an error of SQLite means, while `doing` this.
pub(super) fn failed(doing: &'static str) -> impl Fn(sqlx::Error) -> StoreError {
    move |error| {
        // The primary code is the low byte of the extended one.
        let code = error
            .as_database_error()
            .and_then(|error| error.code())
            .and_then(|code| code.parse::<i32>().ok())
            .map(|code| code & 0xff);
        match code {
            Some(BUSY) => StoreError::Busy,
            Some(READONLY | IOERR | FULL | CANTOPEN) => StoreError::Unwritable(Box::new(error)),
            Some(CONSTRAINT) => StoreError::Conflict { name: doing.to_owned() },
            _ if matches!(error, sqlx::Error::PoolTimedOut) => StoreError::Busy,
            _ => StoreError::Backend { doing, source: Box::new(error) },
        }
    }
}

pub(super) fn damaged(what: impl Into<String>) -> StoreError {
    StoreError::Damaged { what: what.into() }
}

pub(super) fn lane_code(lane: Lane) -> i64 {
    match lane {
        Lane::Config => 1,
        Lane::Credentials => 2,
    }
}

/// SQLite's integers are signed; revisions and counts never come near the difference.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

/// The inverse of [`signed`].
pub(super) fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

/// A limit for SQL.
pub(super) fn limit(limit: usize) -> i64 {
    i64::try_from(limit).unwrap_or(i64::MAX)
}

pub(super) fn fixed<const N: usize>(bytes: Vec<u8>, what: &str) -> Result<[u8; N], StoreError> {
    bytes.try_into().map_err(|_| damaged(format!("{what} has not {N} bytes")))
}

pub(super) fn kind(code: i64) -> Result<Kind, StoreError> {
    Kind::from_code(code).ok_or_else(|| damaged(format!("there is no kind {code}")))
}

/// A JSON array, for `IN (SELECT value FROM json_each(?))`: one statement for any number of values.
pub(super) fn json_array<'a>(values: impl IntoIterator<Item = &'a str>) -> String {
    serde_json::Value::from_iter(values).to_string()
}

/// Columns kind, name, uid, revision, create_time, update_time, body.
pub(super) type ResourceRow = (i64, String, Vec<u8>, i64, i64, i64, Vec<u8>);

pub(super) fn resource(row: ResourceRow) -> Result<Resource, StoreError> {
    let (code, name, uid, revision, create_time, update_time, body) = row;
    Ok(Resource {
        kind: kind(code)?,
        uid: Uuid::from_bytes(fixed(uid, "a uid")?),
        name,
        revision: unsigned(revision),
        create_time: from_micros(create_time),
        update_time: from_micros(update_time),
        body: body.into(),
    })
}
