//! Kinds of resources and their names, in full or short.

use clap::ValueEnum;

use crate::exit::{Code, Failure};

/// A kind of resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Kind {
    /// Agents
    #[value(name = "agents", alias = "agent")]
    Agents,
    /// Plans
    #[value(name = "plans", alias = "plan")]
    Plans,
    /// Consumers
    #[value(name = "consumers", alias = "consumer")]
    Consumers,
    /// Subscriptions
    #[value(name = "subscriptions", alias = "subscription")]
    Subscriptions,
    /// API keys
    #[value(name = "keys", aliases = ["key", "apikeys", "apikey", "api-keys"])]
    Keys,
}

impl Kind {
    /// The collections of a name after the organization.
    fn collections(self) -> &'static [&'static str] {
        match self {
            Self::Agents => &["agents"],
            Self::Plans => &["plans"],
            Self::Consumers => &["consumers"],
            Self::Subscriptions => &["consumers", "subscriptions"],
            Self::Keys => &["consumers", "subscriptions", "apiKeys"],
        }
    }

    /// The parent of all resources of the kind in an organization.
    pub(crate) fn parent_of_all(self, organization: &str) -> String {
        let collections = self.collections();
        let parents =
            collections.iter().take(collections.len() - 1).map(|collection| format!("/{collection}/-"));
        format!("organizations/{organization}{}", parents.collect::<String>())
    }

    /// The full name that `text` means: itself, the same without the organization, or the ids alone with slashes
    /// between them, as in `app/gold/k1`.
    pub(crate) fn full_name(self, organization: &str, text: &str) -> Result<String, Failure> {
        if text.starts_with("organizations/") {
            return Ok(text.to_owned());
        }
        let segments: Vec<&str> = text.split('/').collect();
        let collections = self.collections();
        let ids: Option<Vec<&str>> = if segments.len() == collections.len() {
            Some(segments)
        } else if segments.len() == 2 * collections.len() {
            let pairs = segments.chunks_exact(2).zip(collections);
            pairs.map(|(pair, collection)| (pair[0] == *collection).then_some(pair[1])).collect()
        } else {
            None
        };
        let ids = ids.ok_or_else(|| {
            let shape: Vec<String> = collections
                .iter()
                .map(|collection| format!("{{{}}}", collection.trim_end_matches('s')))
                .collect();
            let text = format!("{text:?} is no name here: write {} or the full name", shape.join("/"));
            Failure::new(Code::Usage, text)
        })?;
        let path: String =
            collections.iter().zip(ids).map(|(collection, id)| format!("/{collection}/{id}")).collect();
        Ok(format!("organizations/{organization}{path}"))
    }
}

/// `dataPlanes/{id}` for an id or the full name.
pub(crate) fn data_plane(text: &str) -> String {
    with_collection("dataPlanes", text)
}

/// `dataPlaneTokens/{id}` for an id or the full name.
pub(crate) fn data_plane_token(text: &str) -> String {
    with_collection("dataPlaneTokens", text)
}

fn with_collection(collection: &str, text: &str) -> String {
    if text.starts_with(collection) { text.to_owned() } else { format!("{collection}/{text}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_may_be_short() {
        let full = "organizations/acme/consumers/app/subscriptions/gold/apiKeys/k1";
        for text in ["app/gold/k1", "consumers/app/subscriptions/gold/apiKeys/k1", full] {
            assert_eq!(Kind::Keys.full_name("acme", text).unwrap(), full);
        }
        assert_eq!(Kind::Agents.full_name("default", "echo").unwrap(), "organizations/default/agents/echo");
        for text in ["a/b", "plans/echo", "a/b/c"] {
            assert_eq!(Kind::Agents.full_name("default", text).unwrap_err().code, Code::Usage, "{text}");
        }
        assert_eq!(data_plane("edge-1"), "dataPlanes/edge-1");
        assert_eq!(data_plane("dataPlanes/edge-1"), "dataPlanes/edge-1");
    }

    #[test]
    fn lists_span_the_organization() {
        assert_eq!(Kind::Plans.parent_of_all("acme"), "organizations/acme");
        assert_eq!(Kind::Keys.parent_of_all("acme"), "organizations/acme/consumers/-/subscriptions/-");
    }
}
