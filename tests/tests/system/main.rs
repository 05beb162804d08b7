//! System tests: real processes, as operators, callers and agents meet them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test that they serve"
)]

mod addresses;
mod bad_input;
mod cards;
mod command_line;
mod common;
mod connections;
mod drain;
mod fleet;
mod grpc;
mod hot_reload;
mod http2;
mod http_json;
mod lenient;
mod nginx;
mod observability;
mod ownership;
mod permits;
mod push;
mod scripted;
mod sdk_direct;
mod sdk_ends;
mod sdk_matrix;
mod sdk_table;
mod sdk_tls;
mod standalone;
mod streams;
mod tls;
mod tracing;
