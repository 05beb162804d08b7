//! Checked types: what the wire types mean, with no illegal states.
//!
//! Only `TryFrom` leads from `wire` to here, with exhaustive destructuring, so that a new field breaks the build until
//! somebody decides, and with errors that carry the field's path. There is no I/O, no async and no clock: both planes
//! check the same things, and a data plane can compile whatever the control plane accepted.

pub mod address;
pub mod agent;
pub mod bound;
pub mod check;
pub mod consumer;
pub mod credential;
pub mod lane;
pub mod manifest;
pub mod name;
pub mod permits;
pub mod plan;
pub mod pointer;
pub mod push;
pub mod rules;
pub mod selector;
pub mod url;
pub mod violation;
