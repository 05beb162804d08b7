//! Where a message names the skill that it asks for.

use std::fmt;
use std::sync::Arc;

use super::violation::{FieldPath, Violations};
use super::{bound, check};
use crate::wire::config::v1 as wire;

/// A JSON pointer (RFC 6901) to something inside a document.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct JsonPointer {
    text: Arc<str>,
    tokens: Vec<Arc<str>>,
}

/// Where a message names its skill. At least one place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkillSelector {
    /// Inside the message's `metadata`.
    pub message_metadata: Vec<JsonPointer>,
    /// Inside the `data` of each data part.
    pub data_parts: Vec<JsonPointer>,
}

impl JsonPointer {
    /// Reads a pointer.
    ///
    /// # Errors
    ///
    /// One violation at `at`: no leading slash, an escape other than `~0` and `~1`, too long, or the empty pointer, which
    /// names the whole document.
    pub fn parse(text: &str, at: &FieldPath) -> Result<Self, Violations> {
        let refuse = |reason: &str| Violations::one(at.clone(), "INVALID_POINTER", reason);
        if !bound::SKILL_POINTER.contains(text.len() as u64) {
            return Err(refuse(&format!("must have {}", bound::SKILL_POINTER.range())));
        }
        let Some(rest) = text.strip_prefix('/') else {
            return Err(refuse("must begin with a slash: \"/skill\" (RFC 6901)"));
        };
        let tokens: Option<Vec<Arc<str>>> = rest.split('/').map(unescape).collect();
        match tokens {
            Some(tokens) => Ok(Self { text: text.into(), tokens }),
            None => Err(refuse("may have ~ only as ~0, which is a ~, and ~1, which is a / (RFC 6901)")),
        }
    }

    /// The names to follow, from the outermost on; never empty.
    #[must_use]
    pub fn tokens(&self) -> &[Arc<str>] {
        &self.tokens
    }
}

impl fmt::Display for JsonPointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// A token as the member name that it stands for.
fn unescape(token: &str) -> Option<Arc<str>> {
    let mut parts = token.split('~');
    let mut name = parts.next()?.to_owned();
    for part in parts {
        name.push(match part.as_bytes().first()? {
            b'0' => '~',
            b'1' => '/',
            _ => return None,
        });
        name.push_str(part.get(1..)?);
    }
    Some(name.into())
}

impl SkillSelector {
    pub(crate) fn from_wire(wire: wire::SkillSelector, at: &FieldPath, wrong: &mut Violations) -> Self {
        let wire::SkillSelector { message_metadata, data_parts } = wire;
        if message_metadata.is_empty() && data_parts.is_empty() {
            wrong.push(at.clone(), "REQUIRED", "must name a place: messageMetadata: [/skill]");
        }
        let mut pointers = |list: &[String], field: &str| {
            let at = at.field(field);
            check::count(list.len(), &bound::SKILL_POINTERS, &at, wrong);
            let parse =
                |(index, text): (usize, &String)| wrong.collect(JsonPointer::parse(text, &at.index(index)));
            let pointers: Vec<JsonPointer> = list.iter().enumerate().filter_map(parse).collect();
            check::unique(&pointers, &at, wrong);
            pointers
        };
        let message_metadata = pointers(&message_metadata, "message_metadata");
        let data_parts = pointers(&data_parts, "data_parts");
        Self { message_metadata, data_parts }
    }
}

#[cfg(test)]
mod tests;
