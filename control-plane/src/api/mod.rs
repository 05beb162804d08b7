//! gRPC services: decode, call `service`, encode.
