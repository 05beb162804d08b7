//! Where an agent's server takes JSON-RPC, as its own card says.

use std::time::Duration;

use http::uri::PathAndQuery;

use crate::a2a::Version;
use crate::clock::Instant;

/// Age from which the card is asked again.
const OLD: Duration = Duration::from_secs(60);

/// The paths at which a server takes JSON-RPC, in its card's order.
#[derive(Clone, Debug)]
pub struct JsonRpcPaths {
    paths: Vec<(Option<Version>, PathAndQuery)>,
    learned: Instant,
}

impl JsonRpcPaths {
    /// What a card said at `learned`. Empty: it said nothing, and the target URL itself takes calls.
    #[must_use]
    pub fn new(paths: Vec<(Option<Version>, PathAndQuery)>, learned: Instant) -> Self {
        Self { paths, learned }
    }

    /// The path for a version: the one named for it, else for its major, else the first.
    #[must_use]
    pub fn for_version(&self, version: Version) -> Option<&PathAndQuery> {
        let named =
            |fits: &dyn Fn(Version) -> bool| self.paths.iter().find(|(named, _)| named.is_some_and(fits));
        named(&|named| named == version)
            .or_else(|| named(&|named| named.major == version.major))
            .or_else(|| self.paths.first())
            .map(|(_, path)| path)
    }

    /// Whether the card should be asked again.
    #[must_use]
    pub fn is_old(&self, now: Instant) -> bool {
        now.duration_since(self.learned) >= OLD
    }

    /// The same paths as if learned at `now`.
    #[must_use]
    pub fn renewed(&self, now: Instant) -> Self {
        Self { paths: self.paths.clone(), learned: now }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::now;

    fn paths(named: &[(Option<Version>, &str)]) -> JsonRpcPaths {
        let paths = named.iter().map(|(version, path)| (*version, path.parse().unwrap())).collect();
        JsonRpcPaths::new(paths, now())
    }

    #[test]
    fn the_nearest_version_is_chosen() {
        let known = paths(&[(None, "/first"), (Some(Version::V0_3), "/old"), (Some(Version::V1_0), "/new")]);
        let path = |major, minor| known.for_version(Version { major, minor }).map(PathAndQuery::as_str);
        assert_eq!(path(1, 0), Some("/new"));
        assert_eq!(path(1, 1), Some("/new"));
        assert_eq!(path(0, 3), Some("/old"));
        assert_eq!(path(0, 2), Some("/old"));
        assert_eq!(path(2, 0), Some("/first"));
        assert!(paths(&[]).for_version(Version::V1_0).is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn knowledge_ages_and_is_renewed() {
        let known = paths(&[(None, "/")]);
        assert!(!known.is_old(now()));
        tokio::time::advance(OLD).await;
        assert!(known.is_old(now()));
        assert!(!known.renewed(now()).is_old(now()));
    }
}
