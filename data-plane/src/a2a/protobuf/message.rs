//! A message as a list of fields that stay as they came until they are changed.

use super::refuse::{Refusal, message, text};
use super::schema::{Kind, Place, Schema};
use super::wire::{Field, Value, fields};

/// A message in its own order.
#[derive(Debug)]
pub(super) struct Message<'a> {
    entries: Vec<Entry<'a>>,
}

#[derive(Debug)]
pub(super) struct Entry<'a> {
    pub(super) number: u32,
    /// `None` for a field that is not known.
    pub(super) place: Option<&'static Place>,
    content: Content<'a>,
}

#[derive(Debug)]
enum Content<'a> {
    Kept(Field<'a>),
    Bytes(Vec<u8>),
    Flag(bool),
}

/// What becomes of a field.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Edit {
    Keep,
    Drop,
    Change(Vec<u8>),
}

impl<'a> Message<'a> {
    /// Reads a message.
    ///
    /// # Errors
    /// When a known field has another wire type, is no text where it should be, or occurs twice although it is not
    /// repeated: parsers differ about what counts then.
    pub(super) fn parse(bytes: &'a [u8], schema: &'static Schema) -> Result<Self, Refusal> {
        let mut entries: Vec<Entry<'a>> = Vec::new();
        let mut seen = 0_u64;
        for field in fields(bytes) {
            let field = field?;
            let place = schema.place(field.number);
            if let Some(place) = place {
                check(&field, place)?;
                let mark = 1_u64.checked_shl(place.number).unwrap_or(0);
                if !place.is_repeated && seen & mark != 0 {
                    return Err(Refusal::Twice);
                }
                seen |= mark;
            }
            entries.push(Entry { number: field.number, place, content: Content::Kept(field) });
        }
        Ok(Self { entries })
    }

    /// The bytes of every field of this number.
    pub(super) fn all(&self, number: u32) -> impl Iterator<Item = &[u8]> {
        self.entries.iter().filter(move |entry| entry.number == number).filter_map(Entry::bytes)
    }

    /// The text of a field; empty is absent, as everywhere in proto3.
    pub(super) fn text(&self, number: u32) -> Option<&str> {
        let last = self.all(number).last()?;
        std::str::from_utf8(last).ok().filter(|text| !text.is_empty())
    }

    pub(super) fn has(&self, number: u32) -> bool {
        self.entries.iter().any(|entry| entry.number == number)
    }

    /// Appends a field.
    pub(super) fn push(&mut self, number: u32, bytes: Vec<u8>) {
        self.entries.push(Entry { number, place: None, content: Content::Bytes(bytes) });
    }

    /// Replaces a field where it stands, or appends it.
    pub(super) fn set(&mut self, number: u32, bytes: Vec<u8>) {
        match self.entries.iter_mut().find(|entry| entry.number == number) {
            Some(entry) => entry.content = Content::Bytes(bytes),
            None => self.push(number, bytes),
        }
    }

    /// Writes false into a bool that is there.
    pub(super) fn clear_flag(&mut self, number: u32) {
        for entry in self.entries.iter_mut().filter(|entry| entry.number == number) {
            entry.content = Content::Flag(false);
        }
    }

    pub(super) fn remove(&mut self, number: u32) {
        self.entries.retain(|entry| entry.number != number);
    }

    /// Changes fields, in order.
    pub(super) fn try_edit<E>(
        &mut self,
        mut edit: impl FnMut(&Entry<'a>) -> Result<Edit, E>,
    ) -> Result<(), E> {
        let mut kept = Vec::with_capacity(self.entries.len());
        for mut entry in self.entries.drain(..) {
            match edit(&entry)? {
                Edit::Keep => kept.push(entry),
                Edit::Drop => {}
                Edit::Change(bytes) => {
                    entry.content = Content::Bytes(bytes);
                    kept.push(entry);
                }
            }
        }
        self.entries = kept;
        Ok(())
    }

    /// The message on the wire.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        for entry in &self.entries {
            match &entry.content {
                Content::Kept(field) => out.extend_from_slice(field.raw),
                Content::Bytes(bytes) => put_bytes(entry.number, bytes, &mut out),
                Content::Flag(flag) => {
                    put_varint(u64::from(entry.number << 3), &mut out);
                    put_varint(u64::from(*flag), &mut out);
                }
            }
        }
        out
    }
}

impl Entry<'_> {
    /// What is length-delimited.
    pub(super) fn bytes(&self) -> Option<&[u8]> {
        match &self.content {
            Content::Kept(Field { value: Value::Bytes(bytes), .. }) => Some(bytes),
            Content::Kept(_) | Content::Flag(_) => None,
            Content::Bytes(bytes) => Some(bytes),
        }
    }

    /// Everything that the field holds, in whatever wire type.
    pub(super) fn raw(&self) -> &[u8] {
        match &self.content {
            Content::Kept(Field { value: Value::Bytes(bytes), .. }) => bytes,
            Content::Kept(field) => field.raw,
            Content::Bytes(bytes) => bytes,
            Content::Flag(_) => &[],
        }
    }
}

fn check(field: &Field<'_>, place: &Place) -> Result<(), Refusal> {
    match place.kind {
        Kind::Text(_) | Kind::Prose(_) | Kind::Key | Kind::Identifier => text(field.value).map(drop),
        Kind::Message(_) => message(field.value).map(drop),
        Kind::Flag => super::refuse::flag(field.value).map(drop),
    }
}

/// Appends a length-delimited field.
pub(super) fn put_bytes(number: u32, bytes: &[u8], out: &mut Vec<u8>) {
    put_varint(u64::from(number << 3 | 2), out);
    put_varint(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

fn put_varint(mut value: u64, out: &mut Vec<u8>) {
    while value >= 0x80 {
        // Seven bits and the mark that more follow.
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}
