use proptest::prelude::*;

use super::*;

#[test]
fn special_addresses_are_not_public() {
    for text in [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "168.63.129.16",
        "::",
        "::1",
        "::127.0.0.1",
        "::8.8.8.8",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::ffff:0:8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:2::1",
        "2001:20::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "2002:808:808::",
        "3fff::1",
        "3fff:fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn public_addresses_are() {
    for text in [
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "168.63.129.15",
        "172.15.255.255",
        "172.32.0.0",
        "198.17.255.255",
        "198.20.0.0",
        "223.255.255.255",
        "2001:4860:4860::8888",
        "2001:200::1",
        "2606:4700::1111",
        "2a00::1",
        "3fff:1000::1",
    ] {
        assert!(is_public(text.parse().unwrap()), "{text}");
    }
}

#[test]
fn odd_spellings_are_known_as_such() {
    for text in [
        "127.1",
        "127.0.1",
        "2130706433",
        "0x7f000001",
        "0X7F000001",
        "0x7f.0.0.1",
        "127.0.0.0x1",
        "0177.0.0.1",
        "010.8.8.8",
        "127.0.0.01",
        "1.2.3.4.5",
        "256.1.1.1",
        "127.0.0.",
        "0x",
        "a.0x",
        "evil.example.1",
        "00000000000000000000177.1",
    ] {
        // A trailing dot is cut off before; here it leaves an empty label, which is no name either.
        let expected = if text.ends_with('.') { Spelled::Name } else { Spelled::Oddly };
        assert_eq!(spelling(text), expected, "{text}");
    }
    assert_eq!(spelling("127.0.0.1"), Spelled::Plainly(Ipv4Addr::LOCALHOST));
    for name in ["hooks.example", "0xyz.example", "1.2.3.example", "0x7f.1.example", "a1", "face.b00c"] {
        assert_eq!(spelling(name), Spelled::Name, "{name}");
    }
}

/// How `inet_aton` of the C library reads a host: the reader that takes most.
fn inet_aton(host: &str) -> Option<u32> {
    let numbers: Vec<u32> = host.split('.').map(number).collect::<Option<_>>()?;
    let (last, first) = numbers.split_last()?;
    if first.len() > 3 || first.iter().any(|number| *number > 255) {
        return None;
    }
    let room = 8 * (4 - first.len());
    if room < 32 && *last >> room != 0 {
        return None;
    }
    Some(first.iter().enumerate().fold(*last, |sum, (at, number)| sum | number << (24 - 8 * at)))
}

fn number(text: &str) -> Option<u32> {
    let lower = text.to_ascii_lowercase();
    match lower.strip_prefix("0x") {
        Some("") => Some(0),
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None if lower.len() > 1 && lower.starts_with('0') => u32::from_str_radix(&lower, 8).ok(),
        None => lower.parse().ok().filter(|_| lower.bytes().all(|byte| byte.is_ascii_digit())),
    }
}

proptest! {
    /// Whatever the most lenient reader takes for an address, we take for none or for the same one.
    #[test]
    fn no_address_passes_as_a_name(
        parts in prop::collection::vec("(0x)?[0-9a-f]{0,4}|0[0-7]{1,4}|[0-9]{1,10}", 1..5)
    ) {
        let host = parts.join(".");
        if let Some(bits) = inet_aton(&host) {
            match spelling(&host) {
                Spelled::Plainly(address) => prop_assert_eq!(address.to_bits(), bits, "{}", host),
                Spelled::Oddly => {}
                Spelled::Name => prop_assert!(false, "{} passes as a name", host),
            }
        }
    }

    /// An address in disguise is as little public as the one that it hides.
    #[test]
    fn disguises_hide_nothing(bits: u32) {
        let bits = u128::from(bits);
        for prefix in [0, 0xffff << 32, 0xffff << 48, 0x0064_ff9b << 96, 0x0064_ff9b_0001 << 80] {
            prop_assert!(!is_public(IpAddr::V6((prefix | bits).into())));
        }
        prop_assert!(!is_public(IpAddr::V6((0x2002 << 112 | bits << 80).into())));
    }
}
