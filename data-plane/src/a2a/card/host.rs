//! One spelling for every host: what URL readers take for the same host compares equal (WHATWG URL, "host parsing").

use std::borrow::Cow;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Which numbers are read as IPv4 addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Numbers {
    /// All that URL readers take for one: `2130706433`, `0x7f.1`, `1.2`.
    All,
    /// Only those that cannot be meant otherwise: in text, `1.2` is a version and `0:30` a time.
    Unmistakable,
}

/// The host without percent-encoding, brackets and dot at the end, in lower case, addresses in their usual notation,
/// IPv4 addresses inside IPv6 ones as IPv4.
pub(super) fn canonical(host: &str, numbers: Numbers) -> String {
    let host = host.strip_prefix('[').and_then(|inner| inner.strip_suffix(']')).unwrap_or(host);
    if let Some(address) = ipv6(host) {
        return match address.to_ipv4_mapped() {
            Some(mapped) => mapped.to_string(),
            None => address.to_string(),
        };
    }
    let decoded = decode_percent(host);
    let folded: String = decoded.chars().map(fold).collect();
    let folded = folded.trim_end_matches('.');
    match ipv4(folded, numbers) {
        Some(address) => address.to_string(),
        None => folded.to_owned(),
    }
}

/// Whether the host, in its one spelling, means the machine on which it is read.
pub(super) fn is_this_machine(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

/// Text without percent-encoding, borrowed where it has none. What is not UTF-8 stays encoded.
pub(super) fn decode_percent(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let digit = |index: usize| bytes.get(index).and_then(|digit| char::from(*digit).to_digit(16));
        let pair = (*byte == b'%').then(|| digit(at + 1).zip(digit(at + 2))).flatten();
        match pair.and_then(|(high, low)| u8::try_from(high * 16 + low).ok()) {
            Some(value) => {
                decoded.push(value);
                at += 3;
            }
            None => {
                decoded.push(*byte);
                at += 1;
            }
        }
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(text), Cow::Owned)
}

/// Lower case; full-width letters and the dots of other scripts as the plain ones.
fn fold(letter: char) -> char {
    match letter {
        '\u{3002}' | '\u{ff61}' => '.',
        '\u{ff01}'..='\u{ff5e}' => {
            let plain = u32::from(letter) - 0xfee0;
            char::from_u32(plain).unwrap_or(letter).to_ascii_lowercase()
        }
        other => other.to_lowercase().next().unwrap_or(other),
    }
}

/// Whether the text between two brackets is an address.
pub(super) fn is_ipv6(host: &str) -> bool {
    ipv6(host).is_some()
}

/// With or without a zone.
fn ipv6(host: &str) -> Option<Ipv6Addr> {
    host.split('%').next()?.parse().ok()
}

fn ipv4(host: &str, numbers: Numbers) -> Option<Ipv4Addr> {
    let parts: Vec<&str> = host.split('.').collect();
    let (last, first) = parts.split_last()?;
    if first.len() > 3 {
        return None;
    }
    let mut value = number(last)?;
    let is_plain = first.len() == 3 || host.contains("0x") || value > 0x00ff_ffff;
    if numbers == Numbers::Unmistakable && !is_plain {
        return None;
    }
    if value >= 1_u64 << (8 * (4 - first.len())) {
        return None;
    }
    for (index, part) in first.iter().enumerate() {
        let part = number(part).filter(|part| *part <= 0xff)?;
        value |= part << (8 * (3 - index));
    }
    u32::try_from(value).ok().map(Ipv4Addr::from)
}

/// A part of an IPv4 address: decimal, octal after a 0, hexadecimal after 0x.
fn number(part: &str) -> Option<u64> {
    let (digits, radix) = match part.strip_prefix("0x") {
        Some(digits) => (digits, 16),
        None if part.len() > 1 && part.starts_with('0') => (part, 8),
        None => (part, 10),
    };
    if digits.is_empty() && radix == 16 {
        return Some(0);
    }
    let plain = !digits.is_empty() && digits.chars().all(|digit| digit.is_digit(radix));
    plain.then(|| u64::from_str_radix(digits, radix).ok()).flatten()
}

#[cfg(test)]
mod tests;
