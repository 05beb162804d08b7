//! Members named twice, and nesting without end.
//!
//! Readers differ about a member that comes twice: the first wins, the last wins, it is an error. What the gateway
//! permits and what the agent does must not differ, so such bodies are refused. Readers also differ about spelling:
//! protobuf JSON takes `taskId` and `task_id`, Go's `encoding/json` takes `TASKID`. So names are compared folded, except
//! inside `metadata` and `data`, which hold what callers like: there only equal names collide.
//!
//! The document has been validated by `serde_json` before; this walk looks at structure only. It keeps one mark a
//! member of the objects open at the moment, and costs O(n log n) in the members of an object.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::text::fold;

#[cfg(test)]
mod tests;

/// Deepest nesting of a request body, in levels. The protobuf JSON parsers of the SDKs stop at 100.
pub const MAX_JSON_DEPTH: usize = 100;

/// Objects with at most so many members are compared pair by pair; larger ones are sorted.
const PAIRWISE_MEMBERS: usize = 16;

/// Why a document is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Finding {
    /// Two members of one object have names that some reader takes for the same. Depth of the object, from 1.
    Duplicate { depth: usize },
    /// Deeper than `MAX_JSON_DEPTH`.
    TooDeep,
    /// A member name that is no text, such as half of a surrogate pair.
    UnreadableName,
}

#[derive(Clone, Copy)]
struct Frame {
    is_object: bool,
    /// Inside `metadata` or `data`.
    is_free: bool,
    first_mark: usize,
}

#[derive(Clone, Copy)]
struct Mark {
    hash: u64,
    /// The name between its quotes.
    start: usize,
    end: usize,
}

/// Walks a valid JSON document.
pub(super) fn check(json: &str) -> Result<(), Finding> {
    let bytes = json.as_bytes();
    let mut walk = Walk { json, frames: SmallVec::new(), marks: SmallVec::new() };
    let mut at = 0;
    let mut expects_name = false;
    let mut next_is_free = false;
    while let Some(&byte) = bytes.get(at) {
        match byte {
            b'"' if expects_name => {
                let mark = walk.mark(at + 1)?;
                at = mark.end;
                expects_name = false;
                next_is_free = matches!(&bytes[mark.start..mark.end], b"metadata" | b"data");
                walk.marks.push(mark);
            }
            b'"' => at = string_end(bytes, at + 1),
            b'{' | b'[' => {
                walk.open(byte == b'{', next_is_free)?;
                expects_name = byte == b'{';
                next_is_free = false;
            }
            b'}' | b']' => {
                walk.close()?;
                expects_name = false;
            }
            b',' => {
                expects_name = walk.frames.last().is_some_and(|frame| frame.is_object);
                next_is_free = false;
            }
            _ => {}
        }
        at += 1;
    }
    Ok(())
}

struct Walk<'a> {
    json: &'a str,
    frames: SmallVec<[Frame; 16]>,
    marks: SmallVec<[Mark; 32]>,
}

impl Walk<'_> {
    fn open(&mut self, is_object: bool, is_free: bool) -> Result<(), Finding> {
        if self.frames.len() >= MAX_JSON_DEPTH {
            return Err(Finding::TooDeep);
        }
        let is_free = is_free || self.is_free();
        self.frames.push(Frame { is_object, is_free, first_mark: self.marks.len() });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Finding> {
        let depth = self.frames.len();
        let Some(frame) = self.frames.pop() else { return Ok(()) };
        if frame.is_object {
            let is_twice = has_duplicate(self.json, &mut self.marks[frame.first_mark..], frame.is_free);
            if is_twice {
                return Err(Finding::Duplicate { depth });
            }
            self.marks.truncate(frame.first_mark);
        }
        Ok(())
    }

    fn is_free(&self) -> bool {
        self.frames.last().is_some_and(|frame| frame.is_free)
    }

    /// Reads the name that starts here, just after its quote, eight bytes at a time.
    fn mark(&self, start: usize) -> Result<Mark, Finding> {
        let is_free = self.is_free();
        let bytes = self.json.as_bytes();
        let mut hash = HASH_START;
        let mut at = start;
        while at < bytes.len() {
            let word = word_at(bytes, at);
            let stops = if is_free { stops_in_payload(word) } else { stops(word) };
            let length = stops.trailing_zeros() as usize / 8;
            if length == 8 {
                hash = mix(hash, fold_word(word, is_free));
                at += 8;
                continue;
            }
            let end = at + length;
            if bytes.get(end) != Some(&b'"') {
                return self.mark_slowly(start, is_free);
            }
            if length > 0 {
                let tail = word & (u64::MAX >> (64 - 8 * length));
                hash = mix(hash, fold_word(tail, is_free));
            }
            return Ok(Mark { hash, start, end });
        }
        Err(Finding::UnreadableName)
    }

    /// A name with an escape, an underscore or a letter outside ASCII: written out, then hashed like any other.
    fn mark_slowly(&self, start: usize, is_free: bool) -> Result<Mark, Finding> {
        let end = string_end(self.json.as_bytes(), start);
        let name = decode(self.json, start, end).ok_or(Finding::UnreadableName)?;
        let name = if is_free { name } else { Cow::Owned(fold(&name)) };
        let bytes = name.as_bytes();
        let words = (0..bytes.len()).step_by(8).map(|at| fold_word(word_at(bytes, at), is_free));
        Ok(Mark { hash: words.fold(HASH_START, mix), start, end })
    }
}

const HASH_START: u64 = 0x9e37_79b9_7f4a_7c15;
const EACH: u64 = 0x0101_0101_0101_0101;

/// Only a filter: names whose hashes agree are compared as text.
const fn mix(hash: u64, word: u64) -> u64 {
    let mixed = (hash ^ word).wrapping_mul(0xff51_afd7_ed55_8ccd);
    mixed ^ (mixed >> 32)
}

/// Eight bytes from here on; zeros beyond the end.
fn word_at(bytes: &[u8], at: usize) -> u64 {
    if let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        return u64::from_le_bytes(*chunk);
    }
    let rest = bytes.get(at..).unwrap_or_default();
    let mut chunk = [0; 8];
    chunk[..rest.len()].copy_from_slice(rest);
    u64::from_le_bytes(chunk)
}

/// Letters in one case. Zeros, which only pad, stay apart from all bytes of a name: control characters are escaped.
const fn fold_word(word: u64, is_free: bool) -> u64 {
    if is_free { word } else { word | (EACH * 0x20) }
}

/// The high bit of the first byte that equals this one; bits above it mean nothing.
const fn equal(word: u64, byte: u8) -> u64 {
    let zero_where_equal = word ^ (EACH * byte as u64);
    zero_where_equal.wrapping_sub(EACH) & !zero_where_equal & (EACH * 0x80)
}

/// The first byte that ends a name or that hashing by words cannot fold.
const fn stops(word: u64) -> u64 {
    stops_in_payload(word) | equal(word, b'_') | (word & (EACH * 0x80))
}

const fn stops_in_payload(word: u64) -> u64 {
    equal(word, b'"') | equal(word, b'\\')
}

fn has_duplicate(json: &str, marks: &mut [Mark], is_free: bool) -> bool {
    if marks.len() <= PAIRWISE_MEMBERS {
        return marks.iter().enumerate().any(|(index, mark)| {
            marks[..index]
                .iter()
                .any(|other| other.hash == mark.hash && same_name(json, *mark, *other, is_free))
        });
    }
    marks.sort_unstable_by_key(|mark| mark.hash);
    marks.chunk_by(|left, right| left.hash == right.hash).any(|group| {
        // Hashes can be made to collide, so the whole group is compared, in O(n log n).
        let mut names: Vec<_> = group.iter().map(|mark| name(json, *mark, is_free)).collect();
        names.sort_unstable();
        names.windows(2).any(|pair| pair[0] == pair[1])
    })
}

fn same_name(json: &str, left: Mark, right: Mark, is_free: bool) -> bool {
    name(json, left, is_free) == name(json, right, is_free)
}

fn name<'a>(json: &'a str, mark: Mark, is_free: bool) -> Cow<'a, str> {
    let name = decode(json, mark.start, mark.end).unwrap_or_default();
    if is_free { name } else { Cow::Owned(fold(&name)) }
}

fn decode(json: &str, start: usize, end: usize) -> Option<Cow<'_, str>> {
    let raw = json.get(start..end)?;
    if !raw.contains('\\') {
        return Some(Cow::Borrowed(raw));
    }
    serde_json::from_str(json.get(start - 1..=end)?).ok().map(Cow::Owned)
}

/// The offset of the quote that ends the string which starts here, just after its first quote.
fn string_end(bytes: &[u8], start: usize) -> usize {
    let mut at = start;
    loop {
        let rest = bytes.get(at..).unwrap_or_default();
        match memchr::memchr2(b'"', b'\\', rest) {
            Some(found) if rest[found] == b'\\' => at += found + 2,
            Some(found) => return at + found,
            None => return bytes.len(),
        }
    }
}
