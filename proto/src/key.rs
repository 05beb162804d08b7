//! API keys and the tokens of administrators and data planes.
//!
//! `sbx_` + id (12) + secret (43) + checksum (6), all of A-Z, a-z and 0-9. The prefix lets secret scanners find a leaked
//! key, the id may be logged, the secret holds 256 random bits, and the checksum (CRC-32 of all before it) tells
//! typing errors and guesses from keys before anything is hashed. Tokens of data planes begin with `sbxdp_`, those of
//! administrators with `sbxadm_`.
//!
//! Nobody keeps the key: the control plane keeps its SHA-256, data planes keep
//! HMAC-SHA-256(pepper, SHA-256(key)) cut to 16 bytes, so that what is stored at the edge is worth nothing without the
//! pepper. 256 random bits need no slow hash.

mod base62;

use std::fmt;

use aws_lc_rs::{digest, hmac};

use crate::model::consumer::KeySha256;
use crate::model::credential::KeyDigest;

const ID_LENGTH: usize = 12;
const CHECKSUM_LENGTH: usize = 6;
const BODY_LENGTH: usize = ID_LENGTH + base62::SECRET_LENGTH + CHECKSUM_LENGTH;

/// What a token lets in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TokenKind {
    /// An administrator of the control plane.
    Admin,
    /// A consumer's calls to agents.
    ApiKey,
    /// A data plane.
    DataPlane,
}

impl TokenKind {
    /// Every kind.
    pub const ALL: [Self; 3] = [Self::Admin, Self::ApiKey, Self::DataPlane];

    /// What its tokens begin with.
    #[must_use]
    pub const fn prefix(self) -> &'static str {
        match self {
            Self::Admin => "sbxadm_",
            Self::ApiKey => "sbx_",
            Self::DataPlane => "sbxdp_",
        }
    }
}

/// A token made here, in full. Its `Debug` form shows the id alone, and it has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Token {
    kind: TokenKind,
    text: String,
}

/// The operating system gave no random bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the operating system gave no random bytes")]
pub struct NoRandomBytes;

impl Token {
    /// Makes a token.
    ///
    /// # Errors
    ///
    /// If the operating system gives no random bytes.
    pub fn generate(kind: TokenKind) -> Result<Self, NoRandomBytes> {
        let mut secret = [0_u8; 32];
        aws_lc_rs::rand::fill(&mut secret).map_err(|_| NoRandomBytes)?;
        let mut text = String::with_capacity(kind.prefix().len() + BODY_LENGTH);
        text.push_str(kind.prefix());
        base62::push_random_id(&mut text, ID_LENGTH).map_err(|_| NoRandomBytes)?;
        base62::push_secret(&mut text, &secret);
        let checksum = crc32fast::hash(text.as_bytes());
        base62::push_number(&mut text, checksum, CHECKSUM_LENGTH);
        Ok(Self { kind, text })
    }

    /// The whole token: show it once, to whom it belongs.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }

    /// The id: lower-case letters and digits, good as the last segment of a resource name.
    #[must_use]
    pub fn id(&self) -> &str {
        let start = self.kind.prefix().len();
        self.text.get(start..start + ID_LENGTH).unwrap_or_default()
    }

    /// The part that may be logged: prefix and id.
    #[must_use]
    pub fn loggable(&self) -> &str {
        self.text.get(..self.kind.prefix().len() + ID_LENGTH).unwrap_or_default()
    }

    /// SHA-256 of the whole token, which is all that is kept of it.
    #[must_use]
    pub fn sha256(&self) -> KeySha256 {
        sha256(&self.text)
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…", self.loggable())
    }
}

/// The id in `text` if it is a well-formed token of `kind`: right prefix, length, letters and checksum. Hashes nothing
/// and allocates nothing; says nothing of whether the token is good.
#[must_use]
pub fn id(kind: TokenKind, text: &str) -> Option<&str> {
    let body = text.strip_prefix(kind.prefix())?;
    if body.len() != BODY_LENGTH || !body.bytes().all(|byte| byte.is_ascii_alphanumeric()) {
        return None;
    }
    let (checked, checksum) = text.split_at_checked(text.len() - CHECKSUM_LENGTH)?;
    (base62::number(checksum)? == u64::from(crc32fast::hash(checked.as_bytes()))).then(|| &body[..ID_LENGTH])
}

/// Whether `text` claims to be an API key, well formed or not: such a text is never tried as anything else.
#[must_use]
pub fn is_api_key_like(text: &str) -> bool {
    text.starts_with(TokenKind::ApiKey.prefix())
}

/// SHA-256 of a whole token or imported key.
#[must_use]
pub fn sha256(text: &str) -> KeySha256 {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, text.as_bytes()).as_ref());
    KeySha256(out)
}

/// The fleet's secret that turns a key's SHA-256 into what data planes look keys up by.
#[derive(Clone)]
pub struct Pepper(hmac::Key);

impl Pepper {
    /// Length of a pepper in bytes.
    pub const LENGTH: usize = 32;

    /// Prepares a pepper.
    #[must_use]
    pub fn new(bytes: &[u8; Self::LENGTH]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, bytes))
    }

    /// First 16 bytes of HMAC-SHA-256(pepper, hash). About 150 ns.
    #[must_use]
    pub fn digest(&self, hash: &KeySha256) -> KeyDigest {
        let tag = hmac::sign(&self.0, &hash.0);
        let mut out = [0; 16];
        for (to, from) in out.iter_mut().zip(tag.as_ref()) {
            *to = *from;
        }
        KeyDigest(out)
    }
}

impl fmt::Debug for Pepper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Pepper(…)")
    }
}

#[cfg(test)]
mod tests;
