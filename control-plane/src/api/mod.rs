//! gRPC services: decode, call `service`, encode.

pub mod auth;
pub mod config;
pub mod fleet;
pub mod observe;
pub mod record;
pub mod server;
pub mod status;

pub use self::server::{Services, serve};

#[cfg(test)]
mod tests;
