//! Where messages begin and end on a gRPC stream (gRPC over HTTP/2, "Length-Prefixed-Message").
//!
//! A message comes after five bytes: whether it is compressed, and its length, big-endian. HTTP/2 frames may end
//! anywhere, inside the prefix too, so the state lives across chunks.

use thiserror::Error;

#[cfg(test)]
mod tests;

/// Length of what precedes each message, in bytes.
pub const PREFIX_BYTES: usize = 5;

/// Why bytes are no sequence of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub enum FrameError {
    /// The compressed flag is neither 0 nor 1.
    #[error("the first byte of a message prefix is {0}, neither 0 nor 1")]
    Flag(u8),
    /// A message is longer than is accepted.
    #[error("a message of {length} bytes is longer than {limit} bytes")]
    TooLong {
        /// Length announced, in bytes.
        length: u32,
        /// Longest accepted, in bytes.
        limit: u32,
    },
    /// The bytes end inside a message.
    #[error("the body ends inside a message")]
    Incomplete,
    /// A unary body holds no message.
    #[error("the body holds no message")]
    Missing,
    /// A unary body holds a second message.
    #[error("the body holds more than one message")]
    Several,
}

/// A message on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The message is compressed as the header `grpc-encoding` says.
    pub is_compressed: bool,
    /// The message, without its prefix.
    pub message: &'a [u8],
}

/// What one chunk brought.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Progress {
    /// Messages that were completed in this chunk.
    pub messages: u32,
    /// Length of the shortest part of this chunk after which the stream stands between two messages; 0 if there is
    /// none.
    pub first_boundary: usize,
    /// Length of the longest part of this chunk after which the stream stands between two messages.
    pub boundary: Option<usize>,
}

/// Finds the boundaries between messages. Holds 16 bytes and never a message.
#[derive(Debug, Clone)]
pub struct Splitter {
    prefix: [u8; PREFIX_BYTES],
    /// Bytes of the prefix that have come; all of them while a message is under way.
    prefix_bytes: u8,
    /// Bytes of the message that are still to come.
    missing_bytes: u32,
    max_message_bytes: u32,
}

impl Splitter {
    /// At the beginning of a stream. Longer messages are an error.
    pub const fn new(max_message_bytes: u32) -> Self {
        Self { prefix: [0; PREFIX_BYTES], prefix_bytes: 0, missing_bytes: 0, max_message_bytes }
    }

    /// Whether the stream stands between two messages.
    pub const fn is_at_boundary(&self) -> bool {
        self.prefix_bytes == 0
    }

    /// Reads one chunk.
    ///
    /// # Errors
    /// `Flag` or `TooLong`; the splitter is of no use afterwards.
    pub fn feed(&mut self, chunk: &[u8]) -> Result<Progress, FrameError> {
        let mut progress = Progress::default();
        let mut position = 0;
        while position < chunk.len() {
            let rest = &chunk[position..];
            let known = usize::from(self.prefix_bytes);
            if known < PREFIX_BYTES {
                let taken = rest.len().min(PREFIX_BYTES - known);
                self.prefix[known..known + taken].copy_from_slice(&rest[..taken]);
                position += taken;
                // At most the length of the prefix, which is 5.
                self.prefix_bytes += taken as u8;
                if known + taken < PREFIX_BYTES {
                    break;
                }
                self.missing_bytes = checked_length(self.prefix, self.max_message_bytes)?;
            } else {
                let taken = rest.len().min(self.missing_bytes as usize);
                position += taken;
                // At most what was missing, which is a u32.
                self.missing_bytes -= taken as u32;
            }
            if self.missing_bytes == 0 {
                self.prefix_bytes = 0;
                progress.messages += 1;
                if progress.boundary.is_none() {
                    progress.first_boundary = position;
                }
                progress.boundary = Some(position);
            }
        }
        Ok(progress)
    }
}

fn checked_length(prefix: [u8; PREFIX_BYTES], limit: u32) -> Result<u32, FrameError> {
    let [flag, length @ ..] = prefix;
    if flag > 1 {
        return Err(FrameError::Flag(flag));
    }
    let length = u32::from_be_bytes(length);
    if length > limit { Err(FrameError::TooLong { length, limit }) } else { Ok(length) }
}

/// Takes the first message off; `None` when these bytes do not hold it whole.
///
/// # Errors
/// `Flag` or `TooLong`.
pub fn split_first(bytes: &[u8], max_message_bytes: u32) -> Result<Option<(Frame<'_>, &[u8])>, FrameError> {
    let Some((prefix, rest)) = bytes.split_first_chunk::<PREFIX_BYTES>() else {
        return match bytes.first() {
            Some(&flag) if flag > 1 => Err(FrameError::Flag(flag)),
            _ => Ok(None),
        };
    };
    let length = checked_length(*prefix, max_message_bytes)?;
    let Some((message, rest)) = rest.split_at_checked(length as usize) else { return Ok(None) };
    Ok(Some((Frame { is_compressed: prefix[0] == 1, message }, rest)))
}

/// Calls `message` with every complete message in `bytes`, which must begin between two messages. Stops at what is no
/// message.
pub fn for_each_message(bytes: &[u8], max_message_bytes: u32, mut message: impl FnMut(Frame<'_>)) {
    let mut rest = bytes;
    while let Ok(Some((frame, after))) = split_first(rest, max_message_bytes) {
        message(frame);
        rest = after;
    }
}

/// The one message of a unary body.
///
/// # Errors
/// When the body is anything but one whole message.
pub fn single(body: &[u8], max_message_bytes: u32) -> Result<Frame<'_>, FrameError> {
    if body.is_empty() {
        return Err(FrameError::Missing);
    }
    match split_first(body, max_message_bytes)? {
        None => Err(FrameError::Incomplete),
        Some((frame, [])) => Ok(frame),
        Some(_) => Err(FrameError::Several),
    }
}

/// The prefix of an uncompressed message. `None` when it is longer than gRPC can say: 4 GiB.
pub fn prefix(message_bytes: usize) -> Option<[u8; PREFIX_BYTES]> {
    let [a, b, c, d] = u32::try_from(message_bytes).ok()?.to_be_bytes();
    Some([0, a, b, c, d])
}
