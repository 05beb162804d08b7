#![no_main]
//! See `policy` for what must hold.

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/policy.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod policy;

fuzz_target!(|data: &[u8]| policy::mended(data));
