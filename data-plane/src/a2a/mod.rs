//! The A2A protocol: envelopes, operations, versions and agent cards.
//!
//! All of it is pure. Requests are read in place; nothing of a request body is copied or re-encoded unless the
//! streaming alias asks for it.

pub mod alias;
pub mod call;
pub mod card;
mod duplicate;
pub mod http_json;
pub mod jsonrpc;
pub mod lenient;
pub mod operation;
mod params;
pub mod policy;
pub mod protobuf;
pub mod reason;
pub mod response;
mod text;
pub mod version;

pub use call::{Binding, Call};
pub use operation::Operation;
pub use version::Version;
