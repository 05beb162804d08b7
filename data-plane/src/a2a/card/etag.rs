//! Validators and conditional requests towards callers (RFC 9110 §8.8, §13.1.2).

use aws_lc_rs::digest::{SHA256, digest};
use http::header::IF_NONE_MATCH;
use http::{HeaderMap, HeaderValue};

/// A strong entity tag: the same bytes have the same tag in every process.
pub fn etag(body: &[u8]) -> HeaderValue {
    let hash = hex::encode(&digest(&SHA256, body).as_ref()[..16]);
    HeaderValue::try_from(format!("\"{hash}\"")).unwrap_or_else(|_| HeaderValue::from_static("\"\""))
}

/// Whether a GET or HEAD is answered with 304: `If-None-Match` is `*` or lists this tag, compared weakly.
pub fn is_not_modified(headers: &HeaderMap, etag: &HeaderValue) -> bool {
    let lines = headers.get_all(IF_NONE_MATCH);
    lines.iter().any(|line| line.as_bytes().trim_ascii() == b"*" || lists(line.as_bytes(), etag.as_bytes()))
}

/// Whether a list of entity tags has this one. Commas inside a tag do not end it; what follows a broken tag is not read.
fn lists(mut list: &[u8], wanted: &[u8]) -> bool {
    loop {
        let start = list.iter().position(|byte| !matches!(byte, b' ' | b'\t' | b','));
        let Some(rest) = start.and_then(|start| list.get(start..)) else { return false };
        let opaque = rest.strip_prefix(b"W/").unwrap_or(rest);
        let Some(inner) = opaque.strip_prefix(b"\"") else { return false };
        let Some(length) = inner.iter().position(|byte| *byte == b'"') else { return false };
        let (tag, after) = opaque.split_at(length + 2);
        if tag == wanted {
            return true;
        }
        if !matches!(after.first(), Some(b',' | b' ' | b'\t')) {
            return false;
        }
        list = after;
    }
}
