//! A2A in protobuf, as gRPC carries it: `a2a.v1` (0.2 and 0.3) and `lf.a2a.v1` (1.0).
//!
//! Messages are read and edited on the wire, field by field: what no rule names stays byte for byte, fields that this
//! gateway has never heard of included. Where parsers differ about what a message means, it is refused.

pub mod call;
pub mod card;
mod message;
mod method;
pub mod policy;
mod refuse;
pub mod response;
mod schema;
mod wire;

pub use method::{Method, Package};
