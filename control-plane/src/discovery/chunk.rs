//! Changes in chunks that no receiver chokes on.

use prost::Message as _;
use signalbox_proto::wire::discovery::v1::Change;

/// Size that a chunk does not pass, unless a single change is larger.
pub const MAX_CHUNK_BYTES: usize = 256 << 10;

/// Gathers changes until a chunk is full.
#[derive(Debug, Default)]
pub struct Chunker {
    changes: Vec<Change>,
    bytes: usize,
}

impl Chunker {
    /// Adds a change; a full chunk, if the change did not fit into it any more.
    pub fn push(&mut self, change: Change) -> Option<Vec<Change>> {
        // Each element has a tag and a length besides.
        let size = change.encoded_len() + 6;
        let full = (self.bytes + size > MAX_CHUNK_BYTES && !self.changes.is_empty()).then(|| {
            self.bytes = 0;
            std::mem::take(&mut self.changes)
        });
        self.bytes += size;
        self.changes.push(change);
        full
    }

    /// The last chunk; may be empty.
    pub fn finish(self) -> Vec<Change> {
        self.changes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn chunks_hold_everything_in_order_and_stay_small() {
        let mut chunker = Chunker::default();
        let change = |revision: u64, size: usize| Change { name: "x".repeat(size), revision, body: None };
        let mut chunks: Vec<Vec<Change>> = Vec::new();
        for revision in 1..=100 {
            let size = if revision == 50 { 2 * MAX_CHUNK_BYTES } else { 20_000 };
            chunks.extend(chunker.push(change(revision, size)));
        }
        chunks.push(chunker.finish());
        let revisions: Vec<u64> = chunks.iter().flatten().map(|change| change.revision).collect();
        assert_eq!(revisions, (1..=100).collect::<Vec<_>>());
        for chunk in &chunks {
            let bytes: usize = chunk.iter().map(prost::Message::encoded_len).sum();
            assert!(bytes <= MAX_CHUNK_BYTES || chunk.len() == 1, "{bytes}");
        }
    }
}
