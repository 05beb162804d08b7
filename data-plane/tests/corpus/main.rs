//! The corpora of the fuzz targets, replayed as ordinary tests.
//!
//! A file that once made a target fail is added to its corpus, so that it never does again.

use std::path::Path;

mod invariants;
mod wire;

#[expect(clippy::unwrap_used, reason = "a missing corpus fails the test")]
fn replay(corpus: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(corpus);
    let mut files = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let data = std::fs::read(&path).unwrap();
        check(&data);
        // Every prefix too: bodies break off anywhere.
        for end in (0..data.len()).step_by(data.len() / 64 + 1) {
            check(&data[..end]);
        }
        files += 1;
    }
    assert!(files > 5, "{} holds only {files} files", folder.display());
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
