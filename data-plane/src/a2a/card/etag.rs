//! Validators and conditional requests (RFC 9110 §8.8, §13.1.2).

use aws_lc_rs::digest::{SHA256, digest};
use http::header::IF_NONE_MATCH;
use http::{HeaderMap, HeaderValue};

/// A strong entity tag: the same bytes have the same tag in every process.
pub fn etag(body: &[u8]) -> HeaderValue {
    let hash = hex::encode(&digest(&SHA256, body).as_ref()[..16]);
    HeaderValue::try_from(format!("\"{hash}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether a GET or HEAD is answered with 304: `If-None-Match` holds `*` or this tag, compared weakly.
pub fn is_not_modified(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let current = etag.as_bytes();
    headers
        .get_all(IF_NONE_MATCH)
        .iter()
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == current)
}
