//! Pages of lists: how large they are, and the tokens that say where the next one begins.

use aws_lc_rs::digest::{SHA256, digest};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use signalbox_proto::model::violation::{FieldPath, Violations};

/// Resources on a page whose size is not given.
pub const DEFAULT_PAGE_SIZE: usize = 100;

/// Most resources on a page.
pub const MAX_PAGE_SIZE: usize = 1000;

/// Bytes of a page token that bind it to its list.
const BINDING_BYTES: usize = 8;

/// The number of resources that a page may hold.
///
/// # Errors
///
/// A violation if `page_size` is negative.
pub fn page_size(page_size: i32) -> Result<usize, Violations> {
    match usize::try_from(page_size) {
        Ok(0) => Ok(DEFAULT_PAGE_SIZE),
        Ok(size) => Ok(size.min(MAX_PAGE_SIZE)),
        Err(_) => {
            let at = FieldPath::root().field("page_size");
            Err(Violations::one(at, "OUT_OF_RANGE", format!("must be between 0 and {MAX_PAGE_SIZE}")))
        }
    }
}

fn binding(list: &str) -> [u8; BINDING_BYTES] {
    let hash = digest(&SHA256, list.as_bytes());
    let mut binding = [0; BINDING_BYTES];
    binding.copy_from_slice(hash.as_ref().get(..BINDING_BYTES).unwrap_or(&[0; BINDING_BYTES]));
    binding
}

/// A page token: where the next page of a list begins.
pub fn write_token(list: &str, after: &str) -> String {
    let mut bytes = binding(list).to_vec();
    bytes.extend_from_slice(after.as_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}

/// Reads a page token of a list.
///
/// # Errors
///
/// A violation if it is no token, or that of another list.
pub fn read_token(list: &str, token: &str) -> Result<String, Violations> {
    let bytes = URL_SAFE_NO_PAD.decode(token).unwrap_or_default();
    let after = bytes.strip_prefix(binding(list).as_slice()).map(|after| String::from_utf8(after.to_vec()));
    match after {
        Some(Ok(after)) => Ok(after),
        _ => {
            let at = FieldPath::root().field("page_token");
            Err(Violations::one(at, "INVALID_PAGE_TOKEN", "is not a token of this list"))
        }
    }
}
