//! Messages on a gRPC stream.

pub mod frame;
