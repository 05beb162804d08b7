//! The recent revisions of one lane, kept within bounds.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;

use super::{Batch, Revision, Since};

/// Revisions that a ring keeps at most.
const MAX_REVISIONS: usize = 10_000;

/// Encoded bytes of changes that a ring keeps at most, besides the newest revision.
const MAX_BYTES: usize = 16 << 20;

/// Consecutive revisions up to the head.
#[derive(Debug)]
pub(super) struct Ring {
    head: u64,
    revisions: VecDeque<Arc<Revision>>,
    bytes: usize,
}

impl Ring {
    /// An empty ring that stands at `head`.
    pub(super) fn at(head: u64) -> Self {
        Self { head, revisions: VecDeque::new(), bytes: 0 }
    }

    pub(super) fn head(&self) -> u64 {
        self.head
    }

    /// Enters the next revision; `false` if one before it is missing. One that is there already is left as it is.
    pub(super) fn push(&mut self, revision: Arc<Revision>) -> bool {
        if revision.revision <= self.head {
            return true;
        }
        if revision.revision != self.head + 1 {
            return false;
        }
        self.head = revision.revision;
        self.bytes += size(&revision);
        self.revisions.push_back(revision);
        while self.revisions.len() > MAX_REVISIONS || (self.bytes > MAX_BYTES && self.revisions.len() > 1) {
            if let Some(oldest) = self.revisions.pop_front() {
                self.bytes -= size(&oldest);
            }
        }
        true
    }

    /// What a reader at `after` lacks; `None` if the ring does not reach back so far.
    pub(super) fn since(&self, after: u64, max_changes: usize) -> Option<Since> {
        if after == self.head {
            return Some(Since::Nothing);
        }
        if after > self.head {
            return Some(Since::Everything);
        }
        let missing = usize::try_from(self.head - after).ok()?;
        let first = self.revisions.len().checked_sub(missing)?;
        let mut end = first + 1;
        let mut count = self.revisions.get(first)?.changes.len();
        for revision in self.revisions.range(end..) {
            count += revision.changes.len();
            if count > max_changes {
                break;
            }
            end += 1;
        }
        batch(after, self.revisions.range(first..end)).map(Since::Delta)
    }
}

fn size(revision: &Revision) -> usize {
    revision.changes.iter().map(|change| change.encoded.len()).sum()
}

/// Consecutive revisions as one batch with the newest change of each resource; `None` if there are none.
pub(super) fn batch<'a>(
    after: u64,
    revisions: impl DoubleEndedIterator<Item = &'a Arc<Revision>>,
) -> Option<Batch> {
    let mut newest_first = revisions.rev();
    let last = newest_first.next()?;
    let mut seen = HashSet::new();
    let mut changes = Vec::new();
    for revision in std::iter::once(last).chain(newest_first) {
        for change in revision.changes.iter().rev() {
            if seen.insert(change.message.name.as_str()) {
                changes.push(Arc::clone(change));
            }
        }
    }
    changes.reverse();
    Some(Batch {
        from: after,
        to: last.revision,
        changes,
        commit_time: last.commit_time,
        traceparent: last.traceparent.clone(),
    })
}
