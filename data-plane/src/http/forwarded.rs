//! Forwarded addresses: what a proxy in front says, believed only from trusted ones, and what the agent is told.

use std::io::Write as _;
use std::net::{IpAddr, SocketAddr};

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::address::TrustedProxies;

#[cfg(test)]
mod tests;

/// `X-Forwarded-For`.
pub const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
/// `X-Forwarded-Proto`.
pub const X_FORWARDED_PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
/// `X-Forwarded-Host`.
pub const X_FORWARDED_HOST: HeaderName = HeaderName::from_static("x-forwarded-host");
/// `X-Forwarded-Port`.
pub const X_FORWARDED_PORT: HeaderName = HeaderName::from_static("x-forwarded-port");
/// `X-Forwarded-Prefix`.
pub const X_FORWARDED_PREFIX: HeaderName = HeaderName::from_static("x-forwarded-prefix");

/// Headers by which a caller could claim to be somebody else, besides `X-Forwarded-*`.
const CLAIMS: [HeaderName; 4] = [
    FORWARDED,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
];

/// Longest address as text.
const ADDRESS_BYTES: usize = 45;

/// A scheme of public addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// http.
    Http,
    /// https.
    Https,
}

impl Scheme {
    /// The name in URLs.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that URLs leave out.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }

    /// Reads http or https, in any case.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Http, Self::Https].into_iter().find(|scheme| scheme.name().eq_ignore_ascii_case(text))
    }
}

/// Where a request came from, as far as that is believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The client: the peer, or the nearest address in the chain that is no trusted proxy.
    pub client: IpAddr,
    /// Whether the peer is a trusted proxy. The other fields are empty unless it is.
    pub by_trusted_proxy: bool,
    /// The scheme that the client used.
    pub scheme: Option<Scheme>,
    /// The host that the client used, perhaps with a port. Checked to be a host.
    pub host: Option<String>,
    /// The port that the client used.
    pub port: Option<u16>,
    /// The path prefix that the proxy has cut off, without a slash at the end. Checked to be a path.
    pub prefix: Option<String>,
}

/// Reads the forwarded headers of a request.
///
/// `X-Forwarded-*` is read first. `Forwarded` (RFC 7239) counts only where none of them is present: a proxy that
/// writes the former passes a caller's own `Forwarded` on. In lists, as many entries are believed as there are trusted
/// proxies in the chain, counted from the end.
pub fn read(peer: IpAddr, headers: &HeaderMap, trusted: &TrustedProxies) -> Forwarded {
    let peer = peer.to_canonical();
    let mut forwarded = Forwarded {
        client: peer,
        by_trusted_proxy: false,
        scheme: None,
        host: None,
        port: None,
        prefix: None,
    };
    if !trusted.contains(peer) {
        return forwarded;
    }
    forwarded.by_trusted_proxy = true;
    let has_own_form = [&X_FORWARDED_FOR, &X_FORWARDED_PROTO, &X_FORWARDED_HOST]
        .iter()
        .any(|name| headers.contains_key(*name));
    if has_own_form || !headers.contains_key(FORWARDED) {
        read_x_forwarded(&mut forwarded, headers, trusted);
    } else {
        read_rfc_7239(&mut forwarded, headers, trusted);
    }
    if let Some(prefix) = believed(headers, &X_FORWARDED_PREFIX, 1) {
        forwarded.prefix = checked_prefix(prefix);
    }
    forwarded
}

fn read_x_forwarded(forwarded: &mut Forwarded, headers: &HeaderMap, trusted: &TrustedProxies) {
    let mut hops = 1;
    for entry in entries(headers, &X_FORWARDED_FOR).rev() {
        let Some(address) = parse_node(entry) else { break };
        forwarded.client = address;
        if !trusted.contains(address) {
            break;
        }
        hops += 1;
    }
    forwarded.scheme = believed(headers, &X_FORWARDED_PROTO, hops).and_then(Scheme::parse);
    forwarded.host =
        believed(headers, &X_FORWARDED_HOST, hops).filter(|host| is_host(host)).map(ToOwned::to_owned);
    forwarded.port = believed(headers, &X_FORWARDED_PORT, hops).and_then(|port| port.parse().ok());
}

fn read_rfc_7239(forwarded: &mut Forwarded, headers: &HeaderMap, trusted: &TrustedProxies) {
    for element in entries(headers, &FORWARDED).rev() {
        let mut address = None;
        for pair in element.split(';') {
            let Some((name, value)) = pair.split_once('=') else { continue };
            let value = value.trim().trim_matches('"');
            match name.trim().to_ascii_lowercase().as_str() {
                "for" => address = parse_node(value),
                "proto" => forwarded.scheme = Scheme::parse(value),
                "host" if is_host(value) => forwarded.host = Some(value.to_owned()),
                _ => {}
            }
        }
        let Some(address) = address else { break };
        forwarded.client = address;
        if !trusted.contains(address) {
            break;
        }
    }
}

/// Comma-separated entries of all lines of a header, in order.
fn entries<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl DoubleEndedIterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim)
        .filter(|entry| !entry.is_empty())
}

/// The entry that the outermost of so many trusted proxies wrote.
fn believed<'a>(headers: &'a HeaderMap, name: &HeaderName, hops: usize) -> Option<&'a str> {
    entries(headers, name).rev().take(hops).last()
}

/// An address with or without port and brackets.
fn parse_node(text: &str) -> Option<IpAddr> {
    let text = text.trim_matches('"');
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    bare.parse::<IpAddr>()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .ok()
        .map(|address| address.to_canonical())
}

/// A host name or address, perhaps with a port, and nothing that could change the meaning of a URL.
pub(super) fn is_host(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._:[]".contains(&byte);
    !text.is_empty()
        && text.len() <= 260
        && text.bytes().all(plain)
        && text.parse::<http::uri::Authority>().is_ok()
}

/// A path prefix without a slash at the end; `None` unless it is a plain absolute path.
fn checked_prefix(text: &str) -> Option<String> {
    let text = text.trim_end_matches('/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte);
    let fits = text.len() <= 256 && text.bytes().all(plain) && !text.contains("//") && !text.contains("..");
    (text.starts_with('/') && fits).then(|| text.to_owned())
}

/// How the agent's public address reads, for the headers towards the agent. Made once an address.
#[derive(Clone, Debug)]
pub struct Outward {
    /// `X-Forwarded-Proto`.
    pub scheme: HeaderValue,
    /// `X-Forwarded-Host`.
    pub host: HeaderValue,
    /// `X-Forwarded-Prefix`, where the public address has a path.
    pub prefix: Option<HeaderValue>,
}

impl Outward {
    /// From a public URL such as `https://agents.example/eu`. `None` when it is no URL.
    pub fn from_public_url(url: &str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let scheme = Scheme::parse(scheme)?;
        let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let prefix = path.trim_end_matches('/');
        Some(Self {
            scheme: HeaderValue::from_static(scheme.name()),
            host: HeaderValue::try_from(host).ok()?,
            prefix: if prefix.is_empty() { None } else { Some(HeaderValue::try_from(prefix).ok()?) },
        })
    }
}

/// Replaces what the request says about its way here by what the gateway knows: the chain is kept from a trusted proxy
/// and begun anew from anybody else. Other claims about the client are dropped.
pub fn set_towards_agent(
    headers: &mut HeaderMap,
    peer: IpAddr,
    by_trusted_proxy: bool,
    outward: Option<&Outward>,
) {
    let chain = chain(headers, peer, by_trusted_proxy);
    if headers.keys().any(is_claim) {
        let claims: Vec<HeaderName> = headers.keys().filter(|name| is_claim(name)).cloned().collect();
        for name in claims {
            headers.remove(name);
        }
    }
    if let Some(chain) = chain {
        headers.insert(X_FORWARDED_FOR, chain);
    }
    if let Some(Outward { scheme, host, prefix }) = outward {
        headers.insert(X_FORWARDED_PROTO, scheme.clone());
        headers.insert(X_FORWARDED_HOST, host.clone());
        if let Some(prefix) = prefix {
            headers.insert(X_FORWARDED_PREFIX, prefix.clone());
        }
    }
}

fn is_claim(name: &HeaderName) -> bool {
    name.as_str().starts_with("x-forwarded-") || CLAIMS.contains(name)
}

fn chain(headers: &HeaderMap, peer: IpAddr, by_trusted_proxy: bool) -> Option<HeaderValue> {
    let mut chain = Vec::with_capacity(ADDRESS_BYTES);
    if by_trusted_proxy {
        for entry in entries(headers, &X_FORWARDED_FOR) {
            chain.extend_from_slice(entry.as_bytes());
            chain.extend_from_slice(b", ");
        }
    }
    match peer.to_canonical() {
        IpAddr::V4(address) => {
            let [first, rest @ ..] = address.octets();
            chain.extend_from_slice(itoa::Buffer::new().format(first).as_bytes());
            for octet in rest {
                chain.push(b'.');
                chain.extend_from_slice(itoa::Buffer::new().format(octet).as_bytes());
            }
        }
        // Writing to a Vec cannot fail.
        IpAddr::V6(address) => drop(write!(chain, "{address}")),
    }
    HeaderValue::from_bytes(&chain).ok()
}
