use proptest::prelude::*;

use super::*;

fn upstream(text: &str) -> Result<UpstreamUrl, Violations> {
    UpstreamUrl::parse(text, &FieldPath::root())
}

fn base(text: &str) -> Result<String, Violations> {
    BaseUrl::parse(text, &FieldPath::root()).map(|base| base.as_str().to_owned())
}

#[test]
fn upstream_urls_are_taken_apart() {
    let url = upstream("HTTPS://Agent.Example/v1/").unwrap();
    assert_eq!((url.tls, &*url.host, url.port, &*url.path), (true, "agent.example", 443, "/v1"));
    let url = upstream("http://[::1]:81").unwrap();
    assert_eq!((url.tls, &*url.host, url.port, &*url.path), (false, "::1", 81, ""));
    upstream("http://my_service.local/").unwrap();
}

#[test]
fn bad_upstream_urls_are_refused() {
    for bad in [
        "",
        "agent.example",
        "ftp://agent.example",
        "http://",
        "http:///path",
        "http://user@host/",
        "http://u:p@host/",
        "http://host/#fragment",
        "http://host/?query",
        "http://host:0",
        "http://host:65536",
        "http://host:8a",
        "http://host:",
        "http://::1/",
        "http://[::1",
        "http://[::1]x",
        "http://[host]",
        "http://ho st/",
        "http://h\u{f6}st/",
        "http://host/\n",
        "http://-host/",
        "http://host..example/",
        "http://1.2.3.4.5/",
        "http://999.1.1.1/",
        "http://169.254.169.254/latest",
        "http://[fe80::1]/",
        "http://[::ffff:169.254.169.254]/",
        "http://0.0.0.0/",
        "http://[fd00:ec2::254]/",
        "http://224.0.0.1/",
        "http://host\\path",
    ] {
        assert!(upstream(bad).is_err(), "{bad:?} passed");
    }
}

#[test]
fn base_urls_have_one_spelling() {
    assert_eq!(base("HTTPS://Agents.Example:443/eu/").unwrap(), "https://agents.example/eu");
    assert_eq!(base("http://[::1]:8080").unwrap(), "http://[::1]:8080");
    base("https://agents.example/?x").unwrap_err();
}

proptest! {
    #[test]
    fn whatever_the_text_parsing_ends_and_is_stable(text in "\\PC{0,40}|https?://[ -~]{0,40}") {
        if let Ok(text) = base(&text) {
            prop_assert_eq!(base(&text).unwrap(), text);
        }
        if let Ok(url) = upstream(&text) {
            prop_assert!(!url.host.is_empty());
            prop_assert!(url.path.is_empty() || url.path.starts_with('/'));
            prop_assert!(!url.path.ends_with('/'));
        }
    }
}
