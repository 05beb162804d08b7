use http::{HeaderMap, HeaderName, HeaderValue};

use super::remove_hop_by_hop;

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

#[test]
fn headers_of_one_connection_are_removed() {
    let mut map = headers(&[
        ("connection", "keep-alive, X-Mine"),
        ("connection", "a2a-version, not a name, "),
        ("keep-alive", "timeout=5"),
        ("proxy-connection", "keep-alive"),
        ("proxy-authorization", "Basic x"),
        ("te", "gzip"),
        ("trailer", "x"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("x-mine", "1"),
        ("a2a-version", "1.0"),
        ("authorization", "Bearer x"),
    ]);
    remove_hop_by_hop(&mut map);
    assert_eq!(map, headers(&[("authorization", "Bearer x")]));
}

#[test]
fn trailers_may_still_be_asked_for() {
    let mut map = headers(&[("te", "trailers")]);
    remove_hop_by_hop(&mut map);
    assert_eq!(map, headers(&[("te", "trailers")]));
}
