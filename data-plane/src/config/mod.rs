//! What the data plane has been told: sources, last good state, and the compiled tables that requests read.
//!
//! `client` (the control plane's stream) or `file` (a manifest) stages what changed, `apply` has it compiled off the
//! request path, swaps the [`Runtime`] and tells open streams, `cache` keeps the last good state on disk.

mod apply;
pub mod cache;
mod chain;
pub mod client;
mod compile;
mod discovered;
pub mod file;
mod handle;
mod runtime;
mod stage;
mod streams;

pub use apply::{Applied, Applier, Refused};
pub use chain::chain;
pub use compile::{Compiled, Setting, Touched, compile};
pub use discovered::{InterfacePath, InterfacePaths, Known};
pub use handle::Handle;
pub use runtime::{Agent, Cursors, Plan, Runtime, Site, Target};
pub use stage::{KeyEdit, Staged, StagedChanges};
pub use streams::{EndReason, Lease};
