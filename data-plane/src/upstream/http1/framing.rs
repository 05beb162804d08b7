//! Where a response body ends, and what of it has come.

use bytes::{Buf, Bytes};

/// Most bytes of chunk extensions and trailers in one body.
const OVERHEAD_BYTES_MAX: u16 = 16 * 1024;
/// Most trailer lines of a body.
const TRAILERS_MAX: u8 = 100;
/// Most hexadecimal digits of a chunk size; more would not fit into its counter.
const SIZE_DIGITS_MAX: u8 = 15;

/// How a body is delimited, with what is left of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) enum Framing {
    /// There is none.
    Empty,
    /// So many bytes.
    Length(u64),
    /// In chunks (RFC 9112, 7.1).
    Chunked(Chunked),
    /// Until the connection ends.
    Close,
}

/// A position inside a chunked body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::upstream) struct Chunked {
    place: Place,
    left: u64,
    size_digits: u8,
    overhead_bytes: u16,
    trailers: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    Size,
    /// Blanks after a size, as some servers pad it.
    SizeEnd,
    Extension,
    SizeLineFeed,
    Data,
    DataReturn,
    DataLineFeed,
    TrailerStart,
    TrailerName,
    TrailerValue,
    TrailerLineFeed,
    EndLineFeed,
    End,
}

/// The next piece of a body.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Decoded {
    /// Data.
    Data(Bytes),
    /// What has come is used up; the body goes on.
    More,
    /// The body is complete.
    End,
}

/// The body cannot be understood.
#[derive(Debug, thiserror::Error)]
#[error("invalid chunked body: {0}")]
pub(super) struct FramingError(&'static str);

impl Framing {
    /// The beginning of a chunked body.
    pub(super) fn chunked() -> Self {
        Self::Chunked(Chunked { place: Place::Size, left: 0, size_digits: 0, overhead_bytes: 0, trailers: 0 })
    }

    /// Whether the body is complete.
    pub(super) fn is_end(&self) -> bool {
        match self {
            Self::Empty | Self::Length(0) => true,
            Self::Length(_) | Self::Close => false,
            Self::Chunked(chunked) => chunked.place == Place::End,
        }
    }

    /// Bytes left, where that is known.
    pub(super) fn bytes_left(&self) -> Option<u64> {
        match self {
            Self::Empty => Some(0),
            Self::Length(left) => Some(*left),
            Self::Chunked(chunked) => (chunked.place == Place::End).then_some(0),
            Self::Close => None,
        }
    }

    /// Takes the next piece from what has come.
    pub(super) fn decode(&mut self, input: &mut Bytes) -> Result<Decoded, FramingError> {
        if self.is_end() {
            return Ok(Decoded::End);
        }
        match self {
            Self::Chunked(chunked) => chunked.decode(input),
            _ if input.is_empty() => Ok(Decoded::More),
            Self::Length(left) => Ok(Decoded::Data(take(input, left))),
            Self::Close | Self::Empty => Ok(Decoded::Data(std::mem::take(input))),
        }
    }
}

/// Whether a header name may have this byte (RFC 9110, 5.6.2).
fn is_token(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte)
}

/// Up to `left` bytes of the input.
fn take(input: &mut Bytes, left: &mut u64) -> Bytes {
    let length = usize::try_from(*left).unwrap_or(usize::MAX).min(input.len());
    *left -= length as u64;
    input.split_to(length)
}

impl Chunked {
    fn decode(&mut self, input: &mut Bytes) -> Result<Decoded, FramingError> {
        while let Some(byte) = input.first().copied() {
            if self.place == Place::Data {
                let data = take(input, &mut self.left);
                if self.left == 0 {
                    self.place = Place::DataReturn;
                }
                return Ok(Decoded::Data(data));
            }
            self.place = self.step(byte)?;
            input.advance(1);
            if self.place == Place::End {
                return Ok(Decoded::End);
            }
        }
        Ok(Decoded::More)
    }

    /// The place after one byte that is not data.
    fn step(&mut self, byte: u8) -> Result<Place, FramingError> {
        Ok(match (self.place, byte) {
            (Place::Size, b'0'..=b'9' | b'a'..=b'f' | b'A'..=b'F') => self.digit(byte)?,
            (Place::Size | Place::SizeEnd, b' ' | b'\t') if self.size_digits > 0 => {
                self.overhead(Place::SizeEnd)?
            }
            (Place::Size | Place::SizeEnd, b';') if self.size_digits > 0 => Place::Extension,
            (Place::Size | Place::SizeEnd, b'\r') if self.size_digits > 0 => Place::SizeLineFeed,
            (Place::Size | Place::SizeEnd, _) => return Err(FramingError("a chunk size is not a number")),
            (Place::Extension, b'\r') => Place::SizeLineFeed,
            (Place::Extension, b'\n') => return Err(FramingError("a chunk extension has a bare line feed")),
            (Place::Extension, _) => self.overhead(Place::Extension)?,
            (Place::SizeLineFeed, b'\n') => self.after_size(),
            (Place::DataReturn, b'\r') => Place::DataLineFeed,
            (Place::DataLineFeed, b'\n') => Place::Size,
            (Place::DataReturn | Place::DataLineFeed, _) => {
                return Err(FramingError("a chunk is longer than its size"));
            }
            (Place::TrailerStart, b'\r') => Place::EndLineFeed,
            (Place::TrailerStart, _) if is_token(byte) => self.trailer()?,
            (Place::TrailerName, b':') => Place::TrailerValue,
            (Place::TrailerName, _) if is_token(byte) => self.overhead(Place::TrailerName)?,
            (Place::TrailerValue, b'\r') => Place::TrailerLineFeed,
            (Place::TrailerValue, b'\t' | b' '..=b'~' | 0x80..) => self.overhead(Place::TrailerValue)?,
            (Place::TrailerStart | Place::TrailerName | Place::TrailerValue, _) => {
                return Err(FramingError("a trailer is not a header"));
            }
            (Place::TrailerLineFeed, b'\n') => Place::TrailerStart,
            (Place::EndLineFeed, b'\n') => Place::End,
            (Place::SizeLineFeed | Place::TrailerLineFeed | Place::EndLineFeed, _) => {
                return Err(FramingError("a carriage return without its line feed"));
            }
            // Data is taken as a whole, and nothing is read after the end.
            (Place::Data | Place::End, _) => self.place,
        })
    }

    fn digit(&mut self, byte: u8) -> Result<Place, FramingError> {
        self.size_digits += 1;
        if self.size_digits > SIZE_DIGITS_MAX {
            return Err(FramingError("a chunk size is too long"));
        }
        let digit = char::from(byte).to_digit(16).unwrap_or_default();
        self.left = self.left << 4 | u64::from(digit);
        Ok(Place::Size)
    }

    fn overhead(&mut self, place: Place) -> Result<Place, FramingError> {
        self.overhead_bytes += 1;
        if self.overhead_bytes > OVERHEAD_BYTES_MAX {
            return Err(FramingError("chunk extensions or trailers are too large"));
        }
        Ok(place)
    }

    fn trailer(&mut self) -> Result<Place, FramingError> {
        self.trailers += 1;
        if self.trailers > TRAILERS_MAX {
            return Err(FramingError("too many trailers"));
        }
        self.overhead(Place::TrailerName)
    }

    fn after_size(&mut self) -> Place {
        self.size_digits = 0;
        if self.left == 0 { Place::TrailerStart } else { Place::Data }
    }
}
