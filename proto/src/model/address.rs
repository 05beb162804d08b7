//! Where agents answer: context paths, hosts and public URLs, and who may claim which.

use std::sync::Arc;

use super::selector::DataPlaneSelector;

/// Ids that no organization and no agent of the default organization may have: they would shadow addresses.
pub const RESERVED_IDS: &[&str] =
    &["agents", "gateways", "tasks", "message", "v1", "card", "extendedagentcard", "push", "default"];

/// An absolute path without a trailing slash, percent-escapes or empty and dot segments; not below /a2a or
/// /.well-known.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ContextPath(pub(crate) Arc<str>);

impl ContextPath {
    /// The path: "/support/chat".
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A host name in lower case without port and trailing dot.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HostName(pub(crate) Arc<str>);

impl HostName {
    /// The name: "echo.agents.example".
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An http or https URL without user, query, fragment and trailing slash: the base under which callers see an agent
/// or a data plane.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BaseUrl(pub(crate) Arc<str>);

impl BaseUrl {
    /// The URL: "https://agents.example/eu".
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// A public base URL for the data planes that match.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    /// The base URL.
    pub url: BaseUrl,
    /// Which data planes use it.
    pub selector: DataPlaneSelector,
}

/// Where an agent answers besides /a2a/{organization}/{agent}.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Addresses {
    /// An own path.
    pub context_path: Option<ContextPath>,
    /// Own hosts.
    pub hosts: Vec<HostName>,
    /// Own public base URLs; the first that matches the data plane wins.
    pub public_urls: Vec<PublicUrl>,
}

mod claim;
mod from_wire;
pub use claim::{Claim, Claims, taken};
pub(crate) use from_wire::{reserved_agent, reserved_organization};
#[cfg(test)]
mod tests;
