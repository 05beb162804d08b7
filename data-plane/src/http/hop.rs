//! Hop-by-hop headers (RFC 9110 §7.6.1).

use http::header::{
    CONNECTION, HeaderMap, HeaderName, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::header::{HeaderValue, PROXY_AUTHORIZATION};
use smallvec::SmallVec;

#[cfg(test)]
mod tests;

const HOP_BY_HOP: [HeaderName; 9] = [
    CONNECTION,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
    PROXY_AUTHENTICATE,
    PROXY_AUTHORIZATION,
    TE,
    TRAILER,
    TRANSFER_ENCODING,
    UPGRADE,
];

/// Removes the headers that concern one connection only, and those that `Connection` names.
///
/// Runs before any header is read, so that what the gateway decides by is what the agent sees: a caller who names
/// `A2A-Version` in `Connection` has sent none. `te: trailers` stays, since gRPC asks for it.
pub fn remove_hop_by_hop(headers: &mut HeaderMap) {
    // Comparing names costs less than looking up nine that are not there.
    let present: SmallVec<[HeaderName; 4]> =
        headers.keys().filter(|name| HOP_BY_HOP.contains(name)).cloned().collect();
    if present.is_empty() {
        return;
    }
    for name in named_in_connection(headers) {
        headers.remove(name);
    }
    let takes_trailers = headers.get(TE).is_some_and(|value| value == "trailers");
    for name in present {
        headers.remove(name);
    }
    if takes_trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

fn named_in_connection(headers: &HeaderMap) -> SmallVec<[HeaderName; 4]> {
    headers
        .get_all(CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .filter_map(|name| HeaderName::from_bytes(name.trim_ascii()).ok())
        .collect()
}
