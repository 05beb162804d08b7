//! gRPC over HTTP/2, as far as headers tell it: content type, deadline, status.
//!
//! After the protocol description of gRPC, `doc/PROTOCOL-HTTP2.md`, and `doc/http-grpc-status-mapping.md`.

use std::time::Duration;

use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};

use crate::error::{Code, GatewayError};

#[cfg(test)]
mod tests;

/// `grpc-status`.
pub const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
/// `grpc-message`.
pub const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");
/// `grpc-timeout`.
pub const GRPC_TIMEOUT: HeaderName = HeaderName::from_static("grpc-timeout");
/// `grpc-encoding`: how compressed messages are compressed.
pub const GRPC_ENCODING: HeaderName = HeaderName::from_static("grpc-encoding");

/// The type of every gRPC body, without what follows `+` or `;`.
const APPLICATION_GRPC: &[u8] = b"application/grpc";
/// Most digits of a `grpc-timeout`.
const TIMEOUT_DIGITS_MAX: usize = 8;
/// Units of `grpc-timeout`, with their nanoseconds.
const UNITS: [(u8, u128); 6] = [
    (b'n', 1),
    (b'u', 1_000),
    (b'm', 1_000_000),
    (b'S', 1_000_000_000),
    (b'M', 60_000_000_000),
    (b'H', 3_600_000_000_000),
];

/// How the messages of a gRPC body are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// Protobuf: `application/grpc` or `application/grpc+proto`.
    Protobuf,
    /// Anything else after `+`.
    Other,
}

/// How a gRPC body is written; `None`: it is none. `application/grpc-web` is another protocol.
pub fn codec(headers: &HeaderMap) -> Option<Codec> {
    let value = headers.get(CONTENT_TYPE)?.as_bytes();
    let essence = value.split(|byte| *byte == b';').next().unwrap_or_default().trim_ascii();
    let (start, rest) = essence.split_at_checked(APPLICATION_GRPC.len())?;
    if !start.eq_ignore_ascii_case(APPLICATION_GRPC) {
        return None;
    }
    match rest {
        b"" => Some(Codec::Protobuf),
        [b'+', name @ ..] if name.eq_ignore_ascii_case(b"proto") => Some(Codec::Protobuf),
        [b'+', ..] => Some(Codec::Other),
        _ => None,
    }
}

/// Whether head or body are gRPC at all.
pub fn is_grpc(headers: &HeaderMap) -> bool {
    codec(headers).is_some()
}

/// The time that the caller gives, if it gives one.
///
/// # Errors
/// `InvalidRequest` for a value that is no `grpc-timeout`, or for several.
pub fn timeout(headers: &HeaderMap) -> Result<Option<Duration>, GatewayError> {
    let mut values = headers.get_all(GRPC_TIMEOUT).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let timeout = parse_timeout(value.as_bytes()).filter(|_| values.next().is_none());
    match timeout {
        Some(timeout) => Ok(Some(timeout)),
        None => Err(GatewayError::new(Code::InvalidRequest).detail(
            "Its grpc-timeout is not one number of at most 8 digits and a unit of H, M, S, m, u or n.",
        )),
    }
}

/// Reads `1*8DIGIT` and a unit.
fn parse_timeout(value: &[u8]) -> Option<Duration> {
    let (unit, digits) = value.split_last()?;
    if digits.is_empty() || digits.len() > TIMEOUT_DIGITS_MAX || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let (_, nanoseconds) = UNITS.iter().find(|(name, _)| name == unit)?;
    let number = digits.iter().fold(0, |number, digit| number * 10 + u128::from(digit - b'0'));
    Some(duration(number * nanoseconds))
}

/// The largest value, 99999999 hours, is far below what a `Duration` holds.
fn duration(nanoseconds: u128) -> Duration {
    const SECOND: u128 = 1_000_000_000;
    let seconds = u64::try_from(nanoseconds / SECOND).unwrap_or(u64::MAX);
    Duration::new(seconds, u32::try_from(nanoseconds % SECOND).unwrap_or(0))
}

/// A time as `grpc-timeout` says it: rounded down, in the finest unit from milliseconds up that 8 digits hold;
/// microseconds below a millisecond.
pub fn timeout_value(timeout: Duration) -> HeaderValue {
    let nanoseconds = timeout.as_nanos();
    let fits = |(_, unit): &&(u8, u128)| nanoseconds / unit < 10_u128.pow(8);
    let finest = if nanoseconds < 1_000_000 { &UNITS[1..] } else { &UNITS[2..] };
    let (name, number) = match finest.iter().find(fits) {
        Some((name, unit)) => (*name, nanoseconds / unit),
        None => (b'H', 99_999_999),
    };
    let text = format!("{number}{}", char::from(name));
    // Digits and a letter always are a header value.
    HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static("0n"))
}

/// The number of a `grpc-status`; `None` where there is none. What cannot be read is 2, UNKNOWN, as clients take it.
pub fn status(headers: &HeaderMap) -> Option<u16> {
    let value = headers.get(GRPC_STATUS)?.as_bytes();
    let digits =
        std::str::from_utf8(value).ok().filter(|text| text.bytes().all(|byte| byte.is_ascii_digit()));
    Some(digits.and_then(|text| text.parse().ok()).unwrap_or(2))
}

/// The gRPC status for an answer that is no gRPC, by its HTTP status.
pub fn status_of_http(status: StatusCode) -> u16 {
    match status.as_u16() {
        400 => 13,
        401 => 16,
        403 => 7,
        404 => 12,
        429 | 502 | 503 | 504 => 14,
        _ => 2,
    }
}

/// A text as `grpc-message` carries it: everything but printable ASCII, and `%`, percent-encoded.
pub fn percent_encoded(text: &str) -> HeaderValue {
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let mut encoded = Vec::with_capacity(text.len());
    for byte in text.bytes() {
        if (b' '..=b'~').contains(&byte) && byte != b'%' {
            encoded.push(byte);
        } else {
            encoded.extend([b'%', HEX[usize::from(byte >> 4)], HEX[usize::from(byte & 15)]]);
        }
    }
    // Printable ASCII always is a header value.
    HeaderValue::from_bytes(&encoded).unwrap_or_else(|_| HeaderValue::from_static(""))
}
