//! One leaf: some 60 records sorted by digest, and the text that their names are cut from.

use aws_lc_rs::constant_time::verify_slices_are_equal;
use signalbox_proto::model::credential::KeyDigest;

/// A key without its name: 32 bytes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    pub(super) digest: KeyDigest,
    /// Index into the table's plan names.
    pub(super) plan: u32,
    /// Unix seconds; 0: never.
    pub(super) expires: u32,
    start: u32,
    len: u16,
}

/// Records with the same leading bits of the digest.
#[derive(Clone, Debug, Default)]
pub(super) struct Leaf {
    entries: Vec<Entry>,
    names: String,
}

/// The first 8 bytes, by which entries are searched; only the rest needs a comparison in constant time, and a caller
/// cannot choose any of them without the pepper.
fn search_key(digest: &KeyDigest) -> u64 {
    let KeyDigest([a, b, c, d, e, f, g, h, ..]) = *digest;
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

impl Leaf {
    /// A leaf with room for exactly these many entries and bytes of names.
    pub(super) fn with_capacity(entries: usize, names: usize) -> Self {
        Self { entries: Vec::with_capacity(entries), names: String::with_capacity(names) }
    }

    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    pub(super) fn entry(&self, at: usize) -> Option<&Entry> {
        self.entries.get(at)
    }

    pub(super) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    pub(super) fn name(&self, entry: &Entry) -> &str {
        let start = entry.start as usize;
        self.names.get(start..start + usize::from(entry.len)).unwrap_or_default()
    }

    /// Where the entry with this digest is.
    pub(super) fn find(&self, digest: &KeyDigest) -> Option<usize> {
        let wanted = search_key(digest);
        let first = self.entries.partition_point(|entry| search_key(&entry.digest) < wanted);
        let same = self.entries.iter().skip(first).take_while(|entry| search_key(&entry.digest) == wanted);
        same.enumerate()
            .find(|(_, entry)| verify_slices_are_equal(&entry.digest.0, &digest.0).is_ok())
            .map(|(offset, _)| first + offset)
    }

    /// Adds an entry behind all others; the digest must not be smaller than theirs.
    pub(super) fn push(&mut self, digest: KeyDigest, plan: u32, expires: u32, name: &str) {
        let start = u32::try_from(self.names.len()).unwrap_or(u32::MAX);
        self.names.push_str(name);
        let len = u16::try_from(name.len()).unwrap_or(u16::MAX);
        self.entries.push(Entry { digest, plan, expires, start, len });
    }

    /// A copy in exact size, with the entry of `digest` left out and `put` in its place.
    pub(super) fn rewritten(&self, digest: &KeyDigest, put: Option<(u32, u32, &str)>) -> Self {
        let added = put.map_or(0, |(_, _, name)| name.len());
        let mut copy = Self::with_capacity(self.entries.len() + 1, self.names.len() + added);
        let mut pending = put;
        for entry in &self.entries {
            if entry.digest > *digest
                && let Some((plan, expires, name)) = pending.take()
            {
                copy.push(*digest, plan, expires, name);
            }
            if entry.digest != *digest {
                copy.push(entry.digest, entry.plan, entry.expires, self.name(entry));
            }
        }
        if let Some((plan, expires, name)) = pending {
            copy.push(*digest, plan, expires, name);
        }
        copy
    }
}
