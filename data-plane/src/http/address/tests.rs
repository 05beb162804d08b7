use std::net::IpAddr;

use super::{TrustedProxies, limit_key};

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn ipv6_counts_by_its_64() {
    assert_eq!(limit_key(ip("2001:db8:1:2:3:4:5:6")), ip("2001:db8:1:2::"));
    assert_eq!(limit_key(ip("2001:db8:1:2::1")), limit_key(ip("2001:db8:1:2:ffff::9")));
    assert_ne!(limit_key(ip("2001:db8:1:3::1")), limit_key(ip("2001:db8:1:2::1")));
    assert_eq!(limit_key(ip("192.0.2.7")), ip("192.0.2.7"));
    assert_eq!(limit_key(ip("::ffff:192.0.2.7")), ip("192.0.2.7"));
}

#[test]
fn mapped_addresses_are_trusted_like_plain_ones() {
    let trusted = TrustedProxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
    assert!(trusted.contains(ip("10.1.2.3")));
    assert!(trusted.contains(ip("::ffff:10.1.2.3")));
    assert!(!trusted.contains(ip("192.0.2.1")));
    assert!(!TrustedProxies::default().contains(ip("127.0.0.1")));
}
