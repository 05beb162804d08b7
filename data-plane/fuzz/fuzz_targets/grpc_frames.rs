#![no_main]
//! See `grpc` for what must hold.

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/grpc.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod grpc;

fuzz_target!(|data: &[u8]| grpc::frames(data));
