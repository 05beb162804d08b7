use super::{Numbers, canonical, decode_percent, is_this_machine};

#[test]
fn every_spelling_of_a_host_is_one() {
    for (spelling, host) in [
        ("Backend.Internal", "backend.internal"),
        ("backend.internal.", "backend.internal"),
        ("backend%2Einternal", "backend.internal"),
        ("%62%61ckend.internal", "backend.internal"),
        ("ｂackend。internal", "backend.internal"),
        ("127.0.0.1", "127.0.0.1"),
        ("127.1", "127.0.0.1"),
        ("0x7f.0.0.1", "127.0.0.1"),
        ("0177.0.0.01", "127.0.0.1"),
        ("2130706433", "127.0.0.1"),
        ("0x7f000001", "127.0.0.1"),
        ("[::1]", "::1"),
        ("[0:0:0:0:0:0:0:1]", "::1"),
        ("::1", "::1"),
        ("[::ffff:127.0.0.1]", "127.0.0.1"),
        ("[::FFFF:7f00:1]", "127.0.0.1"),
        ("[fe80::1%25eth0]", "fe80::1"),
        ("256.1.1.1", "256.1.1.1"),
        ("1.2.3.4.5", "1.2.3.4.5"),
        ("4294967296", "4294967296"),
        ("a%zzb%", "a%zzb%"),
        ("%ff", "%ff"),
    ] {
        assert_eq!(canonical(spelling, Numbers::All), host, "{spelling}");
    }
}

#[test]
fn in_text_a_version_is_no_address() {
    for text in ["1.2", "0", "30", "0.3", "1.2.3"] {
        assert_eq!(canonical(text, Numbers::Unmistakable), text);
    }
    assert_eq!(canonical("2130706433", Numbers::Unmistakable), "127.0.0.1");
    assert_eq!(canonical("0x7f.1", Numbers::Unmistakable), "127.0.0.1");
    assert_eq!(canonical("010.0.0.1", Numbers::Unmistakable), "8.0.0.1");
}

#[test]
fn this_machine_has_many_names() {
    for host in ["localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "0.0.0.0", "::1", "::"] {
        assert!(is_this_machine(host), "{host}");
    }
    for host in ["localhost.example", "10.0.0.1", "backend"] {
        assert!(!is_this_machine(host), "{host}");
    }
}

#[test]
fn what_is_not_encoded_is_borrowed() {
    assert!(matches!(decode_percent("plain"), std::borrow::Cow::Borrowed("plain")));
    assert_eq!(decode_percent("a%2fb%"), "a/b%");
}
