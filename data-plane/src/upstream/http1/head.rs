//! The head of a response: parsed once it is complete, and checked for what decides where the body ends.

use std::mem::MaybeUninit;

use bytes::{Bytes, BytesMut};
use http::header::{self, HeaderMap, HeaderName, HeaderValue};
use http::{StatusCode, Version};
use httparse::{ParserConfig, Status};

use super::framing::Framing;
use crate::upstream::error::{UpstreamError, UpstreamErrorKind};

/// Largest head, interim answers before it included.
pub(super) const HEAD_BYTES_MAX: usize = 32 * 1024;
/// Most header lines of a head.
pub(super) const HEADERS_MAX: usize = 100;
/// Most interim answers (1xx) before the final one.
const INTERIM_MAX: usize = 16;

/// A checked head.
#[derive(Debug)]
pub struct Head {
    /// Status; never 1xx.
    pub status: StatusCode,
    /// HTTP/1.0 or HTTP/1.1.
    pub version: Version,
    /// Headers as they came, those of the connection included.
    pub headers: HeaderMap,
    pub(super) framing: Framing,
    pub(super) is_keep_alive: bool,
}

/// Collects the bytes of a head until it is complete.
#[derive(Debug, Default)]
pub(super) struct HeadReader {
    partial: BytesMut,
    consumed: usize,
    interim: usize,
}

/// What a piece of bytes begins with.
enum Parsed {
    Partial,
    Interim(usize),
    Final(Head, usize),
}

impl HeadReader {
    /// Adds bytes; returns the final head and what follows it once it is complete.
    ///
    /// `is_answer_to_head` says that the request was HEAD.
    pub(super) fn push(
        &mut self,
        bytes: Bytes,
        is_answer_to_head: bool,
    ) -> Result<Option<(Head, Bytes)>, UpstreamError> {
        let has_line_end = memchr::memchr(b'\n', &bytes).is_some();
        let mut whole = if self.partial.is_empty() {
            bytes
        } else {
            self.partial.extend_from_slice(&bytes);
            if !has_line_end {
                // Nothing can have become complete: do not read a dribbled head again at every byte.
                return self.check_size(self.partial.len()).map(|()| None);
            }
            std::mem::take(&mut self.partial).freeze()
        };
        loop {
            match parse(&whole, is_answer_to_head)? {
                Parsed::Final(head, length) => {
                    self.check_size(length)?;
                    return Ok(Some((head, whole.split_off(length))));
                }
                Parsed::Interim(length) => {
                    self.consumed += length;
                    self.interim += 1;
                    if self.interim > INTERIM_MAX {
                        return Err(malformed("too many interim answers"));
                    }
                    whole = whole.split_off(length);
                }
                Parsed::Partial => {
                    self.check_size(whole.len())?;
                    self.partial = whole.try_into_mut().unwrap_or_else(|shared| BytesMut::from(&*shared));
                    return Ok(None);
                }
            }
        }
    }

    fn check_size(&self, more: usize) -> Result<(), UpstreamError> {
        if self.consumed + more > HEAD_BYTES_MAX {
            return Err(UpstreamError::after_sending(UpstreamErrorKind::HeadTooLarge));
        }
        Ok(())
    }
}

fn malformed(why: &'static str) -> UpstreamError {
    UpstreamError::after_sending(UpstreamErrorKind::Malformed).because(why)
}

fn parse(bytes: &Bytes, is_answer_to_head: bool) -> Result<Parsed, UpstreamError> {
    let mut lines = [const { MaybeUninit::uninit() }; HEADERS_MAX];
    let mut response = httparse::Response::new(&mut []);
    let length =
        match ParserConfig::default().parse_response_with_uninit_headers(&mut response, bytes, &mut lines) {
            Ok(Status::Complete(length)) => length,
            Ok(Status::Partial) => return Ok(Parsed::Partial),
            Err(httparse::Error::TooManyHeaders) => {
                return Err(UpstreamError::after_sending(UpstreamErrorKind::HeadTooLarge));
            }
            Err(error) => {
                return Err(UpstreamError::after_sending(UpstreamErrorKind::Malformed).because(error));
            }
        };
    let status = response.code.and_then(|code| StatusCode::from_u16(code).ok());
    let status = status.ok_or_else(|| malformed("the status is not one"))?;
    if status == StatusCode::SWITCHING_PROTOCOLS {
        return Err(malformed("the agent switched protocols without being asked to"));
    }
    if status.is_informational() {
        return Ok(Parsed::Interim(length));
    }
    let version = if response.version == Some(0) { Version::HTTP_10 } else { Version::HTTP_11 };
    let mut headers = HeaderMap::with_capacity(response.headers.len());
    for line in response.headers.iter() {
        let name = HeaderName::from_bytes(line.name.as_bytes());
        // A slice of what was read, not a copy.
        let value = HeaderValue::from_maybe_shared(bytes.slice_ref(line.value));
        let (Ok(name), Ok(value)) = (name, value) else { return Err(malformed("a header is not valid")) };
        headers.append(name, value);
    }
    let has_no_body =
        is_answer_to_head || matches!(status, StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED);
    let (framing, is_clear) = framing(&headers, version, has_no_body)?;
    let is_keep_alive =
        is_clear && framing != Framing::Close && version == Version::HTTP_11 && !says_close(&headers);
    Ok(Parsed::Final(Head { status, version, headers, framing, is_keep_alive }, length))
}

/// Where the body ends (RFC 9112, 6.3), and whether the headers leave no doubt about it.
fn framing(
    headers: &HeaderMap,
    version: Version,
    has_no_body: bool,
) -> Result<(Framing, bool), UpstreamError> {
    let length = content_length(headers)?;
    let mut codings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let is_chunked = match codings.next() {
        None => false,
        Some(coding) => {
            if length.is_some() {
                return Err(malformed("both a length and a transfer coding"));
            }
            if version == Version::HTTP_10 {
                return Err(malformed("a transfer coding in HTTP/1.0"));
            }
            if codings.next().is_some() || !coding.as_bytes().eq_ignore_ascii_case(b"chunked") {
                return Err(malformed("a transfer coding other than chunked"));
            }
            true
        }
    };
    Ok(match (has_no_body, is_chunked, length) {
        // 304 and HEAD may tell the length that a body would have; a 204 with one is odd.
        (true, _, _) => (Framing::Empty, !is_chunked),
        (false, true, _) => (Framing::chunked(), true),
        (false, false, Some(length)) => (Framing::Length(length), true),
        (false, false, None) => (Framing::Close, true),
    })
}

fn content_length(headers: &HeaderMap) -> Result<Option<u64>, UpstreamError> {
    let mut lengths = headers.get_all(header::CONTENT_LENGTH).iter();
    let Some(length) = lengths.next() else { return Ok(None) };
    if lengths.next().is_some() {
        return Err(malformed("more than one length"));
    }
    let is_number = !length.is_empty() && length.as_bytes().iter().all(u8::is_ascii_digit);
    let number = length.to_str().ok().filter(|_| is_number).and_then(|text| text.parse().ok());
    number.map(Some).ok_or_else(|| malformed("the length is not a number"))
}

fn says_close(headers: &HeaderMap) -> bool {
    let mut tokens = headers
        .get_all(header::CONNECTION)
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','));
    tokens.any(|token| token.trim_ascii().eq_ignore_ascii_case(b"close"))
}
