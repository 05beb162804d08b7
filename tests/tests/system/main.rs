//! System tests: real processes, as operators, callers and agents meet them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test that they serve"
)]

mod bad_input;
mod common;
mod drain;
mod hot_reload;
mod http2;
mod nginx;
mod scripted;
mod sdk_direct;
mod sdk_matrix;
mod standalone;
mod tls;
mod tracing;
