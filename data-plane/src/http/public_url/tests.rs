use std::net::{IpAddr, Ipv4Addr};

use super::{Candidates, agent_url, public_base};
use crate::error::Code;
use crate::http::forwarded::{Forwarded, Scheme};

fn from_proxy(
    scheme: Option<Scheme>,
    host: Option<&str>,
    port: Option<u16>,
    prefix: Option<&str>,
) -> Forwarded {
    Forwarded {
        client: IpAddr::V4(Ipv4Addr::LOCALHOST),
        by_trusted_proxy: true,
        scheme,
        host: host.map(ToOwned::to_owned),
        port,
        prefix: prefix.map(ToOwned::to_owned),
    }
}

#[test]
fn candidates_are_asked_in_their_order() {
    let proxy = from_proxy(Some(Scheme::Https), Some("proxy.example"), None, Some("/edge"));
    let mut all = Candidates {
        agent: Some("https://own.example/x/"),
        agent_host: Some("echo.example"),
        forwarded: Some(&proxy),
        listener: Some("http://listener.example:8080/"),
    };
    assert_eq!(public_base(all).unwrap(), "https://own.example/x");
    all.agent = None;
    assert_eq!(public_base(all).unwrap(), "https://echo.example");
    all.agent_host = None;
    assert_eq!(public_base(all).unwrap(), "https://proxy.example/edge");
    all.forwarded = None;
    assert_eq!(public_base(all).unwrap(), "http://listener.example:8080");
    all.listener = None;
    assert_eq!(public_base(all).unwrap_err().code(), Code::PublicUrlMissing);
}

#[test]
fn ports_come_from_the_host_then_from_the_port_header() {
    for (scheme, host, port, expected) in [
        (Scheme::Https, "p.example", Some(443), "https://p.example"),
        (Scheme::Http, "p.example", Some(8080), "http://p.example:8080"),
        (Scheme::Http, "p.example:9", Some(8080), "http://p.example:9"),
        (Scheme::Https, "[2001:db8::1]", None, "https://[2001:db8::1]"),
        (Scheme::Https, "[2001:db8::1]:8", None, "https://[2001:db8::1]:8"),
    ] {
        let proxy = from_proxy(Some(scheme), Some(host), port, None);
        let candidates = Candidates { forwarded: Some(&proxy), ..Candidates::default() };
        assert_eq!(public_base(candidates).unwrap(), expected);
    }
}

#[test]
fn a_proxy_that_names_no_host_decides_nothing() {
    let proxy = from_proxy(Some(Scheme::Https), None, None, Some("/edge"));
    let candidates = Candidates { forwarded: Some(&proxy), ..Candidates::default() };
    assert_eq!(public_base(candidates).unwrap_err().code(), Code::PublicUrlMissing);
    let stranger =
        Forwarded { by_trusted_proxy: false, ..from_proxy(None, Some("evil.example"), None, None) };
    let candidates = Candidates {
        forwarded: Some(&stranger),
        listener: Some("http://own.example"),
        ..Candidates::default()
    };
    assert_eq!(public_base(candidates).unwrap(), "http://own.example");
}

#[test]
fn paths_are_joined_with_one_slash() {
    assert_eq!(agent_url("https://a.example", "/a2a/echo"), "https://a.example/a2a/echo");
    assert_eq!(agent_url("https://a.example", "/a2a/echo/"), "https://a.example/a2a/echo");
    assert_eq!(agent_url("https://a.example", ""), "https://a.example/");
}
