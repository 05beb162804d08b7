//! What the agent says about how long its card holds, and how to ask again (RFC 9111, RFC 9110 §13.1).

use std::time::Duration;

use http::header::{AGE, CACHE_CONTROL, ETAG, IF_MODIFIED_SINCE, IF_NONE_MATCH, LAST_MODIFIED};
use http::{HeaderMap, HeaderValue};

/// Age from which a card is fetched again if the agent says nothing.
pub const DEFAULT_FRESH: Duration = Duration::from_secs(30);

/// The least of it, whatever the agent says: a card that may not be kept is still not fetched for every reader.
pub const MIN_FRESH: Duration = Duration::from_secs(5);

/// The most of it: the interfaces that a card names may move.
pub const MAX_FRESH: Duration = Duration::from_secs(60);

/// By what an agent recognises the card that is held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Validators {
    etag: Option<HeaderValue>,
    last_modified: Option<HeaderValue>,
}

impl Validators {
    /// Those of an answer.
    pub fn of(headers: &HeaderMap) -> Self {
        let one = |name| headers.get(name).filter(|value: &&HeaderValue| !value.is_empty()).cloned();
        Self { etag: one(ETAG), last_modified: one(LAST_MODIFIED) }
    }

    /// Whether there is none, so that a request cannot be conditional.
    pub fn is_empty(&self) -> bool {
        self.etag.is_none() && self.last_modified.is_none()
    }

    /// Makes a request conditional.
    pub fn set_conditions(&self, headers: &mut HeaderMap) {
        if let Some(etag) = &self.etag {
            headers.insert(IF_NONE_MATCH, etag.clone());
        }
        if let Some(time) = &self.last_modified {
            headers.insert(IF_MODIFIED_SINCE, time.clone());
        }
    }

    /// Those of the held card after a 304 that may bring newer ones.
    #[must_use]
    pub fn renewed(&self, headers: &HeaderMap) -> Self {
        let newer = Self::of(headers);
        if newer.is_empty() { self.clone() } else { newer }
    }
}

/// Age from which the card of this answer is fetched again, within the bounds.
pub fn fresh_for(headers: &HeaderMap) -> Duration {
    let Some(seconds) = max_age(headers) else { return DEFAULT_FRESH };
    let age = headers.get(AGE).and_then(|age| age.to_str().ok()?.trim().parse().ok()).unwrap_or(0);
    Duration::from_secs(seconds.saturating_sub(age)).clamp(MIN_FRESH, MAX_FRESH)
}

/// In seconds: `s-maxage` before `max-age`; 0 for what may not be kept.
fn max_age(headers: &HeaderMap) -> Option<u64> {
    let lines = headers.get_all(CACHE_CONTROL).iter().filter_map(|line| line.to_str().ok());
    let (mut shared, mut own) = (None, None);
    for directive in lines.flat_map(|line| line.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let seconds = || value.trim().trim_matches('"').parse().ok();
        match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => return Some(0),
            "s-maxage" => shared = seconds(),
            "max-age" => own = seconds(),
            _ => {}
        }
    }
    shared.or(own)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(http::HeaderName, &'static str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    #[test]
    fn the_agent_decides_within_bounds_how_long_its_card_holds() {
        for (value, seconds) in [
            ("public, max-age=40", 40),
            ("max-age=3600", 60),
            ("max-age=0", 5),
            ("MAX-AGE=\"20\"", 20),
            ("max-age=3600, s-maxage=10", 10),
            ("max-age=40, no-cache", 5),
            ("no-store", 5),
            ("private", 30),
            ("max-age=soon", 30),
        ] {
            let fresh = fresh_for(&headers(&[(CACHE_CONTROL, value)]));
            assert_eq!(fresh, Duration::from_secs(seconds), "{value}");
        }
        assert_eq!(fresh_for(&HeaderMap::new()), DEFAULT_FRESH);
        let aged = headers(&[(CACHE_CONTROL, "max-age=60"), (AGE, "45")]);
        assert_eq!(fresh_for(&aged), Duration::from_secs(15));
    }

    #[test]
    fn validators_go_back_as_they_came() {
        let held = Validators::of(&headers(&[(ETAG, "W/\"1\""), (LAST_MODIFIED, "yesterday")]));
        let mut request = HeaderMap::new();
        held.set_conditions(&mut request);
        assert_eq!(request, headers(&[(IF_NONE_MATCH, "W/\"1\""), (IF_MODIFIED_SINCE, "yesterday")]));
        assert!(!held.is_empty() && Validators::of(&HeaderMap::new()).is_empty());
        assert_eq!(held.renewed(&HeaderMap::new()), held);
        assert_ne!(held.renewed(&headers(&[(ETAG, "\"2\"")])), held);
    }
}
