//! Query strings, read without being changed.

use std::borrow::Cow;

#[cfg(test)]
mod tests;

/// The values of every parameter of this name, decoded; names are compared without regard to case, after decoding.
/// A value that does not decode to UTF-8 is `None`.
pub fn values<'a>(raw_query: &'a str, name: &'a str) -> impl Iterator<Item = Option<Cow<'a, str>>> {
    raw_query.split('&').filter_map(move |pair| {
        let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
        let key = decode(key)?;
        key.eq_ignore_ascii_case(name).then(|| decode(value))
    })
}

/// Decodes `%xx` and `+`. `None` when an escape is broken or the result is not UTF-8.
pub fn decode(text: &str) -> Option<Cow<'_, str>> {
    if !text.bytes().any(|byte| byte == b'%' || byte == b'+') {
        return Some(Cow::Borrowed(text));
    }
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text.bytes();
    while let Some(byte) = rest.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?,
            other => other,
        });
    }
    String::from_utf8(decoded).ok().map(Cow::Owned)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
