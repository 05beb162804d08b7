//! The control plane of Signalbox: stores what is published, and streams it to the data planes.

pub mod api;
pub mod app;
pub mod clock;
pub mod discovery;
pub mod error;
pub mod net;
pub mod service;
pub mod settings;
pub mod store;
pub mod telemetry;

#[cfg(test)]
mod testing;
