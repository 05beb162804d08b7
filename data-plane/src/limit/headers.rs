//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).
//!
//! Written on every answer, so by hand and on the stack.

use std::time::Duration;

use http::HeaderValue;
use smallvec::SmallVec;

use super::rate::Verdict;

/// The value of `RateLimit`: per limit what remains and the seconds until all of it is there again. `None` without
/// limits.
#[must_use]
pub fn rate_limit(verdicts: &[Verdict]) -> Option<HeaderValue> {
    list(verdicts.iter().map(|verdict| Item {
        name: &verdict.name,
        parameters: [(b'r', verdict.remaining.into()), (b't', whole_seconds(verdict.reset))],
    }))
}

/// The value of `RateLimit-Policy`: per limit the requests and the seconds of its period. `None` without limits.
pub(super) fn rate_limit_policy<'a>(
    limits: impl Iterator<Item = (&'a str, u32, Duration)>,
) -> Option<HeaderValue> {
    list(limits.map(|(name, requests, period)| Item {
        name,
        parameters: [(b'q', requests.into()), (b'w', whole_seconds(period))],
    }))
}

/// A string with two parameters.
struct Item<'a> {
    name: &'a str,
    parameters: [(u8, u64); 2],
}

fn list<'a>(items: impl Iterator<Item = Item<'a>>) -> Option<HeaderValue> {
    let mut text: SmallVec<[u8; 128]> = SmallVec::new();
    for Item { name, parameters } in items {
        if !text.is_empty() {
            text.extend_from_slice(b", ");
        }
        text.push(b'"');
        text.extend_from_slice(name.as_bytes());
        text.push(b'"');
        for (key, value) in parameters {
            text.extend_from_slice(&[b';', key, b'=']);
            text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
        }
    }
    if text.is_empty() { None } else { HeaderValue::from_bytes(&text).ok() }
}

/// Seconds, rounded up.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, remaining: u32, reset_ms: u64) -> Verdict {
        Verdict { name: name.into(), remaining, reset: Duration::from_millis(reset_ms), retry_after: None }
    }

    #[test]
    fn values_are_lists_of_strings_with_parameters() {
        let verdicts = [verdict("minute", 7, 1_001), verdict("spike", 0, 0)];
        assert_eq!(rate_limit(&verdicts).unwrap(), "\"minute\";r=7;t=2, \"spike\";r=0;t=0");
        let minute = Duration::from_secs(60);
        let policy = rate_limit_policy([("minute", 100, minute), ("spike", 5, minute)].into_iter());
        assert_eq!(policy.unwrap(), "\"minute\";q=100;w=60, \"spike\";q=5;w=60");
        assert_eq!(rate_limit(&[]), None);
        assert_eq!(rate_limit_policy(std::iter::empty()), None);
    }
}
