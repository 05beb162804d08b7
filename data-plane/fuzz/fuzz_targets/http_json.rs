#![no_main]
//! See `rest` for what must hold.

use libfuzzer_sys::fuzz_target;

#[path = "../../tests/corpus/rest.rs"]
#[allow(dead_code, reason = "each target uses one of them")]
mod rest;

fuzz_target!(|data: &[u8]| rest::request(data));
