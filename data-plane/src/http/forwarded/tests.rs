use std::net::IpAddr;

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{Forwarded, Outward, Scheme, read, set_towards_agent};
use crate::http::address::TrustedProxies;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(HeaderName::from_static(name), HeaderValue::from_static(value));
    }
    headers
}

fn trusted() -> TrustedProxies {
    TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()])
}

fn seen(pairs: &[(&'static str, &'static str)]) -> Forwarded {
    read(ip("10.0.0.1"), &headers(pairs), &trusted())
}

#[test]
fn nothing_is_believed_from_a_stranger() {
    let forged = headers(&[
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-host", "evil.example"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-prefix", "/evil"),
        ("forwarded", "for=192.0.2.1;host=evil.example"),
    ]);
    let forwarded = read(ip("198.51.100.9"), &forged, &trusted());
    assert_eq!(forwarded.client, ip("198.51.100.9"));
    assert!(!forwarded.by_trusted_proxy);
    assert_eq!((forwarded.scheme, forwarded.host, forwarded.prefix), (None, None, None));
}

#[test]
fn the_client_is_the_nearest_address_that_is_no_proxy() {
    for (chain, client) in [
        ("192.0.2.1", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1", "192.0.2.1"),
        ("203.0.113.9, 192.0.2.1, 10.0.0.2", "192.0.2.1"),
        ("192.0.2.1:4711", "192.0.2.1"),
        ("[2001:db8::1]:4711", "2001:db8::1"),
        ("2001:db8::1, fd00::1", "2001:db8::1"),
        ("10.0.0.3, 10.0.0.2", "10.0.0.3"),
        ("192.0.2.1, unknown", "10.0.0.1"),
        ("", "10.0.0.1"),
        ("::ffff:192.0.2.1", "192.0.2.1"),
    ] {
        assert_eq!(seen(&[("x-forwarded-for", chain)]).client, ip(client), "{chain}");
    }
}

#[test]
fn scheme_host_port_and_prefix_come_from_the_outermost_proxy() {
    let forwarded = seen(&[
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "forged.example, agents.example"),
        ("x-forwarded-port", "8443"),
        ("x-forwarded-prefix", "/edge/"),
    ]);
    assert_eq!(forwarded.scheme, Some(Scheme::Https));
    assert_eq!(forwarded.host.as_deref(), Some("agents.example"));
    assert_eq!(forwarded.port, Some(8443));
    assert_eq!(forwarded.prefix.as_deref(), Some("/edge"));
    let two = seen(&[
        ("x-forwarded-for", "192.0.2.1, 10.0.0.2"),
        ("x-forwarded-host", "forged.example, agents.example, inner.example"),
    ]);
    assert_eq!(two.host.as_deref(), Some("agents.example"));
}

#[test]
fn forwarded_counts_only_where_the_proxy_writes_no_other_form() {
    let rfc = seen(&[("forwarded", "for=192.0.2.1;proto=https;host=\"agents.example:8443\", for=10.0.0.2")]);
    assert_eq!(rfc.client, ip("192.0.2.1"));
    assert_eq!(rfc.scheme, Some(Scheme::Https));
    assert_eq!(rfc.host.as_deref(), Some("agents.example:8443"));
    let both = seen(&[("x-forwarded-for", "192.0.2.1"), ("forwarded", "for=192.0.2.9;host=evil.example")]);
    assert_eq!((both.client, both.host), (ip("192.0.2.1"), None));
}

#[test]
fn hosts_and_prefixes_that_would_change_a_url_are_not_believed() {
    for host in ["a b", "a/b", "user@host", "a?b", "a#b", "", "a\\b", "http://x"] {
        assert_eq!(seen(&[("x-forwarded-host", host)]).host, None, "{host}");
    }
    for prefix in ["edge", "//evil.example", "/a?b", "/a/../b", "/", "/a b"] {
        assert_eq!(seen(&[("x-forwarded-prefix", prefix)]).prefix, None, "{prefix}");
    }
}

#[test]
fn the_agent_is_told_what_the_gateway_knows() {
    let outward = Outward::from_public_url("https://agents.example/eu/").unwrap();
    let claims = [
        ("x-forwarded-for", "192.0.2.1"),
        ("x-forwarded-user", "admin"),
        ("x-real-ip", "192.0.2.1"),
        ("forwarded", "for=192.0.2.1"),
        ("accept", "*/*"),
    ];
    let mut from_stranger = headers(&claims);
    set_towards_agent(&mut from_stranger, ip("198.51.100.9"), false, Some(&outward));
    assert_eq!(
        from_stranger,
        headers(&[
            ("accept", "*/*"),
            ("x-forwarded-for", "198.51.100.9"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "agents.example"),
            ("x-forwarded-prefix", "/eu"),
        ])
    );
    let mut from_proxy = headers(&claims);
    set_towards_agent(&mut from_proxy, ip("10.0.0.1"), true, None);
    assert_eq!(from_proxy, headers(&[("accept", "*/*"), ("x-forwarded-for", "192.0.2.1, 10.0.0.1")]));
}
