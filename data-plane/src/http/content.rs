//! What kind of body a request or an answer has.

use http::HeaderMap;
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};

use crate::error::{Code, GatewayError};

#[cfg(test)]
mod tests;

/// Accepts a JSON body that can be read as it is: `application/json` or `application/…+json` (which covers
/// `application/a2a+json`), in UTF-8, not encoded.
///
/// # Errors
/// `UnsupportedMediaType` for a missing, repeated or other type; `UnsupportedEncoding` for an encoded body.
pub fn check_json_body(headers: &HeaderMap) -> Result<(), GatewayError> {
    check_not_encoded(headers)?;
    let mut types = headers.get_all(CONTENT_TYPE).iter();
    match (types.next(), types.next()) {
        (Some(value), None) if is_json(value.as_bytes()) => Ok(()),
        (None, _) => Err(GatewayError::new(Code::UnsupportedMediaType).internal("no content-type")),
        (Some(_), Some(_)) => {
            Err(GatewayError::new(Code::UnsupportedMediaType).internal("several content-type headers"))
        }
        (Some(_), None) => Err(Code::UnsupportedMediaType.into()),
    }
}

/// Accepts a body without `Content-Encoding`, or with `identity`.
///
/// # Errors
/// `UnsupportedEncoding`.
pub fn check_not_encoded(headers: &HeaderMap) -> Result<(), GatewayError> {
    let plain = headers.get_all(CONTENT_ENCODING).iter().all(|value| {
        let value = value.as_bytes().trim_ascii();
        value.is_empty() || value.eq_ignore_ascii_case(b"identity")
    });
    if plain { Ok(()) } else { Err(Code::UnsupportedEncoding.into()) }
}

/// Whether an answer is an event stream.
pub fn is_event_stream(headers: &HeaderMap) -> bool {
    headers
        .get(CONTENT_TYPE)
        .is_some_and(|value| essence(value.as_bytes()).eq_ignore_ascii_case(b"text/event-stream"))
}

/// Whether an answer calls itself JSON.
pub fn is_json_answer(headers: &HeaderMap) -> bool {
    headers.get(CONTENT_TYPE).is_some_and(|value| is_json(value.as_bytes()))
}

fn is_json(value: &[u8]) -> bool {
    let essence = essence(value);
    let json = essence.eq_ignore_ascii_case(b"application/json")
        || (starts_with_ignoring_case(essence, b"application/")
            && ends_with_ignoring_case(essence, b"+json"));
    json && charset_is_utf8(value)
}

fn essence(value: &[u8]) -> &[u8] {
    value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii()
}

fn charset_is_utf8(value: &[u8]) -> bool {
    value.split(|byte| *byte == b';').skip(1).all(|parameter| {
        let parameter = parameter.trim_ascii();
        let Some(charset) = strip_prefix_ignoring_case(parameter, b"charset=") else { return true };
        let charset =
            charset.strip_prefix(b"\"").and_then(|rest| rest.strip_suffix(b"\"")).unwrap_or(charset);
        [b"utf-8".as_slice(), b"utf8", b"us-ascii"].iter().any(|known| charset.eq_ignore_ascii_case(known))
    })
}

fn starts_with_ignoring_case(value: &[u8], start: &[u8]) -> bool {
    strip_prefix_ignoring_case(value, start).is_some()
}

fn strip_prefix_ignoring_case<'a>(value: &'a [u8], start: &[u8]) -> Option<&'a [u8]> {
    let (head, rest) = value.split_at_checked(start.len())?;
    head.eq_ignore_ascii_case(start).then_some(rest)
}

fn ends_with_ignoring_case(value: &[u8], end: &[u8]) -> bool {
    value.len() >= end.len() && value[value.len() - end.len()..].eq_ignore_ascii_case(end)
}
