//! The skill that a message names, at the places that its agent declares.
//!
//! The message is `message`, or `request` in protobuf JSON of 0.3. Its parts are `parts`, or there `content`, where the
//! data of a part lies one level deeper. All of them are read: a message that names two skills in two dialects names two.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;
use signalbox_proto::model::pointer::{JsonPointer, SkillSelector};

use super::super::text::{Text, fold, is_plain};
use super::pointer::{Follow, Paths};
use crate::error::{Code, GatewayError};

pub(super) fn read<'a>(params: &'a str, selector: &SkillSelector) -> Result<Vec<Cow<'a, str>>, GatewayError> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(params);
    let walk = Walk { selector, found: &mut found, place: Place::Params };
    walk.deserialize(&mut reader).map_err(|error| {
        GatewayError::new(Code::UnsupportedOperation)
            .detail("The plan opens some skills only: name the skill as a text where the agent says.")
            .caused_by(error)
    })?;
    Ok(found)
}

/// Which object is read.
#[derive(Clone, Copy)]
enum Place {
    Params,
    Message,
    /// Of protobuf JSON of 0.3, in `content`.
    NestedPart,
    Part,
}

struct Walk<'s, 'f, 'a> {
    selector: &'s SkillSelector,
    found: &'f mut Vec<Cow<'a, str>>,
    place: Place,
}

impl<'s, 'a> Walk<'s, '_, 'a> {
    fn at(&mut self, place: Place) -> Walk<'s, '_, 'a> {
        Walk { selector: self.selector, found: &mut *self.found, place }
    }

    fn follow(&mut self, pointers: &'s [JsonPointer]) -> Follow<'s, '_, 'a> {
        let paths: Paths<'s> = pointers.iter().map(JsonPointer::tokens).collect();
        Follow { paths, found: &mut *self.found }
    }
}

impl<'de> DeserializeSeed<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut map: A) -> Result<(), A::Error> {
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            match (self.place, &*known(&name)) {
                (Place::Params, "message" | "request") => map.next_value_seed(self.at(Place::Message))?,
                (Place::Message, "metadata") => {
                    map.next_value_seed(self.follow(&self.selector.message_metadata))?;
                }
                (Place::Message, "parts") => map.next_value_seed(self.at(Place::Part))?,
                (Place::Message, "content") => map.next_value_seed(self.at(Place::NestedPart))?,
                (Place::Part, "data") => map.next_value_seed(self.follow(&self.selector.data_parts))?,
                (Place::NestedPart, "data") => {
                    let raw = map.next_value::<&'de RawValue>()?;
                    self.nested(raw.get()).map_err(serde::de::Error::custom)?;
                }
                _ => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(())
    }

    /// The parts, each of which is read as this place says.
    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let place = self.place;
        while items.next_element_seed(self.at(place))?.is_some() {}
        Ok(())
    }

    pass_over_scalars!();
}

impl<'a> Walk<'_, '_, 'a> {
    /// The data of a part in `content`: that of its member `data`, and for servers that read it as 1.0 does its own.
    fn nested(&mut self, raw: &'a str) -> serde_json::Result<()> {
        self.at(Place::Part).deserialize(&mut serde_json::Deserializer::from_str(raw))?;
        self.follow(&self.selector.data_parts).deserialize(&mut serde_json::Deserializer::from_str(raw))
    }
}

/// The names that lead to a skill.
const KNOWN: [&str; 6] = ["message", "request", "metadata", "parts", "content", "data"];

/// A member name as the most lenient reader compares it, where it is one of `KNOWN`. Written out for odd names alone.
fn known(name: &str) -> Cow<'_, str> {
    if !is_plain(name) {
        return Cow::Owned(fold(name));
    }
    let found = KNOWN.into_iter().find(|known| name.eq_ignore_ascii_case(known));
    Cow::Borrowed(found.unwrap_or(name))
}
