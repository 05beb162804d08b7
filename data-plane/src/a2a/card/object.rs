//! A JSON object as a list of members whose values stay raw text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, Visitor};
use serde_json::value::RawValue;

use super::super::text::Text;
use super::invalid;
use crate::error::GatewayError;

/// An object in its own order. Values are raw JSON text.
#[derive(Clone, Debug, Default)]
pub(in crate::a2a) struct Object<'a> {
    members: Vec<Member<'a>>,
}

#[derive(Clone, Debug)]
struct Member<'a> {
    name: Cow<'a, str>,
    value: Cow<'a, str>,
}

impl<'a> Object<'a> {
    /// Reads an object. A member named twice is refused: readers differ about which one counts.
    pub(in crate::a2a) fn parse(json: &'a str) -> Result<Self, GatewayError> {
        serde_json::from_str(json).map_err(|error| {
            let detail = match error.classify() {
                serde_json::error::Category::Data => "A part of it is not the JSON object that it should be.",
                _ => "It is not JSON.",
            };
            invalid(detail).caused_by(error)
        })
    }

    /// The raw value of the member of this name in camelCase, or in the snake_case that protobuf JSON also reads.
    ///
    /// # Errors
    /// When both spellings are present.
    pub(in crate::a2a) fn get(&self, name: &str) -> Result<Option<&str>, GatewayError> {
        let mut found = self.members.iter().filter(|member| is_spelling_of(&member.name, name));
        match (found.next(), found.next()) {
            (Some(_), Some(_)) => Err(invalid("A member is named twice, in two spellings.")),
            (member, _) => Ok(member.map(|member| &*member.value)),
        }
    }

    /// Like `get`, but null counts as absent.
    pub(in crate::a2a) fn get_set(&self, name: &str) -> Result<Option<&str>, GatewayError> {
        Ok(self.get(name)?.filter(|value| *value != "null"))
    }

    /// The text of a string member.
    pub(in crate::a2a) fn get_text(&self, name: &str) -> Result<Option<Cow<'_, str>>, GatewayError> {
        let Some(raw) = self.get_set(name)? else { return Ok(None) };
        let text = serde_json::from_str::<Text<'_>>(raw)
            .map_err(|error| invalid("A member that must be a string is not one.").caused_by(error))?;
        Ok(Some(text.0))
    }

    /// Whether a member of this name is there, null or not.
    pub(in crate::a2a) fn has(&self, name: &str) -> bool {
        self.members.iter().any(|member| is_spelling_of(&member.name, name))
    }

    /// Replaces the value of a member, whichever spelling it has, or appends it.
    pub(in crate::a2a) fn set(&mut self, name: &str, value: String) {
        let value = Cow::Owned(value);
        match self.members.iter_mut().find(|member| is_spelling_of(&member.name, name)) {
            Some(member) => member.value = value,
            None => self.members.push(Member { name: Cow::Owned(name.to_owned()), value }),
        }
    }

    /// Gives a member another name, in its place.
    pub(in crate::a2a) fn rename(&mut self, from: &str, to: &str) {
        if let Some(member) = self.members.iter_mut().find(|member| member.name == from) {
            member.name = Cow::Owned(to.to_owned());
        }
    }

    /// Removes a member in every spelling.
    pub(in crate::a2a) fn remove(&mut self, name: &str) {
        self.members.retain(|member| !is_spelling_of(&member.name, name));
    }

    /// Names and raw values, in order.
    pub(in crate::a2a) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.members.iter().map(|member| (&*member.name, &*member.value))
    }

    /// Changes values; a member for which `None` comes back is removed.
    pub(in crate::a2a) fn try_edit(
        &mut self,
        mut edit: impl FnMut(&str, &str) -> Result<Option<Edit>, GatewayError>,
    ) -> Result<(), GatewayError> {
        let mut kept = Vec::with_capacity(self.members.len());
        for mut member in self.members.drain(..) {
            match edit(&member.name, &member.value)? {
                Some(Edit::Keep) => kept.push(member),
                Some(Edit::Change(value)) => {
                    member.value = Cow::Owned(value);
                    kept.push(member);
                }
                None => {}
            }
        }
        self.members = kept;
        Ok(())
    }

    /// The object as JSON text.
    pub(in crate::a2a) fn to_json(&self) -> String {
        let size =
            self.members.iter().map(|member| member.name.len() + member.value.len() + 4).sum::<usize>();
        let mut json = String::with_capacity(size + 2);
        json.push('{');
        for (index, member) in self.members.iter().enumerate() {
            if index > 0 {
                json.push(',');
            }
            json.push_str(&quote(&member.name));
            json.push(':');
            json.push_str(&member.value);
        }
        json.push('}');
        json
    }
}

/// What becomes of a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::a2a) enum Edit {
    Keep,
    Change(String),
}

/// The raw elements of an array.
pub(in crate::a2a) fn elements(json: &str) -> Result<Vec<&str>, GatewayError> {
    let elements: Vec<&RawValue> = serde_json::from_str(json)
        .map_err(|error| invalid("A part of it is not the JSON array that it should be.").caused_by(error))?;
    Ok(elements.into_iter().map(RawValue::get).collect())
}

/// An array of raw elements.
pub(in crate::a2a) fn array<S: AsRef<str>>(elements: &[S]) -> String {
    let texts: Vec<&str> = elements.iter().map(AsRef::as_ref).collect();
    format!("[{}]", texts.join(","))
}

/// A JSON string.
pub(in crate::a2a) fn quote(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// Whether `name` is `camel`, or its snake_case.
pub(in crate::a2a) fn is_spelling_of(name: &str, camel: &str) -> bool {
    if name == camel {
        return true;
    }
    let mut rest = name.bytes();
    for byte in camel.bytes() {
        if byte.is_ascii_uppercase() {
            if rest.next() != Some(b'_') || rest.next() != Some(byte.to_ascii_lowercase()) {
                return false;
            }
        } else if rest.next() != Some(byte) {
            return false;
        }
    }
    rest.next().is_none()
}

impl<'de: 'a, 'a> Deserialize<'de> for Object<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(ObjectVisitor)
    }
}

struct ObjectVisitor;

impl<'de> Visitor<'de> for ObjectVisitor {
    type Value = Object<'de>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Object<'de>, A::Error> {
        let mut members: Vec<Member<'de>> = Vec::new();
        let mut names = std::collections::HashSet::new();
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if !names.insert(name.clone()) {
                return Err(A::Error::custom("a member is named twice"));
            }
            let value = Cow::Borrowed(map.next_value::<&'de RawValue>()?.get());
            members.push(Member { name, value });
        }
        Ok(Object { members })
    }
}
