//! Event streams: splitting, heartbeats, relaying.
//!
//! [`relay::Relay`] passes a server-sent event stream on and watches over it; [`sse::Splitter`] tells it where events
//! end; [`open::OpenStreams`] knows every open stream, so that a revoked key or a stopped agent ends its own.

pub mod open;
pub mod relay;
pub mod sse;
