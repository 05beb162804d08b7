//! Where events begin and end in a server-sent event stream (WHATWG HTML, 9.2.5 and 9.2.6).
//!
//! Lines end with LF, CRLF or CR; a blank line completes an event; a line that begins with a colon is a comment. Chunks
//! of the transport may end anywhere, inside `\r\n` too, so the state lives across chunks.

use std::borrow::Cow;

/// The byte order mark that may open a stream and is not part of its first line.
pub(super) const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// As much of a line as decides what it is: the byte order mark and `data:`.
const PREFIX_BYTES: usize = BYTE_ORDER_MARK.len() + 5;

/// What one chunk brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Events with data that were completed in this chunk.
    pub events: u32,
    /// Length of the shortest part of this chunk after which the stream stands between two events; 0 if there is none.
    pub first_boundary: usize,
    /// Length of the longest part of this chunk after which the stream stands between two events.
    pub boundary: Option<usize>,
}

/// Finds the boundaries between events. Holds 24 bytes and never a line.
#[derive(Debug, Clone, Default)]
pub struct Splitter {
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the current line, counted up to the length of the prefix.
    line_bytes: u8,
    /// The last byte was a CR: an LF that follows belongs to it.
    is_after_cr: bool,
    /// A first line has been read: a byte order mark is no longer one.
    is_past_first_line: bool,
    /// The current event has a line that is not a comment.
    has_field: bool,
    /// The current event has a data line.
    has_data: bool,
}

impl Splitter {
    /// At the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether whole lines may be inserted here without touching an event.
    pub fn is_at_boundary(&self) -> bool {
        self.line_bytes == 0 && !self.has_field
    }

    /// Reads one chunk.
    pub fn feed(&mut self, chunk: &[u8]) -> Progress {
        let mut progress = Progress::default();
        let mut position = 0;
        while position < chunk.len() {
            let rest = &chunk[position..];
            if std::mem::take(&mut self.is_after_cr) && rest[0] == b'\n' {
                position += 1;
            } else if let Some(length) = memchr::memchr2(b'\n', b'\r', rest) {
                self.extend_line(&rest[..length]);
                self.is_after_cr = rest[length] == b'\r';
                progress.events += u32::from(self.end_line());
                position += length + 1;
            } else {
                self.extend_line(rest);
                break;
            }
            if self.is_at_boundary() {
                if progress.boundary.is_none() {
                    progress.first_boundary = position;
                }
                progress.boundary = Some(position);
            }
        }
        progress
    }

    fn extend_line(&mut self, part: &[u8]) {
        let known = usize::from(self.line_bytes);
        let taken = part.len().min(PREFIX_BYTES - known);
        self.prefix[known..known + taken].copy_from_slice(&part[..taken]);
        // At most the length of the prefix, which is 8.
        self.line_bytes += taken as u8;
    }

    /// Ends the current line; true if that completed an event with data.
    fn end_line(&mut self) -> bool {
        let mut line = &self.prefix[..usize::from(self.line_bytes)];
        if !std::mem::replace(&mut self.is_past_first_line, true) {
            line = line.strip_prefix(BYTE_ORDER_MARK).unwrap_or(line);
        }
        self.line_bytes = 0;
        if line.is_empty() {
            self.has_field = false;
            return std::mem::take(&mut self.has_data);
        }
        if line[0] != b':' {
            self.has_field = true;
            self.has_data |= line.starts_with(b"data") && matches!(line.get(4), None | Some(b':'));
        }
        false
    }
}

/// Calls `event` with the data of every complete event in `bytes`, which must begin between two events.
///
/// Several data lines are joined by LF, as the standard wants; only then is anything copied.
pub fn for_each_event(bytes: &[u8], mut event: impl FnMut(&[u8])) {
    let mut data: Option<Cow<'_, [u8]>> = None;
    let mut rest = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(bytes);
    while let Some(length) = memchr::memchr2(b'\n', b'\r', rest) {
        let line = &rest[..length];
        let terminator_bytes = if rest[length..].starts_with(b"\r\n") { 2 } else { 1 };
        rest = &rest[length + terminator_bytes..];
        if line.is_empty() {
            if let Some(data) = data.take() {
                event(&data);
            }
        } else if let Some(value) = data_value(line) {
            data = Some(match data {
                None => Cow::Borrowed(value),
                Some(before) => {
                    let mut joined = before.into_owned();
                    joined.push(b'\n');
                    joined.extend_from_slice(value);
                    Cow::Owned(joined)
                }
            });
        }
    }
}

/// The value of a `data` line, without the one space that may follow the colon.
fn data_value(line: &[u8]) -> Option<&[u8]> {
    let value = line.strip_prefix(b"data")?;
    if value.is_empty() {
        return Some(value);
    }
    let value = value.strip_prefix(b":")?;
    Some(value.strip_prefix(b" ").unwrap_or(value))
}

#[cfg(test)]
mod tests;
