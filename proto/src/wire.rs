//! Generated wire types and gRPC stubs, re-exported unaltered.
#![allow(
    missing_docs,
    unreachable_pub,
    unused_qualifications,
    elided_lifetimes_in_paths,
    clippy::all,
    clippy::allow_attributes_without_reason,
    clippy::too_many_lines,
    reason = "generated code; documented in the .proto files"
)]

pub mod dynamic;

/// `signalbox.config`: agents, plans, consumers, subscriptions and API keys.
pub mod config {
    /// `signalbox.config.v1`.
    pub mod v1 {
        tonic::include_proto!("signalbox.config.v1");
        include!(concat!(env!("OUT_DIR"), "/signalbox.config.v1.serde.rs"));
    }
}

/// `signalbox.discovery`: the stream of a data plane.
pub mod discovery {
    /// `signalbox.discovery.v1`.
    pub mod v1 {
        tonic::include_proto!("signalbox.discovery.v1");
        include!(concat!(env!("OUT_DIR"), "/signalbox.discovery.v1.serde.rs"));
    }
}

/// `signalbox.fleet`: the data planes and what they have applied.
pub mod fleet {
    /// `signalbox.fleet.v1`.
    pub mod v1 {
        tonic::include_proto!("signalbox.fleet.v1");
        include!(concat!(env!("OUT_DIR"), "/signalbox.fleet.v1.serde.rs"));
    }
}
