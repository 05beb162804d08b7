use proptest::prelude::*;
use signalbox_proto::model::violation::FieldPath;

use super::*;

fn validating(allowed: &[&str], denied: &[&str]) -> PushPolicy {
    let patterns = |list: &[&str]| {
        list.iter().map(|text| HostPattern::parse(text, &FieldPath::root()).unwrap()).collect()
    };
    PushPolicy { mode: PushMode::Validate, allowed_hosts: patterns(allowed), denied_hosts: patterns(denied) }
}

fn judge(url: &str) -> Result<(), NotAllowed> {
    check(url, &[&validating(&[], &[])])
}

#[test]
fn public_https_urls_pass() {
    for url in [
        "https://hooks.example",
        "https://hooks.example/",
        "HTTPS://Hooks.Example:8443/a/b?c=d&e=%20",
        "https://hooks.example./a",
        "https://hooks.example?token=x",
        "https://a_b.hooks.example/@me?to=a@b",
        "https://8.8.8.8/",
        "https://[2606:4700::1111]:443/",
        "https://xn--bcher-kva.example/",
        "https://localhost.example/",
        "https://my-internal.example/",
    ] {
        assert_eq!(judge(url), Ok(()), "{url}");
    }
}

#[test]
fn what_is_no_plain_https_url_is_refused() {
    use NotAllowed as N;
    for (url, why) in [
        ("http://hooks.example/", N::NotHttps),
        ("ftp://hooks.example/", N::NotHttps),
        ("//hooks.example/", N::NotHttps),
        ("https:hooks.example", N::NotHttps),
        ("https:/hooks.example", N::NotHttps),
        ("file:///etc/passwd", N::NotHttps),
        ("", N::NotHttps),
        (" https://hooks.example/", N::NotAUrl),
        ("https://hooks.example/ ", N::NotAUrl),
        ("https://hooks.exa\tmple/", N::NotAUrl),
        ("https://hooks.example/\n", N::NotAUrl),
        ("https://１２７.0.0.1/", N::NotAUrl),
        ("https://127。0。0。1/", N::NotAUrl),
        ("https://ⓛocalhost/", N::NotAUrl),
        ("https://hooks.example/{a}", N::NotAUrl),
        ("https:///127.0.0.1/", N::BadHost),
        ("https:///", N::BadHost),
        ("https://", N::BadHost),
        ("https://.", N::BadHost),
        ("https://hooks.example../", N::BadHost),
        ("https://.hooks.example/", N::BadHost),
        ("https://hooks%2eexample/", N::BadHost),
        ("https://%31%32%37.0.0.1/", N::OddAddress),
        ("https://user@hooks.example/", N::UserInformation),
        ("https://hooks.example@127.0.0.1/", N::UserInformation),
        ("https://hooks.example:443@127.0.0.1/", N::UserInformation),
        ("https://hooks.example?@127.0.0.1/", N::UserInformation),
        ("https://hooks.example\\@127.0.0.1/", N::UserInformation),
        ("https:\\\\127.0.0.1/", N::UserInformation),
        ("https://hooks.example#@127.0.0.1/", N::Fragment),
        ("https://hooks.example/#a", N::Fragment),
        ("https://hooks.example:/", N::BadPort),
        ("https://hooks.example:0/", N::BadPort),
        ("https://hooks.example:65536/", N::BadPort),
        ("https://hooks.example:+443/", N::BadPort),
        ("https://hooks.example:443:443/", N::BadPort),
        ("https://::1/", N::BadPort),
        ("https://[::1]443/", N::BadHost),
        ("https://[::1/", N::BadHost),
        ("https://[fe80::1%25eth0]/", N::BadHost),
        ("https://[127.0.0.1]/", N::BadHost),
    ] {
        assert_eq!(judge(url), Err(why), "{url}");
    }
    let long = format!("https://hooks.example/{}", "a".repeat(MAX_URL_BYTES));
    assert_eq!(judge(&long), Err(NotAllowed::NotAUrl));
}

#[test]
fn what_is_not_public_is_refused() {
    use NotAllowed as N;
    for (url, why) in [
        ("https://127.0.0.1/", N::NotPublic),
        ("https://127.0.0.1./", N::NotPublic),
        ("https://169.254.169.254/latest/meta-data", N::NotPublic),
        ("https://10.1.2.3:8443/", N::NotPublic),
        ("https://[::1]/", N::NotPublic),
        ("https://[::ffff:127.0.0.1]/", N::NotPublic),
        ("https://[::FFFF:7f00:1]/", N::NotPublic),
        ("https://[0:0:0:0:0:ffff:8.8.8.8]/", N::NotPublic),
        ("https://[64:ff9b::a00:1]/", N::NotPublic),
        ("https://[2002:7f00:1::]/", N::NotPublic),
        ("https://[fd00:ec2::254]/", N::NotPublic),
        ("https://127.1/", N::OddAddress),
        ("https://2130706433/", N::OddAddress),
        ("https://0x7f000001/", N::OddAddress),
        ("https://0177.0.0.1/", N::OddAddress),
        ("https://0x7f.0x0.0x0.0x1/", N::OddAddress),
        ("https://0x08080808/", N::OddAddress),
        ("https://127.1./", N::OddAddress),
        ("https://localhost/", N::LocalName),
        ("https://LOCALHOST./", N::LocalName),
        ("https://a.localhost/", N::LocalName),
        ("https://localhost.localdomain/", N::LocalName),
        ("https://printer.local/", N::LocalName),
        ("https://metadata.google.internal/", N::LocalName),
        ("https://metadata.google.internal./", N::LocalName),
        ("https://metadata.goog/", N::LocalName),
        ("https://metadata/", N::LocalName),
        ("https://kubernetes.default.svc.cluster.local/", N::LocalName),
        ("https://router.home.arpa/", N::LocalName),
        ("https://1.0.0.127.in-addr.arpa/", N::LocalName),
    ] {
        assert_eq!(judge(url), Err(why), "{url}");
    }
}

#[test]
fn lists_narrow_what_is_public() {
    let policy = validating(&["*.hooks.example", "8.8.8.0/24"], &["bad.hooks.example", "8.8.8.1"]);
    let judge = |url| check(url, &[&policy]);
    assert_eq!(judge("https://a.hooks.example/"), Ok(()));
    assert_eq!(judge("https://8.8.8.8/"), Ok(()));
    assert_eq!(judge("https://hooks.example/"), Err(NotAllowed::NotListed));
    assert_eq!(judge("https://evil-hooks.example/"), Err(NotAllowed::NotListed));
    assert_eq!(judge("https://BAD.hooks.example./"), Err(NotAllowed::Denied));
    assert_eq!(judge("https://8.8.8.1/"), Err(NotAllowed::Denied));
    assert_eq!(judge("https://8.8.9.1/"), Err(NotAllowed::NotListed));
    // A list does not make a private address public.
    let inside = validating(&["10.0.0.0/8", "printer.local"], &[]);
    assert_eq!(check("https://10.0.0.1/", &[&inside]), Err(NotAllowed::NotPublic));
    assert_eq!(check("https://printer.local/", &[&inside]), Err(NotAllowed::LocalName));
}

#[test]
fn both_policies_are_satisfied() {
    let (one, other) = (validating(&["*.example"], &[]), validating(&[], &["evil.example"]));
    assert_eq!(check("https://hooks.example/", &[&one, &other]), Ok(()));
    assert_eq!(check("https://evil.example/", &[&one, &other]), Err(NotAllowed::Denied));
    assert_eq!(check("https://hooks.test/", &[&one, &other]), Err(NotAllowed::NotListed));
    // Lists of a policy that does not validate would be refused in the configuration; they count for nothing here.
    let idle = PushPolicy { mode: PushMode::Pass, ..validating(&["nobody.example"], &[]) };
    assert_eq!(check("https://hooks.example/", &[&idle, &other]), Ok(()));
}

proptest! {
    /// No way to write a private IPv4 address gets through, wherever readers would find it.
    #[test]
    fn private_addresses_do_not_pass(last in 0_u32..0x0100_0000, form in 0_usize..8, dot in "\\.?", port in "(:443)?") {
        let bits = 0x7f00_0000 | last;
        let [a, b, c, d] = bits.to_be_bytes();
        let host = match form {
            0 => format!("{a}.{b}.{c}.{d}"),
            1 => bits.to_string(),
            2 => format!("{bits:#x}"),
            3 => format!("{a:#x}.{b:#x}.{c:#x}.{d:#x}"),
            4 => format!("0{a:o}.0{b:o}.0{c:o}.0{d:o}"),
            5 => format!("{a}.{}", bits & 0x00ff_ffff),
            6 => format!("{a}.{b}.{}", bits & 0xffff),
            _ => format!("0{bits:o}"),
        };
        let url = format!("https://{host}{dot}{port}/");
        prop_assert!(judge(&url).is_err(), "{}", url);
    }

    /// What passes has one host, which is where every reader finds it.
    #[test]
    fn what_passes_is_plain(url in "https?:/{0,3}[a-z0-9.@:\\[\\]?#/\\\\%-]{0,30}|\\PC{0,30}") {
        if judge(&url).is_ok() {
            let rest = &url["https://".len()..];
            let host = rest.split(['/', '?', ':']).next().unwrap();
            prop_assert!(rest.starts_with('[') || host.contains('.'), "{}", url);
            prop_assert!(!rest.split('/').next().unwrap().contains(['@', '#', '%']), "{}", url);
        }
    }
}
