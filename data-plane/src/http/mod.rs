//! HTTP basics that several stages share: headers, forwarded addresses, body collecting, error answers.
//!
//! All of it is pure: no sockets, no clock, no tasks.

pub mod address;
pub mod answer;
pub mod body;
pub mod content;
pub mod forwarded;
pub mod grpc;
pub mod hop;
pub mod public_url;
pub mod query;
pub mod respond;
