//! `RateLimit` and `RateLimit-Policy` (draft-ietf-httpapi-ratelimit-headers-10).

use std::fmt::Write as _;
use std::time::Duration;

use http::HeaderValue;

use super::rate::Verdict;

/// The value of `RateLimit`: per limit what remains and the seconds until all of it is there again. `None` without
/// limits.
#[must_use]
pub fn rate_limit(verdicts: &[Verdict]) -> Option<HeaderValue> {
    list(verdicts, |text, verdict| {
        write!(text, "\"{}\";r={};t={}", verdict.name, verdict.remaining, whole_seconds(verdict.reset))
    })
}

/// The value of `RateLimit-Policy`: per limit the requests and the seconds of its period. `None` without limits.
#[must_use]
pub fn rate_limit_policy(verdicts: &[Verdict]) -> Option<HeaderValue> {
    list(verdicts, |text, verdict| {
        write!(text, "\"{}\";q={};w={}", verdict.name, verdict.requests, whole_seconds(verdict.period))
    })
}

fn list(
    verdicts: &[Verdict],
    mut item: impl FnMut(&mut String, &Verdict) -> std::fmt::Result,
) -> Option<HeaderValue> {
    let mut text = String::with_capacity(32 * verdicts.len());
    for verdict in verdicts {
        if !text.is_empty() {
            text.push_str(", ");
        }
        item(&mut text, verdict).ok()?;
    }
    if text.is_empty() { None } else { HeaderValue::try_from(text).ok() }
}

/// Seconds, rounded up.
fn whole_seconds(time: Duration) -> u64 {
    time.as_secs() + u64::from(time.subsec_nanos() > 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(name: &str, remaining: u32, reset_ms: u64) -> Verdict {
        Verdict {
            name: name.into(),
            requests: 100,
            period: Duration::from_secs(60),
            remaining,
            reset: Duration::from_millis(reset_ms),
            retry_after: None,
        }
    }

    #[test]
    fn values_are_lists_of_strings_with_parameters() {
        let verdicts = [verdict("minute", 7, 1_001), verdict("spike", 0, 0)];
        assert_eq!(rate_limit(&verdicts).unwrap(), "\"minute\";r=7;t=2, \"spike\";r=0;t=0");
        assert_eq!(rate_limit_policy(&verdicts).unwrap(), "\"minute\";q=100;w=60, \"spike\";q=100;w=60");
        assert_eq!(rate_limit(&[]), None);
    }
}
