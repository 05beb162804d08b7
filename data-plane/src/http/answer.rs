//! What an agent's answer must not say about where the agent is.

use http::header::{
    ALT_SVC, CONTENT_LOCATION, HeaderMap, HeaderName, HeaderValue, LINK, LOCATION, REFRESH, SET_COOKIE,
    STRICT_TRANSPORT_SECURITY, VIA,
};

#[cfg(test)]
mod tests;

/// Headers that name places, which are places behind the gateway, or that speak for all agents of its host.
const PRIVATE: [HeaderName; 8] = [
    ALT_SVC,
    HeaderName::from_static("clear-site-data"),
    CONTENT_LOCATION,
    LINK,
    LOCATION,
    REFRESH,
    STRICT_TRANSPORT_SECURITY,
    VIA,
];

/// Removes what would show an agent's own address to callers, or lead them past the gateway. Nothing in A2A needs it:
/// redirects are refused, and addresses are in the card. Cookies stay, for the host that the caller knows.
pub fn keep_origin_private(headers: &mut HeaderMap) {
    for name in &PRIVATE {
        headers.remove(name);
    }
    if headers.contains_key(SET_COOKIE) {
        let cookies: Vec<HeaderValue> =
            headers.get_all(SET_COOKIE).iter().filter_map(without_domain).collect();
        headers.remove(SET_COOKIE);
        for cookie in cookies {
            headers.append(SET_COOKIE, cookie);
        }
    }
}

/// A cookie without its `Domain` (RFC 6265, 5.2.3).
fn without_domain(cookie: &HeaderValue) -> Option<HeaderValue> {
    let is_domain = |part: &&[u8]| {
        let name = part.split(|byte| *byte == b'=').next().unwrap_or_default();
        name.trim_ascii().eq_ignore_ascii_case(b"domain")
    };
    let parts = || cookie.as_bytes().split(|byte| *byte == b';');
    if !parts().skip(1).any(|part| is_domain(&part)) {
        return Some(cookie.clone());
    }
    // The first part is the cookie itself, which may be named like the attribute.
    let kept: Vec<&[u8]> = parts().take(1).chain(parts().skip(1).filter(|part| !is_domain(part))).collect();
    HeaderValue::from_bytes(&kept.join(&b';')).ok()
}
