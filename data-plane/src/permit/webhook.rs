//! Whether a URL is that of a webhook that agents may be told to call.
//!
//! Agents call webhooks with clients of their own, which read odd URLs in different ways. So only what all of them read
//! alike is let through, and everything else refused: this is a reader that agrees with nobody in doubt. It is a filter:
//! names are not resolved here, and the agent resolves them later anyway.

use std::net::IpAddr;

use signalbox_proto::model::push::{HostPattern, PushMode, PushPolicy};

use super::address::{self, Spelled};

/// Longest URL of a webhook, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// Names, and all below them, that mean something inside a network only.
const LOCAL_NAMES: [&str; 14] = [
    "localhost",
    "local",
    "localdomain",
    "internal",
    "intranet",
    "private",
    "corp",
    "home",
    "lan",
    "invalid",
    "onion",
    "alt",
    "arpa",
    "metadata.goog",
];

/// Why a URL may not be a webhook's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAllowed {
    /// Longer than 2,048 bytes, or with characters that URLs do not have.
    #[error("it is no URL")]
    NotAUrl,
    /// Another scheme than https.
    #[error("it is not https")]
    NotHttps,
    /// A user name or password, or an `@` or `\` that some reader takes for one.
    #[error("it has user information")]
    UserInformation,
    /// A fragment, which is not sent.
    #[error("it has a fragment")]
    Fragment,
    /// Neither a host name of letters, digits, `-` and `.`, nor an address.
    #[error("its host is no host name")]
    BadHost,
    /// Not a number between 1 and 65535.
    #[error("its port is none")]
    BadPort,
    /// An IPv4 address in another form than four decimal numbers.
    #[error("its host is an oddly spelled address")]
    OddAddress,
    /// A private, loopback, link-local, reserved or otherwise special address, or an IPv4 address inside an IPv6 one.
    #[error("its address is not public")]
    NotPublic,
    /// A name without a dot, or below one that networks use inside.
    #[error("its host name is not public")]
    LocalName,
    /// On a list of denied hosts.
    #[error("its host is denied")]
    Denied,
    /// Not on a list of allowed hosts.
    #[error("its host is not among those allowed")]
    NotListed,
}

impl NotAllowed {
    /// What the caller can do.
    pub(super) const fn advice(self) -> &'static str {
        match self {
            Self::NotAUrl => "It must be a URL of at most 2,048 bytes, percent-encoded.",
            Self::NotHttps => "It must begin with https://.",
            Self::UserInformation => "It may not have a user name or password.",
            Self::Fragment => "It may not have a fragment.",
            Self::BadHost => "Its host must be a host name of letters, digits, - and ., or an address.",
            Self::BadPort => "Its port must be a number between 1 and 65535.",
            Self::OddAddress => "Its address must be written as four decimal numbers.",
            Self::NotPublic | Self::LocalName => "Its host must be public.",
            Self::Denied | Self::NotListed => "Its host is not one that the plan or the agent allows.",
        }
    }
}

/// A host as all readers understand it.
#[derive(Debug, PartialEq, Eq)]
enum Host {
    /// In lower case, without a trailing dot.
    Name(String),
    Address(IpAddr),
}

/// Checks a URL under each of the policies that validate.
pub(super) fn check(url: &str, policies: &[&PushPolicy]) -> Result<(), NotAllowed> {
    let host = host(authority(url)?)?;
    match &host {
        Host::Address(address) if !address::is_public(*address) => return Err(NotAllowed::NotPublic),
        Host::Name(name) if is_local(name) => return Err(NotAllowed::LocalName),
        _ => {}
    }
    let covers = |pattern: &HostPattern| match &host {
        Host::Name(name) => pattern.covers_name(name),
        Host::Address(address) => pattern.covers_address(*address),
    };
    for policy in policies.iter().filter(|policy| policy.mode == PushMode::Validate) {
        if policy.denied_hosts.iter().any(covers) {
            return Err(NotAllowed::Denied);
        }
        if !policy.allowed_hosts.is_empty() && !policy.allowed_hosts.iter().any(covers) {
            return Err(NotAllowed::NotListed);
        }
    }
    Ok(())
}

/// The part between `https://` and the path.
fn authority(url: &str) -> Result<&str, NotAllowed> {
    const SCHEME: &str = "https://";
    if url.len() > MAX_URL_BYTES || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
        return Err(NotAllowed::NotAUrl);
    }
    if url.contains('\\') {
        // Browsers' readers take it for a slash, others for a part of the host or the user information.
        return Err(NotAllowed::UserInformation);
    }
    if url.contains(['"', '<', '>', '^', '`', '{', '|', '}']) {
        return Err(NotAllowed::NotAUrl);
    }
    let rest = match url.get(..SCHEME.len()) {
        Some(scheme) if scheme.eq_ignore_ascii_case(SCHEME) => &url[SCHEME.len()..],
        _ => return Err(NotAllowed::NotHttps),
    };
    if rest.contains('#') {
        return Err(NotAllowed::Fragment);
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    // Readers differ about a query right after the host: to some of them the authority ends at the slash alone.
    let before_slash = tail.split('/').next().unwrap_or_default();
    if authority.contains('@') || before_slash.contains('@') {
        return Err(NotAllowed::UserInformation);
    }
    Ok(authority)
}

fn host(authority: &str) -> Result<Host, NotAllowed> {
    if let Some(rest) = authority.strip_prefix('[') {
        let (address, after) = rest.split_once(']').ok_or(NotAllowed::BadHost)?;
        if !after.is_empty() {
            check_port(after.strip_prefix(':').ok_or(NotAllowed::BadHost)?)?;
        }
        // The standard library takes no zone.
        return address.parse().map(|v6| Host::Address(IpAddr::V6(v6))).map_err(|_| NotAllowed::BadHost);
    }
    let (host, port) = match authority.split_once(':') {
        Some((host, port)) => (host, Some(port)),
        None => (authority, None),
    };
    port.map_or(Ok(()), check_port)?;
    let host = host.strip_suffix('.').unwrap_or(host);
    match address::spelling(host) {
        Spelled::Plainly(v4) => Ok(Host::Address(IpAddr::V4(v4))),
        Spelled::Oddly => Err(NotAllowed::OddAddress),
        Spelled::Name if is_name(host) => Ok(Host::Name(host.to_ascii_lowercase())),
        Spelled::Name => Err(NotAllowed::BadHost),
    }
}

fn check_port(digits: &str) -> Result<(), NotAllowed> {
    let is_number = (1..=5).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit());
    match digits.parse::<u16>() {
        Ok(port) if is_number && port > 0 => Ok(()),
        _ => Err(NotAllowed::BadPort),
    }
}

/// A host name (RFC 1123), with underscores, which occur.
fn is_name(name: &str) -> bool {
    let good_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(good_label)
}

/// Whether a name means something inside a network only. What has no dot is completed by search domains.
fn is_local(name: &str) -> bool {
    let is_below =
        |local: &str| name.strip_suffix(local).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || LOCAL_NAMES.into_iter().any(is_below)
}

#[cfg(test)]
mod tests;
