//! Encryption of records: AES-256-GCM, or nothing.

use std::io;
use std::path::Path;

use aws_lc_rs::aead::{AES_256_GCM, Aad, NONCE_LEN, RandomizedNonceKey};

use super::CacheError;

const KEY_BYTES: usize = 32;

/// How records are sealed.
#[derive(Debug)]
pub(super) struct Seal {
    key: Option<RandomizedNonceKey>,
}

impl Seal {
    /// Reads the key; without a file, nothing is sealed.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, CacheError> {
        let Some(path) = file else { return Ok(Self { key: None }) };
        let bytes =
            std::fs::read(path).map_err(|source| CacheError::Key { path: path.to_owned(), source })?;
        let not_a_key = || CacheError::NotAKey { path: path.to_owned() };
        let key: [u8; KEY_BYTES] = match <[u8; KEY_BYTES]>::try_from(bytes.as_slice()) {
            Ok(raw) => raw,
            Err(_) => {
                let mut key = [0; KEY_BYTES];
                hex::decode_to_slice(bytes.trim_ascii(), &mut key).map_err(|_| not_a_key())?;
                key
            }
        };
        let key = RandomizedNonceKey::new(&AES_256_GCM, &key).map_err(|_| not_a_key())?;
        Ok(Self { key: Some(key) })
    }

    /// Whether records are encrypted.
    pub(super) fn is_sealing(&self) -> bool {
        self.key.is_some()
    }

    /// What is written for `plain`; `context` has to be the same when it is read.
    pub(super) fn seal(&self, plain: Vec<u8>, context: &[u8]) -> io::Result<Vec<u8>> {
        let Some(key) = &self.key else { return Ok(plain) };
        let mut sealed = plain;
        let nonce = key.seal_in_place_append_tag(Aad::from(context), &mut sealed);
        let nonce = nonce.map_err(|_| io::Error::other("sealing failed"))?;
        sealed.extend_from_slice(nonce.as_ref());
        Ok(sealed)
    }

    /// What was sealed; `None` if the key or the context is another, or a bit has changed.
    pub(super) fn open_sealed<'b>(&self, sealed: &'b mut [u8], context: &[u8]) -> Option<&'b mut [u8]> {
        let Some(key) = &self.key else { return Some(sealed) };
        let at = sealed.len().checked_sub(NONCE_LEN)?;
        let (body, nonce) = sealed.split_at_mut_checked(at)?;
        let nonce = aws_lc_rs::aead::Nonce::try_assume_unique_for_key(nonce).ok()?;
        key.open_in_place(nonce, Aad::from(context), body).ok()
    }
}
