//! The `RateLimit` and `RateLimit-Policy` header fields (draft-ietf-httpapi-ratelimit-headers-10).

use std::time::Duration;

use http::{HeaderName, HeaderValue};
use signalbox_proto::model::plan::RateLimit;

use super::rate::Remaining;

/// `RateLimit`: what is left.
pub const RATE_LIMIT: HeaderName = HeaderName::from_static("ratelimit");
/// `RateLimit-Policy`: what the limits are.
pub const RATE_LIMIT_POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");

/// `"name";q=requests;w=seconds`, one for each limit. `None` if there are no limits.
pub fn policy<'a>(limits: impl Iterator<Item = &'a RateLimit>) -> Option<HeaderValue> {
    let mut text = Vec::new();
    for limit in limits {
        item(
            &mut text,
            &limit.name,
            ";q=",
            u64::from(limit.requests.get()),
            ";w=",
            whole_seconds(limit.period),
        );
    }
    value(text)
}

/// `"name";r=remaining;t=seconds`, one for each limit that was asked. `None` if none was.
pub fn remaining(limits: &[Remaining]) -> Option<HeaderValue> {
    let mut text = Vec::with_capacity(limits.len() * 40);
    for limit in limits {
        item(&mut text, &limit.name, ";r=", u64::from(limit.requests), ";t=", whole_seconds(limit.reset));
    }
    value(text)
}

/// Limit names are ids, so they need no escapes in a quoted string.
fn item(text: &mut Vec<u8>, name: &str, first: &str, first_value: u64, second: &str, second_value: u64) {
    let mut digits = itoa::Buffer::new();
    if !text.is_empty() {
        text.extend_from_slice(b", ");
    }
    text.push(b'"');
    text.extend_from_slice(name.as_bytes());
    text.push(b'"');
    text.extend_from_slice(first.as_bytes());
    text.extend_from_slice(digits.format(first_value).as_bytes());
    text.extend_from_slice(second.as_bytes());
    text.extend_from_slice(digits.format(second_value).as_bytes());
}

fn value(text: Vec<u8>) -> Option<HeaderValue> {
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

/// Rounded up: a client that waits for it finds the limit open.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}
