//! The addresses that an agent's configuration gives it.

use std::borrow::Cow;
use std::sync::Arc;

use signalbox_proto::model::address::Addresses;
use signalbox_proto::model::name::{AgentName, DEFAULT_ORGANIZATION};

/// Which kind of address led to an agent.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Form {
    /// `/a2a/{organization}/{agent}`.
    Qualified,
    /// `/a2a/{agent}`, in the default organization.
    Short,
    /// The agent's `context_path`.
    ContextPath,
    /// One of the agent's `hosts`.
    Host,
}

impl Form {
    /// Lower-case name, for logs.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Qualified => "qualified",
            Self::Short => "short",
            Self::ContextPath => "context_path",
            Self::Host => "host",
        }
    }
}

/// One place where an agent answers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Address {
    /// Its kind.
    pub form: Form,
    /// A lower-case host name, or a path without a trailing slash.
    pub text: Arc<str>,
}

/// Every address of an agent.
#[must_use]
pub fn addresses(name: &AgentName, own: &Addresses) -> Vec<Address> {
    let mut all = vec![Address { form: Form::Qualified, text: qualified(name).into() }];
    if name.organization() == DEFAULT_ORGANIZATION {
        all.push(Address { form: Form::Short, text: short(name).into() });
    }
    all.extend(
        own.context_path.iter().map(|path| Address { form: Form::ContextPath, text: path.as_str().into() }),
    );
    all.extend(own.hosts.iter().map(|host| Address { form: Form::Host, text: host.as_str().into() }));
    all
}

/// The path at which an agent is shown when no request says which of its addresses was used.
#[must_use]
pub fn public_path(name: &AgentName, own: &Addresses) -> String {
    match &own.context_path {
        Some(path) => path.as_str().to_owned(),
        None if name.organization() == DEFAULT_ORGANIZATION => short(name),
        None => qualified(name),
    }
}

fn qualified(name: &AgentName) -> String {
    format!("/a2a/{}/{}", name.organization(), name.id())
}

fn short(name: &AgentName) -> String {
    format!("/a2a/{}", name.id())
}

/// The host of a `Host` header or authority in lower case, without port and trailing dot. Allocates only for
/// upper-case letters.
#[must_use]
pub fn host_name(authority: &str) -> Cow<'_, str> {
    let host = match authority.rfind(':') {
        Some(colon) if !authority[colon..].contains(']') => &authority[..colon],
        _ => authority,
    };
    let host = host.strip_suffix('.').unwrap_or(host);
    if host.bytes().any(|b| b.is_ascii_uppercase()) {
        Cow::Owned(host.to_ascii_lowercase())
    } else {
        Cow::Borrowed(host)
    }
}
