#![no_main]
//! See `duplicate` for what must hold.

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/duplicate.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod duplicate;

fuzz_target!(|data: &[u8]| duplicate::check(data));
