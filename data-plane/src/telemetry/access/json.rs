//! Writes the members of a JSON object by hand.

#[cfg(test)]
mod tests;

use std::{fmt::Display, io::Write as _, time::Duration};

use super::{fields::Visit, redact::clean};
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
    pub(super) fn plain(&mut self, field: &Field, value: &[u8]) {
        self.name(field);
        self.text.push(b'"');
        self.text.extend_from_slice(value);
        self.text.push(b'"');
    }

    fn name(&mut self, field: &Field) {
        self.text.extend_from_slice(b",\"");
        self.text.extend_from_slice(field.line.as_bytes());
        self.text.extend_from_slice(b"\":");
    }
}

impl Visit for Members<'_> {
    fn text(&mut self, field: &Field, value: &str) {
        self.name(field);
        self.text.push(b'"');
        escape(&clean(value), self.text);
        self.text.push(b'"');
    }

    fn word(&mut self, field: &Field, value: &'static str) {
        self.plain(field, value.as_bytes());
    }

    fn integer(&mut self, field: &Field, value: i64) {
        self.name(field);
        self.text.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
    }

    fn duration(&mut self, field: &Field, value: Duration) {
        let micros = u64::try_from(value.as_micros()).unwrap_or(u64::MAX);
        self.name(field);
        self.text.extend_from_slice(itoa::Buffer::new().format(micros / 1000).as_bytes());
        let rest = micros % 1000;
        if rest > 0 {
            self.text.extend_from_slice(&[b'.', digit(rest / 100), digit(rest / 10), digit(rest)]);
        }
    }

    /// Digits, letters, dots, colons, brackets and a numeric scope: nothing to escape.
    fn address(&mut self, field: &Field, value: impl Display) {
        self.name(field);
        self.text.push(b'"');
        // Writing to a Vec cannot fail.
        let _ = write!(self.text, "{value}");
        self.text.push(b'"');
    }
}

/// The last decimal digit as text.
pub(super) fn digit(number: u64) -> u8 {
    b"0123456789"[(number % 10) as usize]
}

/// Appends the inside of a JSON string. Control characters of every kind are escaped, so that a caller cannot steer
/// the terminal that shows the log.
pub(super) fn escape(value: &str, text: &mut Vec<u8>) {
    // 0xC2 leads the C1 controls, and some letters, for which the slow way is right too.
    let plain = |byte: u8| byte >= 0x20 && !matches!(byte, b'"' | b'\\' | 0x7f | 0xc2);
    if value.bytes().all(plain) {
        text.extend_from_slice(value.as_bytes());
        return;
    }
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
