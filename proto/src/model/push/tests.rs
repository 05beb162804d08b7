use proptest::prelude::*;

use super::*;
use crate::model::violation::{FieldPath, Violations};
use crate::wire::config::v1 as wire;

fn pattern(text: &str) -> HostPattern {
    HostPattern::parse(text, &FieldPath::root()).unwrap()
}

#[test]
fn a_pattern_covers_what_it_says() {
    let exact = pattern("Hooks.Example.");
    assert!(exact.covers_name("hooks.example") && !exact.covers_name("a.hooks.example"));
    let below = pattern("*.hooks.example");
    assert!(below.covers_name("a.hooks.example") && below.covers_name("a.b.hooks.example"));
    assert!(!below.covers_name("hooks.example") && !below.covers_name("evilhooks.example"));
    let network = pattern("192.0.2.0/24");
    assert!(network.covers_address("192.0.2.255".parse().unwrap()));
    assert!(!network.covers_address("192.0.3.0".parse().unwrap()));
    assert!(!network.covers_address("::ffff:192.0.2.1".parse().unwrap()));
    assert!(pattern("[2001:4860::1]").covers_address("2001:4860::1".parse().unwrap()));
    assert!(pattern("0.0.0.0/0").covers_address("8.8.8.8".parse().unwrap()));
    assert!(pattern("::/0").covers_address("2001:4860::1".parse().unwrap()));
}

#[test]
fn patterns_that_say_nothing_are_refused() {
    for bad in [
        "",
        "*",
        "*.",
        "*.*.example",
        "a.*.example",
        "https://hooks.example",
        "hooks.example:443",
        "hooks.example/24",
        "192.0.2.1/24",
        "192.0.2.0/33",
        "192.0.2.0/",
        "192.0.2.0/+8",
        "0x7f.1",
        "127.1",
        "1.2.3",
        "[::1",
        "-a.example",
    ] {
        HostPattern::parse(bad, &FieldPath::root()).expect_err(bad);
    }
}

#[test]
fn lists_go_with_validation_alone() {
    let read = |mode: wire::PushMode| {
        let wire = wire::PushPolicy {
            mode: mode.into(),
            allowed_hosts: vec!["hooks.example".to_owned()],
            denied_hosts: vec!["*.evil.example".to_owned(), "no good".to_owned()],
        };
        let mut wrong = Violations::new();
        let policy = PushPolicy::from_wire(Some(wire), &FieldPath::root().field("push"), &mut wrong);
        (policy, wrong.iter().map(|v| (v.field.to_string(), v.reason)).collect::<Vec<_>>())
    };
    let bad = ("push.denied_hosts[1]".to_owned(), "INVALID_HOST");
    assert_eq!(read(wire::PushMode::Validate).1, std::slice::from_ref(&bad));
    let conflict = |field: &str| (format!("push.{field}"), "CONFLICT");
    for mode in [wire::PushMode::Off, wire::PushMode::Unspecified] {
        assert_eq!(read(mode).1, [conflict("allowed_hosts"), conflict("denied_hosts"), bad.clone()]);
    }
    let absent = PushPolicy::from_wire(None, &FieldPath::root(), &mut Violations::new());
    assert_eq!(absent, Some(PushPolicy::default()));
    assert!(PushMode::Off > PushMode::Validate && PushMode::Validate > PushMode::Pass);
}

proptest! {
    #[test]
    fn a_network_contains_its_own(bits: u32, prefix in 0_u8..=32, other: u32) {
        let address = IpAddr::V4(bits.into());
        let network = Network { address: first_of(address, prefix).unwrap(), prefix };
        prop_assert!(network.contains(address));
        let same = prefix == 0 || (bits ^ other) >> (32 - u32::from(prefix)) == 0;
        prop_assert_eq!(network.contains(IpAddr::V4(other.into())), same);
    }

    #[test]
    fn any_text_is_a_pattern_or_not(text in "\\PC{0,20}|[0-9a-f.:/*]{0,20}") {
        let _ = HostPattern::parse(&text, &FieldPath::root());
    }
}
