//! The corpora of the fuzz targets, replayed as ordinary tests.
//!
//! A file that once made a target fail is added to its corpus, so that it never does again. Besides, every file is
//! replayed in some thousand random variations; `CORPUS_VARIATIONS` says in how many.

use std::path::Path;

use rand::rngs::SmallRng;
use rand::seq::IndexedRandom as _;
use rand::{Rng as _, SeedableRng as _};

mod duplicate;
mod grpc;
mod invariants;
mod policy;
mod rest;
mod wire;

/// Variations of all files of a corpus together.
const VARIATIONS: usize = 2_000;

#[expect(clippy::unwrap_used, reason = "a missing corpus fails the test")]
fn replay(corpus: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let mut files = Vec::new();
    for entry in std::fs::read_dir(&folder).unwrap() {
        let data = std::fs::read(entry.unwrap().path()).unwrap();
        check(&data);
        // Every prefix too: bodies break off anywhere.
        for end in (0..data.len()).step_by(data.len() / 64 + 1) {
            check(&data[..end]);
        }
        files.push(data);
    }
    assert!(files.len() > 5, "{} holds only {} files", folder.display(), files.len());
    let count = std::env::var("CORPUS_VARIATIONS").ok().and_then(|count| count.parse().ok());
    vary(&files, check, count.unwrap_or(VARIATIONS));
}

/// The same variations in every run. One that fails is shown.
fn vary(files: &[Vec<u8>], check: fn(&[u8]), count: usize) {
    let mut random = SmallRng::seed_from_u64(count as u64);
    for _ in 0..count {
        let mut data = files.choose(&mut random).cloned().unwrap_or_default();
        for _ in 0..random.random_range(1..5) {
            mutate(&mut data, files, &mut random);
        }
        let outcome = std::panic::catch_unwind(|| check(&data));
        assert!(outcome.is_ok(), "failing data: {}", hex::encode(&data));
    }
}

/// Changes, repeats, removes or swaps in a part.
fn mutate(data: &mut Vec<u8>, files: &[Vec<u8>], random: &mut SmallRng) {
    let at = random.random_range(0..=data.len());
    let length = random.random_range(0..=(data.len() - at).min(24));
    let part = data[at..at + length].to_vec();
    match random.random_range(0..6) {
        0 => drop(data.splice(at..at + length, [])),
        1 => drop(data.splice(at..at, part)),
        2 => data.insert(at, random.random()),
        3 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = byte.wrapping_add([1, 255, 128, 32][random.random_range(0..4)]);
            }
        }
        4 => {
            if let Some(byte) = data.get_mut(at) {
                *byte = random.random();
            }
        }
        _ => {
            let other = files.choose(random).map_or(&[][..], Vec::as_slice);
            let from = random.random_range(0..=other.len());
            let to = random.random_range(from..=(from + 40).min(other.len()));
            drop(data.splice(at..at + length, other[from..to].iter().copied()));
        }
    }
}

#[test]
fn requests() {
    replay("jsonrpc", invariants::jsonrpc);
}

#[test]
fn cards() {
    replay("card", invariants::card);
}

#[test]
fn answers() {
    replay("answer", invariants::answer);
}

#[test]
fn http1_answers() {
    replay("http1", wire::http1_answer);
}

#[test]
fn event_streams() {
    replay("sse", wire::event_stream);
}

#[test]
fn grpc_frames() {
    replay("grpc_frames", grpc::frames);
}

#[test]
fn grpc_requests() {
    replay("grpc_request", grpc::request);
}

#[test]
fn grpc_answers() {
    replay("grpc_answer", grpc::answer);
}

#[test]
fn grpc_cards() {
    replay("grpc_card", grpc::card);
}

#[test]
fn http_json_requests() {
    replay("http_json", rest::request);
}

#[test]
fn members_named_twice() {
    replay("duplicate", duplicate::check);
}

#[test]
fn webhooks() {
    replay("webhook", policy::webhook);
}

#[test]
fn mended_messages() {
    replay("mended", policy::mended);
}
