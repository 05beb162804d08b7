//! Which addresses are those of public hosts.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Networks of IPv4 that are not the public internet, by first address and prefix (IANA special-purpose registry, 2025),
/// and services that clouds answer at a public address.
const NOT_PUBLIC_V4: [([u8; 4], u32); 18] = [
    ([0, 0, 0, 0], 8),
    ([10, 0, 0, 0], 8),
    ([100, 64, 0, 0], 10),
    ([127, 0, 0, 0], 8),
    ([169, 254, 0, 0], 16),
    ([172, 16, 0, 0], 12),
    ([192, 0, 0, 0], 24),
    ([192, 0, 2, 0], 24),
    ([192, 31, 196, 0], 24),
    ([192, 52, 193, 0], 24),
    ([192, 88, 99, 0], 24),
    ([192, 168, 0, 0], 16),
    ([192, 175, 48, 0], 24),
    ([198, 18, 0, 0], 15),
    ([198, 51, 100, 0], 24),
    ([203, 0, 113, 0], 24),
    // Multicast and what is reserved beyond it, broadcast included.
    ([224, 0, 0, 0], 3),
    // Azure's platform service.
    ([168, 63, 129, 16], 32),
];

/// Networks inside 2000::/3 that are not the public internet. Those that carry an IPv4 address are among them (Teredo,
/// 6to4): nobody needs them, and what they lead to would have to be judged again.
const NOT_PUBLIC_V6: [([u16; 3], u32); 4] = [
    // Protocol assignments: Teredo, benchmarking, ORCHID and others.
    ([0x2001, 0, 0], 23),
    ([0x2001, 0x0db8, 0], 32),
    ([0x2002, 0, 0], 16),
    ([0x3fff, 0, 0], 20),
];

/// Whether an address is one of the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => is_public_v4(v4),
        IpAddr::V6(v6) => is_public_v6(v6),
    }
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let bits = address.to_bits();
    !NOT_PUBLIC_V4.iter().any(|(first, prefix)| (bits ^ u32::from_be_bytes(*first)) >> (32 - prefix) == 0)
}

/// Only 2000::/3 is given out for the public internet; everything else is refused, be it loopback, link-local, private,
/// multicast, or an IPv4 address in disguise (mapped, compatible, NAT64).
fn is_public_v6(address: Ipv6Addr) -> bool {
    let bits = address.to_bits();
    let is_in = |first: [u16; 3], prefix: u32| {
        let [a, b, c] = first.map(u128::from);
        (bits ^ (a << 112 | b << 96 | c << 80)) >> (128 - prefix) == 0
    };
    is_in([0x2000, 0, 0], 3) && !NOT_PUBLIC_V6.iter().any(|(first, prefix)| is_in(*first, *prefix))
}

/// What a host that is written as a number is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Spelled {
    /// Four decimal numbers without leading zeros: all readers agree.
    Plainly(Ipv4Addr),
    /// Some reader takes it for an address: octal, hexadecimal, fewer or more than four numbers.
    Oddly,
    /// A name to every reader.
    Name,
}

/// Reads a host as the most lenient readers do (`inet_aton`, WHATWG URL §3.5): one whose last label is a number is an
/// address or nothing.
pub(super) fn spelling(host: &str) -> Spelled {
    let last = host.rsplit('.').next().unwrap_or_default();
    let is_hexadecimal = last
        .strip_prefix("0x")
        .or_else(|| last.strip_prefix("0X"))
        .is_some_and(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
    let is_decimal = !last.is_empty() && last.bytes().all(|byte| byte.is_ascii_digit());
    if !is_hexadecimal && !is_decimal {
        return Spelled::Name;
    }
    // The standard library reads the plain spelling alone.
    host.parse().map_or(Spelled::Oddly, Spelled::Plainly)
}

#[cfg(test)]
mod tests;
