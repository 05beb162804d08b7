//! System tests: real processes, as operators, callers and agents meet them.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test that they serve"
)]

mod scripted;
mod sdk_direct;
