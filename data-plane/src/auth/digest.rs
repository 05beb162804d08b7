//! From a presented key to what it is looked up by.

use std::fmt;
use std::sync::Arc;

use signalbox_proto::key::{self, Pepper, TokenKind};
use signalbox_proto::model::consumer::KeySha256;
use signalbox_proto::model::credential::KeyDigest;

/// Length of the pepper.
pub const PEPPER_BYTES: usize = Pepper::LENGTH;

/// Longest token that is looked up, in bytes. Longer ones are unknown without being hashed.
pub const MAX_TOKEN_BYTES: usize = 512;

/// Turns keys into digests with the pepper of the fleet; a stolen table is useless without it.
#[derive(Clone)]
pub struct KeyHasher {
    inner: Arc<Inner>,
}

struct Inner {
    bytes: [u8; PEPPER_BYTES],
    pepper: Pepper,
}

impl KeyHasher {
    /// A hasher with this pepper.
    #[must_use]
    pub fn new(bytes: [u8; PEPPER_BYTES]) -> Self {
        Self { inner: Arc::new(Inner { bytes, pepper: Pepper::new(&bytes) }) }
    }

    /// The pepper, for the state on disk.
    #[must_use]
    pub fn pepper(&self) -> &[u8; PEPPER_BYTES] {
        &self.inner.bytes
    }

    /// The digest of a token as it was presented; `None` if it cannot be a key: too long, not text, or in the form of
    /// our keys with a wrong checksum. About 0.2 µs.
    #[must_use]
    pub fn digest(&self, token: &[u8]) -> Option<KeyDigest> {
        let text = std::str::from_utf8(token).ok().filter(|text| text.len() <= MAX_TOKEN_BYTES)?;
        if key::is_api_key_like(text) && key::id(TokenKind::ApiKey, text).is_none() {
            return None;
        }
        Some(self.digest_of_sha256(&key::sha256(text)))
    }

    /// The digest of a key of which only the SHA-256 is known.
    #[must_use]
    pub fn digest_of_sha256(&self, sha256: &KeySha256) -> KeyDigest {
        self.inner.pepper.digest(sha256)
    }
}

impl PartialEq for KeyHasher {
    fn eq(&self, other: &Self) -> bool {
        aws_lc_rs::constant_time::verify_slices_are_equal(self.pepper(), other.pepper()).is_ok()
    }
}

impl fmt::Debug for KeyHasher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("KeyHasher(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use signalbox_proto::key::Token;

    use super::*;

    #[test]
    fn a_key_is_hashed_only_if_its_checksum_is_right() {
        let hasher = KeyHasher::new([7; PEPPER_BYTES]);
        let token = Token::generate(TokenKind::ApiKey).unwrap();
        let digest = hasher.digest(token.expose().as_bytes());
        assert_eq!(digest, Some(hasher.digest_of_sha256(&token.sha256())));
        assert_eq!(hasher.digest(format!("{}x", token.expose()).as_bytes()), None);
        assert!(hasher.digest(b"imported key").is_some());
        assert_eq!(hasher.digest(&[b'x'; MAX_TOKEN_BYTES + 1]), None);
        assert_eq!(hasher.digest(&[0xff]), None);
    }

    #[test]
    fn debug_output_has_no_pepper() {
        assert_eq!(format!("{:?}", KeyHasher::new([7; PEPPER_BYTES])), "KeyHasher(redacted)");
    }
}
