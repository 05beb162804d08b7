//! The last look over a card in protobuf: no address of the agent's own servers is left in any field.

use crate::a2a::card::{Scrub, Scrubbed};
use crate::a2a::protobuf::message::{Edit, Entry, Message};
use crate::a2a::protobuf::refuse::Refusal;
use crate::a2a::protobuf::schema::{Kind, Schema};
use crate::a2a::protobuf::wire::{MAX_DEPTH, Malformed, Value, fields};

/// How deep an unknown field is searched, read as a message.
const MAX_GUESSES: usize = 8;

pub(super) fn card(scrub: &Scrub<'_>, card: &mut Message<'_>) -> Result<(), Refusal> {
    card.try_edit(|entry| field(scrub, entry, 0))
}

fn field(scrub: &Scrub<'_>, entry: &Entry<'_>, depth: usize) -> Result<Edit, Refusal> {
    let Some(place) = entry.place else {
        return Ok(if may_name(scrub, entry.raw(), 0) { Edit::Drop } else { Edit::Keep });
    };
    let bytes = entry.bytes().unwrap_or_default();
    match place.kind {
        Kind::Text(fate) | Kind::Prose(fate) => Ok(match scrub.text(text(bytes)?, fate) {
            Scrubbed::Keep => Edit::Keep,
            Scrubbed::Change(changed) => Edit::Change(changed.into_bytes()),
            Scrubbed::Remove => Edit::Drop,
        }),
        Kind::Key => Ok(if scrub.is_named_in(text(bytes)?) { Edit::Drop } else { Edit::Keep }),
        Kind::Message(schema) => message(scrub, bytes, schema, depth + 1),
        Kind::Identifier | Kind::Flag => Ok(Edit::Keep),
    }
}

fn message(scrub: &Scrub<'_>, bytes: &[u8], schema: &'static Schema, depth: usize) -> Result<Edit, Refusal> {
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep.into());
    }
    let mut message = Message::parse(bytes, schema)?;
    let (mut is_changed, mut has_lost) = (false, false);
    message.try_edit(|entry| {
        let edit = field(scrub, entry, depth)?;
        is_changed |= edit != Edit::Keep;
        has_lost |= edit == Edit::Drop && entry.place.is_some();
        Ok::<_, Refusal>(edit)
    })?;
    if has_lost && schema.goes_with_its_text {
        return Ok(Edit::Drop);
    }
    Ok(if is_changed { Edit::Change(message.encode()) } else { Edit::Keep })
}

fn text(bytes: &[u8]) -> Result<&str, Refusal> {
    std::str::from_utf8(bytes).map_err(|_| Refusal::NotText)
}

/// Whether bytes that nobody knows name one of the agent's servers: as text, or as a message that holds such text.
fn may_name(scrub: &Scrub<'_>, bytes: &[u8], depth: usize) -> bool {
    if scrub.is_named_in_bytes(bytes) {
        return true;
    }
    if depth > MAX_GUESSES {
        return false;
    }
    // Read as a message, a text no longer sticks to the length before it.
    fields(bytes).flatten().any(|field| match field.value {
        Value::Bytes(inner) => may_name(scrub, inner, depth + 1),
        _ => false,
    })
}
