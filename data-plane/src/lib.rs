//! The data plane of Signalbox: one edge process that authenticates, limits, rewrites and relays A2A traffic.
//!
//! Life of a request: `net` accepts, `pipeline` loads the snapshot of `config` and runs the stages `route`, `auth`,
//! `limit`, `a2a`, `upstream` and `stream`; `error` and `http` shape every refusal; `telemetry` accounts for it.
//! See `docs/request.md`.

pub mod a2a;
pub mod admin;
pub mod app;
pub mod auth;
pub mod clock;
pub mod config;
pub mod drain;
pub mod error;
pub mod http;
pub mod limit;
pub mod net;
pub mod ownership;
pub mod permit;
pub mod persistent;
pub mod pipeline;
pub mod route;
pub mod settings;
pub mod stream;
pub mod telemetry;
pub mod upstream;
