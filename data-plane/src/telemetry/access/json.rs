//! Writes the members of a JSON object by hand.

#[cfg(test)]
mod tests;

use std::{
    io::Write as _,
    net::{IpAddr, Ipv4Addr, SocketAddr},
    time::Duration,
};

use super::{
    fields::Visit,
    redact::{TEXT_MAX_BYTES, clean},
};
use crate::telemetry::names::Field;

/// An object being written; every member starts with a comma, the first is written by whoever began the object.
pub(super) struct Members<'a> {
    text: &'a mut Vec<u8>,
}

impl<'a> Members<'a> {
    pub(super) fn new(text: &'a mut Vec<u8>) -> Self {
        Self { text }
    }

    /// Text in which nothing needs escaping.
    #[inline]
    pub(super) fn plain(&mut self, field: &Field, value: &[u8]) {
        self.name(field);
        self.text.push(b'"');
        self.text.extend_from_slice(value);
        self.text.push(b'"');
    }

    #[inline]
    fn name(&mut self, field: &Field) {
        self.text.extend_from_slice(field.member.as_bytes());
    }

    #[inline]
    fn digits(&mut self, number: impl itoa::Integer) {
        self.text.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
    }

    fn ipv4(&mut self, address: Ipv4Addr) {
        let [a, b, c, d] = address.octets();
        self.digits(a);
        for octet in [b, c, d] {
            self.text.push(b'.');
            self.digits(octet);
        }
    }
}

impl Visit for Members<'_> {
    #[inline]
    fn text(&mut self, field: &Field, value: &str) {
        if value.len() <= TEXT_MAX_BYTES && is_plain(value.as_bytes()) {
            return self.plain(field, value.as_bytes());
        }
        self.name(field);
        self.text.push(b'"');
        escape(&clean(value), self.text);
        self.text.push(b'"');
    }

    #[inline]
    fn word(&mut self, field: &Field, value: &'static str) {
        self.plain(field, value.as_bytes());
    }

    #[inline]
    fn integer(&mut self, field: &Field, value: i64) {
        self.name(field);
        self.digits(value);
    }

    fn code(&mut self, field: &Field, value: i64) {
        self.integer(field, value);
    }

    fn duration(&mut self, field: &Field, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        self.name(field);
        self.digits(micros / 1000);
        let rest = micros % 1000;
        if rest > 0 {
            self.text.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
        }
    }

    // Digits, letters, dots, colons, brackets and a numeric scope: nothing to escape.

    fn address(&mut self, field: &Field, value: IpAddr) {
        self.name(field);
        self.text.push(b'"');
        match value {
            IpAddr::V4(address) => self.ipv4(address),
            // Writing to a Vec cannot fail.
            IpAddr::V6(address) => drop(write!(self.text, "{address}")),
        }
        self.text.push(b'"');
    }

    fn socket_address(&mut self, field: &Field, value: SocketAddr) {
        self.name(field);
        self.text.push(b'"');
        match value {
            SocketAddr::V4(address) => {
                self.ipv4(*address.ip());
                self.text.push(b':');
                self.digits(address.port());
            }
            // Writing to a Vec cannot fail.
            SocketAddr::V6(address) => drop(write!(self.text, "{address}")),
        }
        self.text.push(b'"');
    }
}

/// Whether text can be copied as it is: nothing to escape in it, and no underscore, which every token has.
///
/// Looks at every byte instead of stopping at the first: then the compiler can look at many at once.
fn is_plain(value: &[u8]) -> bool {
    let special = |byte: u8| byte < 0x20 || matches!(byte, b'"' | b'\\' | b'_' | 0x7f | 0xc2);
    // 0xC2 leads the C1 controls, and some letters, for which the slow way is right too.
    !value.iter().fold(false, |found, byte| found | special(*byte))
}

/// The last decimal digit as text.
pub(super) fn digit(number: u64) -> u8 {
    b"0123456789"[(number % 10) as usize]
}

/// Appends the inside of a JSON string. Control characters of every kind are escaped, so that a caller cannot steer
/// the terminal that shows the log.
pub(super) fn escape(value: &str, text: &mut Vec<u8>) {
    for character in value.chars() {
        match character {
            '"' => text.extend_from_slice(b"\\\""),
            '\\' => text.extend_from_slice(b"\\\\"),
            _ if character.is_control() => {
                const DIGITS: &[u8; 16] = b"0123456789abcdef";
                // The last control character is U+009F.
                let code = character as usize;
                text.extend_from_slice(&[
                    b'\\',
                    b'u',
                    b'0',
                    b'0',
                    DIGITS[code >> 4 & 0xf],
                    DIGITS[code & 0xf],
                ]);
            }
            _ => text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}
