//! What both planes share: the wire types of Signalbox and the checked model made from them.
//!
//! `wire` is generated from the .proto files. `model` holds types in which illegal states cannot be written; only
//! `TryFrom` leads from one to the other. `manifest` reads the same messages from YAML and JSON, `key` is the format
//! of API keys and other tokens. `telemetry` reads metrics and trace headers.

pub mod key;
pub mod manifest;
pub mod model;
pub mod pin;
pub mod telemetry;
pub mod wire;

/// Encoded `FileDescriptorSet` of every .proto file, for gRPC reflection and compatibility checks.
pub const FILE_DESCRIPTOR_SET: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptor.bin"));
