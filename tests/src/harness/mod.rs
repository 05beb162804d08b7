//! What the system tests share: starting real processes, raw HTTP, scripted upstreams, the programs of the SDKs.
//!
//! Everything here panics with a message where it cannot do its work: a test that lacks what it needs fails, and says
//! what is missing. Processes end, by process id, when their value is dropped; their output is printed if the test
//! is failing.

#![allow(
    clippy::expect_used,
    clippy::panic,
    clippy::print_stderr,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a harness that cannot do its work fails the test that it serves"
)]

pub mod cli;
pub mod control_plane;
pub mod data_plane;
pub mod events;
pub mod grpc;
pub mod http;
pub mod http2;
pub mod manifest;
pub mod metrics;
pub mod nginx;
pub mod places;
pub mod process;
pub mod protobuf;
pub mod sdk;
pub mod sink;
pub mod tls;
pub mod upstream;

pub use control_plane::ControlPlane;
pub use data_plane::DataPlane;
pub use events::EventStream;
pub use sdk::{Agent, Client};
pub use upstream::Upstream;

use std::time::{Duration, Instant};

/// Longest wait for anything that should happen at once, on a machine that does much else.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// How often [`wait_until`] looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(10);

/// Waits until `look` gives something, for what another process reports only when asked.
pub fn wait_until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < PATIENCE, "{what}: not within {PATIENCE:?}");
        std::thread::sleep(LOOK_INTERVAL);
    }
}
