#![no_main]
//! See `invariants` for what must hold.

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/invariants.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod invariants;

fuzz_target!(|data: &[u8]| invariants::answer(data));
