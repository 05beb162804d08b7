//! Event streams: splitting, heartbeats, relaying.
//!
//! [`relay::Relay`] passes a server-sent event stream on and watches over it; [`sse::Splitter`] tells it where events
//! end; [`grpc::frame::Splitter`] does so for the messages of gRPC; [`open::OpenStreams`] knows every open stream, so
//! that a revoked key or a stopped agent ends its own.

mod alarm;
pub mod grpc;
mod hold;
pub mod open;
pub mod relay;
pub mod sse;
