//! The beginning of an event or a message whose end has not come.

use bytes::{Bytes, BytesMut};

/// Keeps an unfinished event or message back, up to a bound; one that is larger passes as it comes.
#[derive(Debug)]
pub(super) struct Hold {
    held: BytesMut,
    max_bytes: usize,
    is_passing: bool,
}

impl Hold {
    /// Holds at most so many bytes.
    pub(super) fn new(max_bytes: usize) -> Self {
        Self { held: BytesMut::new(), max_bytes, is_passing: false }
    }

    /// Whether part of the unfinished one has been passed on, since it is larger than what is held.
    pub(super) fn is_passing(&self) -> bool {
        self.is_passing
    }

    /// Takes a chunk in which nothing ends. What has to pass on now, if it is too much to hold.
    pub(super) fn part(&mut self, chunk: Bytes) -> Option<Bytes> {
        if !self.is_passing && self.held.len() + chunk.len() <= self.max_bytes {
            self.held.extend_from_slice(&chunk);
            return None;
        }
        self.is_passing = true;
        Some(self.join(chunk))
    }

    /// Takes a chunk that ends where one does: what was held and what follows it, in one piece.
    pub(super) fn complete(&mut self, chunk: Bytes) -> Bytes {
        self.is_passing = false;
        self.join(chunk)
    }

    /// Keeps the beginning of the next one.
    pub(super) fn begin(&mut self, tail: &[u8]) {
        self.held.extend_from_slice(tail);
    }

    /// Forgets what nobody has seen, and gives its memory back.
    pub(super) fn forget(&mut self) {
        self.held = BytesMut::new();
    }

    /// Nothing is copied where nothing was held.
    fn join(&mut self, chunk: Bytes) -> Bytes {
        if self.held.is_empty() {
            return chunk;
        }
        let mut joined = std::mem::take(&mut self.held);
        joined.extend_from_slice(&chunk);
        joined.freeze()
    }
}
