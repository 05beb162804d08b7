//! The wire format of protobuf: tags, varints, lengths and groups. Strict where parsers differ.

use thiserror::Error;

#[cfg(test)]
mod tests;

/// Deepest nesting of messages that is looked into, in levels. The parsers of the SDKs stop at 100.
pub(super) const MAX_DEPTH: usize = 100;

/// Why bytes are no message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
pub(super) enum Malformed {
    #[error("it ends inside a field")]
    Truncated,
    #[error("a varint is longer than 64 bits")]
    Varint,
    #[error("a tag is no field number with a wire type")]
    Tag,
    #[error("a group does not end as it began")]
    Group,
    #[error("it is nested more deeply than {MAX_DEPTH} levels")]
    TooDeep,
}

/// A value on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Value<'a> {
    Varint(u64),
    Fixed64(u64),
    /// A string, bytes, a message, or packed numbers.
    Bytes(&'a [u8]),
    /// A group, which only proto2 has. Skipped whole.
    Group,
    Fixed32(u32),
}

/// A field on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Field<'a> {
    pub(super) number: u32,
    pub(super) value: Value<'a>,
    /// Tag and value, as they came.
    pub(super) raw: &'a [u8],
}

/// The fields of a message, in order. Ends after the first error.
#[derive(Clone, Debug)]
pub(super) struct Fields<'a> {
    rest: &'a [u8],
}

/// Reads a message.
pub(super) const fn fields(message: &[u8]) -> Fields<'_> {
    Fields { rest: message }
}

impl<'a> Iterator for Fields<'a> {
    type Item = Result<Field<'a>, Malformed>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let start = self.rest;
        match read(start, 0) {
            Ok((number, value, rest)) => {
                self.rest = rest;
                Some(Ok(Field { number, value, raw: &start[..start.len() - rest.len()] }))
            }
            Err(malformed) => {
                self.rest = &[];
                Some(Err(malformed))
            }
        }
    }
}

const VARINT: u32 = 0;
const FIXED64: u32 = 1;
const BYTES: u32 = 2;
const GROUP_START: u32 = 3;
const GROUP_END: u32 = 4;
const FIXED32: u32 = 5;

type Read<'a> = (u32, Value<'a>, &'a [u8]);

fn read(bytes: &[u8], depth: usize) -> Result<Read<'_>, Malformed> {
    let (number, wire_type, rest) = tag(bytes)?;
    let (value, rest) = match wire_type {
        VARINT => {
            let (number, rest) = varint(rest)?;
            (Value::Varint(number), rest)
        }
        FIXED64 => {
            let (number, rest) = rest.split_first_chunk().ok_or(Malformed::Truncated)?;
            (Value::Fixed64(u64::from_le_bytes(*number)), rest)
        }
        BYTES => {
            let (length, rest) = varint(rest)?;
            let length = usize::try_from(length).map_err(|_| Malformed::Truncated)?;
            let (bytes, rest) = rest.split_at_checked(length).ok_or(Malformed::Truncated)?;
            (Value::Bytes(bytes), rest)
        }
        GROUP_START => (Value::Group, skip_group(rest, number, depth + 1)?),
        FIXED32 => {
            let (number, rest) = rest.split_first_chunk().ok_or(Malformed::Truncated)?;
            (Value::Fixed32(u32::from_le_bytes(*number)), rest)
        }
        _ => return Err(Malformed::Group),
    };
    Ok((number, value, rest))
}

/// What follows the end of a group.
fn skip_group(bytes: &[u8], group: u32, depth: usize) -> Result<&[u8], Malformed> {
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep);
    }
    let mut rest = bytes;
    loop {
        let (number, wire_type, after) = tag(rest)?;
        if wire_type == GROUP_END {
            return if number == group { Ok(after) } else { Err(Malformed::Group) };
        }
        rest = read(rest, depth)?.2;
    }
}

/// Field number and wire type.
fn tag(bytes: &[u8]) -> Result<(u32, u32, &[u8]), Malformed> {
    let (tag, rest) = varint(bytes)?;
    let tag = u32::try_from(tag).map_err(|_| Malformed::Tag)?;
    let (number, wire_type) = (tag >> 3, tag & 7);
    if number == 0 || wire_type > FIXED32 {
        return Err(Malformed::Tag);
    }
    Ok((number, wire_type, rest))
}

fn varint(bytes: &[u8]) -> Result<(u64, &[u8]), Malformed> {
    let mut value = 0;
    for (index, &byte) in bytes.iter().enumerate() {
        if index == 9 && byte > 1 {
            return Err(Malformed::Varint);
        }
        value |= u64::from(byte & 0x7f) << (7 * index);
        if byte < 0x80 {
            return Ok((value, &bytes[index + 1..]));
        }
    }
    Err(Malformed::Truncated)
}
