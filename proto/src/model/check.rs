//! Checks that many fields share. Each notes what is wrong and gives back the value if it is right.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use super::bound::{self, Bound};
use super::violation::{FieldPath, Violations};

/// The value if `value` lies in `bound`.
pub(crate) fn number(value: u64, bound: &Bound, at: &FieldPath, wrong: &mut Violations) -> Option<u64> {
    if bound.contains(value) {
        return Some(value);
    }
    wrong.push(at.clone(), "OUT_OF_RANGE", format!("must be {}", bound.range()));
    None
}

/// The text if it is not longer than `bound`, which is in characters or bytes.
pub(crate) fn text(value: String, bound: &Bound, at: &FieldPath, wrong: &mut Violations) -> Option<String> {
    let length = match bound.unit {
        bound::Unit::Bytes => value.len(),
        _ => value.chars().count(),
    };
    if bound.contains(length as u64) {
        return Some(value);
    }
    if value.is_empty() {
        wrong.push(at.clone(), "REQUIRED", "must not be empty");
    } else {
        wrong.push(at.clone(), "TOO_LONG", format!("has {length}, must have {}", bound.range()));
    }
    None
}

/// Notes a list or map that has too many elements.
pub(crate) fn count(count: usize, bound: &Bound, at: &FieldPath, wrong: &mut Violations) {
    if !bound.contains(count as u64) {
        wrong.push(at.clone(), "TOO_MANY", format!("has {count} items, must have {}", bound.range()));
    }
}

/// Labels with keys of letters, digits and `. _ - /`.
pub(crate) fn labels(
    labels: BTreeMap<String, String>,
    at: &FieldPath,
    wrong: &mut Violations,
) -> BTreeMap<String, String> {
    count(labels.len(), &bound::LABELS, at, wrong);
    for (key, value) in &labels {
        let at = at.key(key);
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-/".contains(&byte);
        if !bound::LABEL_KEY.contains(key.len() as u64) || !key.bytes().all(good) {
            let range = bound::LABEL_KEY.range();
            wrong.push(at.clone(), "INVALID_KEY", format!("keys are {range} of a-z, A-Z, 0-9 and . _ - /"));
        }
        if !bound::LABEL_VALUE.contains(value.chars().count() as u64) {
            wrong.push(at, "TOO_LONG", format!("values are {}", bound::LABEL_VALUE.range()));
        }
    }
    labels
}

/// A duration in `bound`: `None` if it is absent, zero where zero means off.
pub(crate) fn duration(
    value: Option<pbjson_types::Duration>,
    bound: &Bound,
    at: &FieldPath,
    wrong: &mut Violations,
) -> Option<Duration> {
    let pbjson_types::Duration { seconds, nanos } = value?;
    let parts =
        u64::try_from(seconds).ok().zip(u32::try_from(nanos).ok().filter(|&nanos| nanos < 1_000_000_000));
    let duration = parts.map(|(seconds, nanos)| Duration::new(seconds, nanos));
    let least = Duration::from_millis(bound.min);
    let most = Duration::from_millis(bound.max);
    let good = |d: &Duration| (*d >= least && *d <= most) || (d.is_zero() && bound.zero_is_off);
    let duration = duration.filter(good);
    if duration.is_none() {
        wrong.push(at.clone(), "OUT_OF_RANGE", format!("must be {}", bound.range()));
    }
    duration
}

/// A point in time between the years 1970 and 9999: `None` if it is absent.
pub(crate) fn time(
    value: Option<pbjson_types::Timestamp>,
    at: &FieldPath,
    wrong: &mut Violations,
) -> Option<SystemTime> {
    const END_OF_9999: i64 = 253_402_300_799;
    let pbjson_types::Timestamp { seconds, nanos } = value?;
    let parts = u64::try_from(seconds)
        .ok()
        .filter(|_| seconds <= END_OF_9999)
        .zip(u32::try_from(nanos).ok().filter(|&nanos| nanos < 1_000_000_000));
    let time =
        parts.and_then(|(seconds, nanos)| SystemTime::UNIX_EPOCH.checked_add(Duration::new(seconds, nanos)));
    if time.is_none() {
        wrong.push(at.clone(), "OUT_OF_RANGE", "must be a time between the years 1970 and 9999");
    }
    time
}

/// The value of an enum, or a violation for a number that this version does not know.
pub(crate) fn known<E: TryFrom<i32>>(value: i32, at: &FieldPath, wrong: &mut Violations) -> Option<E> {
    let known = E::try_from(value).ok();
    if known.is_none() {
        wrong.push(at.clone(), "UNKNOWN_VALUE", format!("has the unknown value {value}"));
    }
    known
}

/// The list without repeats noted as violations at the second one's place.
pub(crate) fn unique<T: Ord>(items: &[T], at: &FieldPath, wrong: &mut Violations) {
    let mut seen = std::collections::BTreeSet::new();
    for (index, item) in items.iter().enumerate() {
        if !seen.insert(item) {
            wrong.push(at.index(index), "DUPLICATE", "is listed twice");
        }
    }
}

/// A wire time for a point in time; times before 1970 become 1970.
#[must_use]
pub fn to_timestamp(time: SystemTime) -> pbjson_types::Timestamp {
    let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    pbjson_types::Timestamp {
        seconds: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(since.subsec_nanos()).unwrap_or_default(),
    }
}

/// A wire duration.
#[must_use]
pub fn to_duration(duration: Duration) -> pbjson_types::Duration {
    pbjson_types::Duration {
        seconds: i64::try_from(duration.as_secs()).unwrap_or(i64::MAX),
        nanos: i32::try_from(duration.subsec_nanos()).unwrap_or_default(),
    }
}
