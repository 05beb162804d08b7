use http::header::SET_COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue};

use super::keep_origin_private;

#[test]
fn places_behind_the_gateway_are_not_named() {
    let mut headers = HeaderMap::new();
    for name in
        ["location", "content-location", "link", "via", "refresh", "alt-svc", "a2a-extensions", "etag"]
    {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static("http://10.0.0.7/"));
    }
    keep_origin_private(&mut headers);
    let mut left: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
    left.sort_unstable();
    assert_eq!(left, ["a2a-extensions", "etag"]);
}

#[test]
fn cookies_stay_without_the_domain_of_the_agent() {
    let mut headers = HeaderMap::new();
    for cookie in ["a=1; Path=/; DOMAIN = .corp.internal; Secure", "domain=kept; HttpOnly", "b=2"] {
        headers.append(SET_COOKIE, HeaderValue::from_static(cookie));
    }
    keep_origin_private(&mut headers);
    let left: Vec<_> = headers.get_all(SET_COOKIE).iter().collect();
    assert_eq!(left, ["a=1; Path=/; Secure", "domain=kept; HttpOnly", "b=2"]);
}
