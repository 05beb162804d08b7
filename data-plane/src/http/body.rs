//! Collecting a body under a bound.

use bytes::{Bytes, BytesMut};

use crate::error::{Code, GatewayError};

#[cfg(test)]
mod tests;

/// Collects chunks up to a bound. A body that comes in one chunk is not copied.
#[derive(Debug)]
pub struct Collector {
    limit_bytes: usize,
    first: Bytes,
    rest: BytesMut,
}

impl Collector {
    /// Takes at most `limit_bytes` bytes.
    pub fn new(limit_bytes: usize) -> Self {
        Self { limit_bytes, first: Bytes::new(), rest: BytesMut::new() }
    }

    /// Adds a chunk.
    ///
    /// # Errors
    /// `BodyTooLarge` when the bound is passed; nothing of the chunk is kept then.
    pub fn push(&mut self, chunk: Bytes) -> Result<(), GatewayError> {
        if chunk.len() > self.limit_bytes.saturating_sub(self.len()) {
            return Err(too_large(self.limit_bytes));
        }
        self.add(chunk);
        Ok(())
    }

    /// Adds a chunk, also where that passes the bound.
    pub fn add(&mut self, chunk: Bytes) {
        if self.is_empty() {
            self.first = chunk;
        } else {
            if self.rest.is_empty() {
                self.rest.extend_from_slice(&std::mem::take(&mut self.first));
            }
            self.rest.extend_from_slice(&chunk);
        }
    }

    /// Whether more has been added than the bound.
    pub fn is_over(&self) -> bool {
        self.len() > self.limit_bytes
    }

    /// Bytes so far.
    pub fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// Whether nothing has come.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The whole body.
    pub fn finish(self) -> Bytes {
        if self.rest.is_empty() { self.first } else { self.rest.freeze() }
    }
}

/// Refuses a body by its announced length, before any of it is read.
///
/// # Errors
/// `BodyTooLarge`.
pub fn check_announced(length: Option<u64>, limit_bytes: usize) -> Result<(), GatewayError> {
    match length {
        Some(length) if length > limit_bytes as u64 => Err(too_large(limit_bytes)),
        _ => Ok(()),
    }
}

fn too_large(limit_bytes: usize) -> GatewayError {
    GatewayError::new(Code::BodyTooLarge).detail(format!("The limit is {limit_bytes} bytes."))
}
