//! Messages on a gRPC stream: where they begin and end, and passing them on.

pub mod frame;
pub mod relay;
