//! Whom a request acts for.

use super::keys::KeyRef;

/// Whom a request acts for: the holder of a key, or anyone under a keyless plan.
#[derive(Clone, Debug, Default)]
pub struct Principal {
    key: Option<KeyRef>,
}

impl Principal {
    /// Anyone.
    #[must_use]
    pub fn anyone() -> Self {
        Self { key: None }
    }

    /// The holder of a key.
    #[must_use]
    pub fn holder(key: KeyRef) -> Self {
        Self { key: Some(key) }
    }

    /// The same principal without the part of the key table that it was found in: for streams.
    #[must_use]
    pub fn alone(&self) -> Self {
        Self { key: self.key.as_ref().map(KeyRef::alone) }
    }

    /// The key that was presented.
    #[must_use]
    pub fn key(&self) -> Option<&KeyRef> {
        self.key.as_ref()
    }

    /// Name of the key.
    #[must_use]
    pub fn key_name(&self) -> Option<&str> {
        self.key.as_ref().map(KeyRef::name)
    }

    /// Name of the consumer that holds the key.
    #[must_use]
    pub fn consumer(&self) -> Option<&str> {
        self.key.as_ref().map(KeyRef::consumer)
    }
}
