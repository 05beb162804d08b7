//! Tables that are cheap to copy: a change copies one small leaf and the two nodes above it, whatever the size.
//!
//! A snapshot of the configuration is shared by every request in flight, so an update must not touch it; copying a
//! plain map of a million entries takes 77 ms, this takes 3 µs (`docs/performance.md`).

mod map;
mod spine;
#[cfg(test)]
mod tests;

pub use map::Map;
pub use spine::{SLOT_BITS, SLOTS, Spine};
