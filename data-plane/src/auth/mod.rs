//! Who is calling: which plan opens the agent, which consumer holds the key.
//!
//! An agent answers nobody unless one of its plans admits the caller. A presented key decides alone: it has to be
//! known, alive, and of a plan that opens the agent; only a caller that presents none is admitted by a keyless plan.

mod decide;
mod digest;
mod extract;
pub mod keys;
mod principal;

pub use decide::{Admission, Denied, Gate, authenticate};
pub use digest::{KeyHasher, MAX_TOKEN_BYTES, PEPPER_BYTES};
pub use extract::Consumed;
pub use keys::{KeyBatch, KeyRecord, KeyRef, KeyTable};
pub use principal::Principal;
