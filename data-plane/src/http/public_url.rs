//! Which address callers are told to use.

use super::forwarded::{Forwarded, Scheme, is_host};
use crate::error::{Code, GatewayError};

#[cfg(test)]
mod tests;

/// What may decide the public base URL, in order of precedence. A request's `Host` is never among it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Candidates<'a> {
    /// The agent's public URL for this data plane.
    pub agent: Option<&'a str>,
    /// The host that belongs to the agent alone. Scheme and port are those of the forwarded headers or `listener`.
    pub agent_host: Option<&'a str>,
    /// The forwarded headers of a trusted proxy.
    pub forwarded: Option<&'a Forwarded>,
    /// `--public-url` of the listener, or its own address where it listens on loopback.
    pub listener: Option<&'a str>,
}

/// The public base URL, without a slash at the end. The agent's path is appended to it.
///
/// # Errors
/// `PublicUrlMissing` when nothing decides.
pub fn public_base(candidates: Candidates<'_>) -> Result<String, GatewayError> {
    let Candidates { agent, agent_host, forwarded, listener } = candidates;
    if let Some(url) = agent {
        return Ok(url.trim_end_matches('/').to_owned());
    }
    let listener_parts = listener.and_then(Parts::parse);
    let forwarded = forwarded.filter(|forwarded| forwarded.by_trusted_proxy);
    if let Some(host) = agent_host {
        let seen = forwarded.and_then(|seen| from_proxy(seen, listener_parts)).or(listener_parts);
        let Some(seen) = seen else { return Err(missing()) };
        return Ok(Parts { host, ..seen }.url(""));
    }
    if let Some(seen) = forwarded
        && let Some(parts) = from_proxy(seen, listener_parts)
    {
        return Ok(parts.url(seen.prefix.as_deref().unwrap_or_default()));
    }
    listener.map(|url| url.trim_end_matches('/').to_owned()).ok_or_else(missing)
}

/// The address of an agent: the base and the agent's path there. An agent at the root of its host has an empty path.
pub fn agent_url(base: &str, path: &str) -> String {
    let path = path.trim_matches('/');
    if path.is_empty() { format!("{base}/") } else { format!("{base}/{path}") }
}

/// Host and port of a public URL; the port of the scheme where it names none.
pub fn host_and_port(url: &str) -> Option<(&str, u16)> {
    Parts::parse(url).map(|parts| (parts.host, parts.port))
}

#[derive(Clone, Copy)]
struct Parts<'a> {
    scheme: Scheme,
    host: &'a str,
    port: u16,
}

impl<'a> Parts<'a> {
    fn parse(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = Scheme::parse(scheme)?;
        let authority = rest.split(['/', '?', '#']).next()?;
        let (host, port) = split_port(authority);
        is_host(host).then_some(Self { scheme, host, port: port.unwrap_or(scheme.default_port()) })
    }

    fn url(self, path: &str) -> String {
        let Self { scheme, host, port } = self;
        if port == scheme.default_port() {
            format!("{}://{host}{path}", scheme.name())
        } else {
            format!("{}://{host}:{port}{path}", scheme.name())
        }
    }
}

fn from_proxy<'a>(seen: &'a Forwarded, listener: Option<Parts<'_>>) -> Option<Parts<'a>> {
    let (host, port_in_host) = split_port(seen.host.as_deref()?);
    let scheme = seen.scheme.or(listener.map(|parts| parts.scheme)).unwrap_or(Scheme::Http);
    Some(Parts { scheme, host, port: port_in_host.or(seen.port).unwrap_or(scheme.default_port()) })
}

/// Splits `host:port` and `[v6]:port`.
fn split_port(authority: &str) -> (&str, Option<u16>) {
    match authority.rsplit_once(':') {
        Some((host, port)) if !port.contains(']') && !port.is_empty() => match port.parse() {
            Ok(port) => (host, Some(port)),
            Err(_) => (authority, None),
        },
        _ => (authority, None),
    }
}

fn missing() -> GatewayError {
    GatewayError::new(Code::PublicUrlMissing)
        .internal("no --public-url, no public URL of the agent, no forwarded headers of a trusted proxy")
}
