//! Addresses in cards: which are the agent's own.

use std::borrow::Cow;

use super::super::call::Binding;
use super::host::{Numbers, canonical, is_this_machine};

/// The agent's server, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    scheme: &'static str,
    authority: String,
    host: String,
    port: u16,
    /// Starts with a slash.
    path: String,
    /// The bindings that it takes; empty: those that its card names on this very port.
    bindings: Vec<Binding>,
}

impl Target {
    /// Reads an http or https URL. `None` when it is none.
    pub fn parse(url: &str) -> Option<Self> {
        let address = Address::parse(url)?;
        let scheme = match address.scheme? {
            Known::Http => "http",
            Known::Https => "https",
            Known::Other => return None,
        };
        let shown =
            if address.host.contains(':') { format!("[{}]", address.host) } else { address.host.clone() };
        let authority = if address.has_default_port() { shown } else { format!("{shown}:{}", address.port) };
        let path = address.rest.split(['?', '#']).next().unwrap_or_default();
        let path = if path.starts_with('/') { path.to_owned() } else { format!("/{path}") };
        Some(Self { scheme, authority, host: address.host, port: address.port, path, bindings: Vec::new() })
    }

    /// The same, taking these bindings and no others.
    #[must_use]
    pub fn taking(self, bindings: Vec<Binding>) -> Self {
        Self { bindings, ..self }
    }

    /// Whether calls to an interface reach this target: it is the agent's own, and the target takes its binding. A gRPC
    /// server has a port of its own as a rule, so that another port of the machine is none of the target's.
    pub(super) fn offers(&self, url: &str, binding: Binding) -> bool {
        if !self.bindings.is_empty() {
            return self.bindings.contains(&binding) && self.path_of(url).is_some();
        }
        let has_port = |url: &str| Address::parse(&clean(url)).is_none_or(|own| self.answers_at(own.port));
        self.path_of(url).is_some() && (binding != Binding::Grpc || has_port(url))
    }

    /// `scheme://host:port`, without default port.
    pub fn origin(&self) -> String {
        format!("{}://{}", self.scheme, self.authority)
    }

    /// The host, lower case, without brackets.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    fn has_default_port(&self) -> bool {
        self.port == if self.scheme == "https" { 443 } else { 80 }
    }

    /// The path and query at this target that a URL of its card means. `None`: the URL is somewhere else.
    ///
    /// The agent's own are: the same host and port; the same host where both ports are the default of their scheme, as
    /// behind a proxy that ends TLS; and "this machine" (`localhost`, `0.0.0.0`), which is how agents print their own
    /// address, if the target is another machine or the port is the same. The gateway always calls the target itself.
    pub(super) fn path_of(&self, url: &str) -> Option<String> {
        let url = clean(url);
        let Some(address) = Address::parse(&url) else {
            return self.resolve(&url);
        };
        self.is_own(&address).then(|| with_slash(&address.rest))
    }

    /// Whether a URL names this target.
    pub(super) fn is_named_by(&self, url: &str) -> bool {
        Address::parse(&clean(url)).is_some_and(|address| self.is_own(&address))
    }

    /// Whether this is the target's port, or stands for it behind a proxy that ends TLS.
    pub(super) fn answers_at(&self, port: u16) -> bool {
        port == self.port || (matches!(port, 80 | 443) && self.has_default_port())
    }

    pub(super) fn is_own(&self, address: &Address) -> bool {
        if address.host == self.host {
            return address.port == self.port || (address.has_default_port() && self.has_default_port());
        }
        is_this_machine(&address.host) && (address.port == self.port || !is_this_machine(&self.host))
    }

    /// A relative URL, read as if the target were a directory.
    fn resolve(&self, url: &str) -> Option<String> {
        let bare = url.split(['?', '#']).next().unwrap_or_default();
        if bare.contains(':') && !bare.starts_with(['/', '.']) || url.starts_with("//") || url.contains('\\')
        {
            return None;
        }
        let url = url.split('#').next().unwrap_or_default();
        if url.is_empty() {
            return Some(self.path.clone());
        }
        if url.starts_with('/') {
            return Some(normal(url));
        }
        let directory = self.path.trim_end_matches('/');
        if url.starts_with('?') {
            Some(format!("{}{url}", self.path))
        } else {
            Some(normal(&format!("{directory}/{url}")))
        }
    }
}

/// Schemes by what they mean to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Known {
    Http,
    Https,
    Other,
}

impl Known {
    /// `None` for what is no scheme at all.
    pub(super) fn parse(scheme: &str) -> Option<Self> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte);
        if !scheme.starts_with(|first: char| first.is_ascii_alphabetic()) || !scheme.bytes().all(plain) {
            return None;
        }
        Some(match scheme.to_ascii_lowercase().as_str() {
            "http" | "ws" => Self::Http,
            "https" | "wss" => Self::Https,
            _ => Self::Other,
        })
    }

    pub(super) fn default_port(self) -> Option<u16> {
        match self {
            Self::Http => Some(80),
            Self::Https => Some(443),
            Self::Other => None,
        }
    }
}

/// An absolute address in a card.
#[derive(Debug)]
pub(super) struct Address {
    /// `None` for `host:port`.
    scheme: Option<Known>,
    pub(super) host: String,
    pub(super) port: u16,
    /// Path, query and fragment.
    rest: String,
}

impl Address {
    /// Reads `scheme://host:port/…`, as leniently as clients do, and the `host:port` of gRPC interfaces.
    pub(super) fn parse(url: &str) -> Option<Self> {
        let (scheme, after) = split_scheme(url)?;
        let end = after.find(['/', '\\', '?', '#']).unwrap_or(after.len());
        let (authority, rest) = after.split_at(end);
        let authority = authority.rsplit_once('@').map_or(authority, |(_, host)| host);
        let (host, port) = split_port(authority)?;
        let numbers = if scheme.is_some() { Numbers::All } else { Numbers::Unmistakable };
        let host = canonical(host, numbers);
        if host.is_empty() {
            return None;
        }
        let port = port.or(scheme.and_then(Known::default_port)).unwrap_or(0);
        Some(Self { scheme, host, port, rest: rest.to_owned() })
    }

    fn has_default_port(&self) -> bool {
        self.scheme.and_then(Known::default_port) == Some(self.port)
    }
}

/// The scheme and what follows it and its slashes, of which clients take any number; no scheme for `host:port`.
fn split_scheme(url: &str) -> Option<(Option<Known>, &str)> {
    let slashes = ['/', '\\'];
    let bare = url.trim_start_matches(slashes);
    if url.len() - bare.len() >= 2 {
        return Some((Some(Known::Http), bare));
    }
    if url.starts_with('[') {
        return Some((None, url));
    }
    let (before, after) = url.split_once(':')?;
    let port = after.split(['/', '\\', '?', '#']).next().unwrap_or_default();
    if !port.is_empty() && port.bytes().all(|byte| byte.is_ascii_digit()) {
        return Some((None, url));
    }
    let known = Known::parse(before)?;
    (after.starts_with(slashes) || (known != Known::Other && !after.is_empty()))
        .then(|| (Some(known), after.trim_start_matches(slashes)))
}

/// Host without brackets, and port.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (host, after) = rest.split_once(']')?;
        return match after.strip_prefix(':') {
            None | Some("") => Some((host, None)),
            Some(port) => Some((host, Some(port.parse().ok()?))),
        };
    }
    match authority.rsplit_once(':') {
        None => Some((authority, None)),
        Some((host, "")) => Some((host, None)),
        Some((host, port)) => Some((host, Some(port.parse().ok()?))),
    }
}

/// Clients ignore white space around a URL, and line breaks and tabs inside.
pub(super) fn clean(url: &str) -> Cow<'_, str> {
    let url = url.trim_matches(|letter: char| letter <= ' ');
    if url.contains(['\t', '\r', '\n']) {
        return Cow::Owned(url.replace(['\t', '\r', '\n'], ""));
    }
    Cow::Borrowed(url)
}

fn with_slash(rest: &str) -> String {
    let rest = rest.split('#').next().unwrap_or_default();
    if rest.starts_with('/') { normal(rest) } else { format!("/{rest}") }
}

/// Removes `.` and `..` segments from a path with a query.
fn normal(path: &str) -> String {
    let (path, query) = path.split_at(path.find('?').unwrap_or(path.len()));
    if !path.contains("/.") {
        return format!("{path}{query}");
    }
    let mut segments: Vec<&str> = Vec::new();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    for (index, part) in parts.iter().enumerate() {
        let is_last = index + 1 == parts.len();
        match *part {
            "." | ".." => {
                if *part == ".." {
                    segments.pop();
                }
                if is_last {
                    segments.push("");
                }
            }
            part => segments.push(part),
        }
    }
    format!("/{}{query}", segments.join("/"))
}
