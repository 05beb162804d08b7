//! Where an agent's server takes calls, as its own card says.

use std::time::Duration;

use http::uri::PathAndQuery;

use crate::a2a::{Binding, Version};
use crate::clock::Instant;

/// Age from which the card is asked again.
const OLD: Duration = Duration::from_secs(60);

/// An interface on the server's own origin.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InterfacePath {
    /// The binding spoken there.
    pub binding: Binding,
    /// The version named; `None`: none is.
    pub version: Option<Version>,
    /// Where it is.
    pub path: PathAndQuery,
}

/// The interfaces of a server, in its card's order.
#[derive(Clone, Debug)]
pub struct InterfacePaths {
    paths: Vec<InterfacePath>,
    learned: Instant,
}

/// What is known of the interface for a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Known<'a> {
    /// The card names it.
    At(&'a PathAndQuery),
    /// The card names interfaces, and none of this binding.
    NotOffered,
    /// There is no card that could be read, or it names nothing on this server: the target URL itself takes calls.
    Nothing,
}

impl InterfacePaths {
    /// What a card said at `learned`. Empty: it said nothing.
    #[must_use]
    pub fn new(paths: Vec<InterfacePath>, learned: Instant) -> Self {
        Self { paths, learned }
    }

    /// The interface for a binding and version: the one named for it, else for its major, else the first of the binding.
    #[must_use]
    pub fn find(&self, binding: Binding, version: Version) -> Known<'_> {
        if self.paths.is_empty() {
            return Known::Nothing;
        }
        let fitting = || self.paths.iter().filter(|interface| interface.binding == binding);
        let named =
            |fits: &dyn Fn(Version) -> bool| fitting().find(|interface| interface.version.is_some_and(fits));
        named(&|named| named == version)
            .or_else(|| named(&|named| named.major == version.major))
            .or_else(|| fitting().next())
            .map_or(Known::NotOffered, |interface| Known::At(&interface.path))
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

    fn paths(named: &[(Option<Version>, &str)]) -> InterfacePaths {
        let interface = |(version, path): &(Option<Version>, &str)| InterfacePath {
            binding: Binding::JsonRpc,
            version: *version,
            path: path.parse().unwrap(),
        };
        InterfacePaths::new(named.iter().map(interface).collect(), now())
    }

    #[test]
    fn the_nearest_version_is_chosen() {
        let known = paths(&[(None, "/first"), (Some(Version::V0_3), "/old"), (Some(Version::V1_0), "/new")]);
        let path = |major, minor| match known.find(Binding::JsonRpc, Version { major, minor }) {
            Known::At(path) => path.as_str(),
            other => panic!("{other:?}"),
        };
        assert_eq!(path(1, 0), "/new");
        assert_eq!(path(1, 1), "/new");
        assert_eq!(path(0, 3), "/old");
        assert_eq!(path(0, 2), "/old");
        assert_eq!(path(2, 0), "/first");
    }

    #[test]
    fn what_the_card_does_not_name_is_not_what_no_card_names() {
        let known = paths(&[(Some(Version::V1_0), "/rpc")]);
        assert_eq!(known.find(Binding::HttpJson, Version::V1_0), Known::NotOffered);
        assert_eq!(paths(&[]).find(Binding::HttpJson, Version::V1_0), Known::Nothing);
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
