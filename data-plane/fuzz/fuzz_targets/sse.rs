#![no_main]
//! See `wire` for what must hold.

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/wire.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod wire;

fuzz_target!(|data: &[u8]| wire::event_stream(data));
