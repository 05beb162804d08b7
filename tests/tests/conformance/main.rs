//! The profile "A2A gateway 1.0": what an intermediary owes to callers and agents, one test a statement.
//!
//! Every test is named after its statement and records result and evidence under `target/conformance`, from which
//! `cargo xtask conformance` makes `docs/conformance.md`. In an ordinary run each test also checks that the published page
//! still says what it found.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "helpers of tests fail the test that they serve"
)]

mod agents;
mod call;
mod cards;
mod compare;
mod errors;
mod forwarding;
mod intended;
mod observability;
mod open;
mod profile;
mod record;
mod scripted;
mod security;
mod stream;
mod version;
