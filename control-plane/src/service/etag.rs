//! Etags: they change with every change, and with a new resource of an old name.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use uuid::Uuid;

/// The etag of a resource at a revision.
pub(super) fn etag(uid: Uuid, revision: u64) -> String {
    let mut bytes = [0; 24];
    let (head, tail) = bytes.split_at_mut(16);
    head.copy_from_slice(uid.as_bytes());
    tail.copy_from_slice(&revision.to_be_bytes());
    URL_SAFE_NO_PAD.encode(bytes)
}
