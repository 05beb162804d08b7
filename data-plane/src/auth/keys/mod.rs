//! The table of API keys: a million of them, looked up without locks or allocation, changed in microseconds.
//!
//! Records lie sorted by digest in 16,384 leaves, each with the names of its keys in one text; a second index leads
//! from names to digests, since a revocation names the key. Digests are HMACs, so they spread evenly and the leaves
//! need no hashing. About 145 bytes a key at usual name lengths. Nothing here is `unsafe`.

mod batch;
mod leaf;
mod table;
#[cfg(test)]
mod tests;

pub use batch::KeyBatch;
pub use table::{KeyRecord, KeyRef, KeyTable};
