//! http and https URLs, taken apart and checked once.

use std::net::IpAddr;
use std::sync::Arc;

use super::address::BaseUrl;
use super::agent::UpstreamUrl;
use super::bound;
use super::violation::{FieldPath, Violations};

/// An http or https URL without user information and fragment.
struct Parts<'a> {
    tls: bool,
    /// Lower case; an IPv6 address without brackets.
    host: String,
    port: Option<u16>,
    /// Without a trailing slash; empty for the root.
    path: &'a str,
    query: Option<&'a str>,
}

/// Why a URL is refused, for people.
type Reason = &'static str;

fn parts(text: &str) -> Result<Parts<'_>, Reason> {
    if text.len() as u64 > bound::URL.max {
        return Err("is longer than 2048 bytes");
    }
    if !text.bytes().all(|byte| byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte)) {
        return Err(
            "may not contain spaces, control characters and non-ASCII characters; percent-encode them",
        );
    }
    let (scheme, rest) =
        text.split_once("://").ok_or("must be a whole URL such as https://agent.example:8443/a2a")?;
    let tls = match scheme.to_ascii_lowercase().as_str() {
        "https" => true,
        "http" => false,
        _ => return Err("must begin with https:// or http://"),
    };
    if rest.contains('#') {
        return Err("may not have a fragment (#)");
    }
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, tail) = rest.split_at(end);
    if authority.contains('@') {
        return Err("may not contain a user name or password");
    }
    let (host, port) = split_port(authority)?;
    let (path, query) = match tail.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (tail, None),
    };
    Ok(Parts { tls, host: host_or_address(host)?, port, path: path.trim_end_matches('/'), query })
}

fn split_port(authority: &str) -> Result<(&str, Option<u16>), Reason> {
    let (host, port) = match authority.strip_prefix('[') {
        Some(rest) => {
            let (address, after) = rest.split_once(']').ok_or("has an unclosed [ in its host")?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err("has something else than an IPv6 address in [ ]");
            }
            match after {
                "" => (address, None),
                _ => (address, Some(after.strip_prefix(':').ok_or("has text between ] and the port")?)),
            }
        }
        None => match authority.split_once(':') {
            Some((host, port)) => (host, Some(port)),
            None => (authority, None),
        },
    };
    let port = match port {
        None => None,
        Some(digits) if digits.bytes().all(|byte| byte.is_ascii_digit()) => match digits.parse() {
            Ok(0) | Err(_) => return Err("has a port that is not between 1 and 65535"),
            Ok(port) => Some(port),
        },
        Some(_) => return Err("has a port that is not a number; IPv6 addresses stand in [ ]"),
    };
    Ok((host, port))
}

fn host_or_address(host: &str) -> Result<String, Reason> {
    if host.is_empty() {
        return Err("has no host");
    }
    if let Ok(address) = host.parse::<IpAddr>() {
        return Ok(address.to_string());
    }
    host_name(host)
}

/// `name` in lower case without trailing dot, if it is a host name (RFC 1123) and no address.
pub(crate) fn host_name(name: &str) -> Result<String, Reason> {
    let name = name.strip_suffix('.').unwrap_or(name);
    let good_label = |label: &str| {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        !label.is_empty()
            && label.len() <= 63
            && label.bytes().all(good)
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    if name.is_empty() || name.len() > 253 || !name.split('.').all(good_label) {
        return Err(
            "must have a host name of letters, digits, - and . (internationalized names in their xn-- form)",
        );
    }
    // A last label of digits alone would be read as an IPv4 address by some.
    if name.rsplit('.').next().is_some_and(|label| label.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("has a host that looks like a mistyped IPv4 address");
    }
    Ok(name.to_ascii_lowercase())
}

/// Whether the gateway refuses to call `address` whatever the configuration says: link-local and unspecified
/// addresses, multicast, and the metadata services of clouds.
#[must_use]
pub fn is_forbidden_upstream(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local()
                || v4.is_unspecified()
                || v4.is_multicast()
                || v4.is_broadcast()
                || v4.octets() == [100, 100, 100, 200]
        }
        IpAddr::V6(v6) => match v6.to_ipv4_mapped() {
            Some(v4) => is_forbidden_upstream(IpAddr::V4(v4)),
            None => {
                v6.is_unspecified()
                    || v6.is_multicast()
                    || v6.is_unicast_link_local()
                    || v6.segments() == [0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254]
            }
        },
    }
}

impl UpstreamUrl {
    /// Checks an upstream's URL.
    ///
    /// # Errors
    ///
    /// One violation at `at`: not http or https, user information, query, fragment, or an address that is always
    /// refused.
    pub fn parse(text: &str, at: &FieldPath) -> Result<Self, Violations> {
        let refuse = |reason| Violations::one(at.clone(), "INVALID_URL", reason);
        if text.is_empty() {
            return Err(Violations::one(at.clone(), "REQUIRED", "must name the agent's server"));
        }
        let parts = parts(text).map_err(refuse)?;
        if parts.query.is_some() {
            return Err(refuse("may not have a query (?)"));
        }
        if parts.host.parse().is_ok_and(is_forbidden_upstream) {
            return Err(refuse("names a link-local, metadata, multicast or unspecified address"));
        }
        Ok(Self {
            tls: parts.tls,
            host: parts.host.into(),
            port: parts.port.unwrap_or(if parts.tls { 443 } else { 80 }),
            path: parts.path.into(),
            text: text.into(),
        })
    }

    /// The path and query of `card_url`, which is an absolute path or a URL of this one's origin.
    ///
    /// # Errors
    ///
    /// One violation at `at`.
    pub fn card_path(&self, card_url: &str, at: &FieldPath) -> Result<Arc<str>, Violations> {
        let refuse = |reason| Violations::one(at.clone(), "INVALID_URL", reason);
        if card_url.starts_with('/') {
            let good = card_url.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'#');
            let long = card_url.len() as u64 > bound::URL.max;
            return if good && !long && !card_url.starts_with("//") {
                Ok(card_url.into())
            } else {
                Err(refuse("must be an absolute path of printable ASCII, at most 2048 bytes"))
            };
        }
        let card = parts(card_url).map_err(refuse)?;
        let port = card.port.unwrap_or(if card.tls { 443 } else { 80 });
        if (card.tls, card.host.as_str(), port) != (self.tls, &*self.host, self.port) {
            return Err(refuse("must have the same scheme, host and port as the upstream's url"));
        }
        let path = if card.path.is_empty() { "/" } else { card.path };
        Ok(match card.query {
            Some(query) => format!("{path}?{query}").into(),
            None => path.into(),
        })
    }
}

impl BaseUrl {
    /// Checks a public base URL.
    ///
    /// # Errors
    ///
    /// One violation at `at`: not http or https, user information, query or fragment.
    pub fn parse(text: &str, at: &FieldPath) -> Result<Self, Violations> {
        let refuse = |reason| Violations::one(at.clone(), "INVALID_URL", reason);
        let parts = parts(text).map_err(refuse)?;
        if parts.query.is_some() {
            return Err(refuse("may not have a query (?)"));
        }
        let scheme = if parts.tls { "https" } else { "http" };
        let host = if parts.host.contains(':') { format!("[{}]", parts.host) } else { parts.host };
        // The scheme's own port is left out, so that equal bases compare equal.
        let port = match parts.port {
            Some(port) if port != if parts.tls { 443 } else { 80 } => format!(":{port}"),
            _ => String::new(),
        };
        Ok(Self(format!("{scheme}://{host}{port}{}", parts.path).into()))
    }
}

#[cfg(test)]
mod tests;
