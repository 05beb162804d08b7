//! Cards that come encoded although none was asked for.

use std::io::Read;

use bytes::Bytes;
use flate2::read::{MultiGzDecoder, ZlibDecoder};
use http::HeaderMap;
use http::header::CONTENT_ENCODING;

use super::{MAX_CARD_BYTES, invalid};
use crate::error::GatewayError;

/// The body without its `Content-Encoding`: gzip and deflate are understood. At most `MAX_CARD_BYTES` come out.
///
/// # Errors
/// `InvalidAgentCard` for other encodings, for broken data, and for cards that are too large.
pub fn decode(headers: &HeaderMap, body: Bytes) -> Result<Bytes, GatewayError> {
    let mut encodings = headers.get_all(CONTENT_ENCODING).iter();
    let (first, second) = (encodings.next(), encodings.next());
    if second.is_some() {
        return Err(invalid("It is encoded more than once."));
    }
    let encoding = first.map(|value| value.as_bytes().trim_ascii().to_ascii_lowercase()).unwrap_or_default();
    match encoding.as_slice() {
        b"" | b"identity" => Ok(body),
        b"gzip" | b"x-gzip" => read_all(MultiGzDecoder::new(&*body)),
        b"deflate" => read_all(ZlibDecoder::new(&*body)),
        _ => Err(invalid("It is encoded in a way that this gateway does not read.")),
    }
}

fn read_all(decoder: impl Read) -> Result<Bytes, GatewayError> {
    let mut decoded = Vec::new();
    let bound = MAX_CARD_BYTES as u64 + 1;
    decoder
        .take(bound)
        .read_to_end(&mut decoded)
        .map_err(|error| invalid("Its encoding is broken.").caused_by(error))?;
    if decoded.len() > MAX_CARD_BYTES {
        return Err(invalid("It is larger than 1 MiB."));
    }
    Ok(Bytes::from(decoded))
}
