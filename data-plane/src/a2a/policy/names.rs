//! Every task and context that params name, wherever any version or server has them.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::text::{Text, fold, string};
use crate::error::{Code, GatewayError};

/// The tasks and contexts that a call names besides where its operation has them. Empty ones are left out.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Names<'a> {
    /// `taskId` and `referenceTaskIds`.
    pub tasks: Vec<Cow<'a, str>>,
    /// `contextId` and `sessionId`.
    pub contexts: Vec<Cow<'a, str>>,
    /// `name` and `parent` of 0.3's protocol buffers: `tasks/{id}` and what follows.
    pub resources: Vec<Cow<'a, str>>,
    /// `id` of the params themselves, whatever it names.
    pub id: Option<Cow<'a, str>>,
}

pub(super) fn read(params: &str) -> Result<Names<'_>, GatewayError> {
    let mut names = Names::default();
    let mut reader = serde_json::Deserializer::from_str(params);
    Walk { names: &mut names, is_top: true }.deserialize(&mut reader).map_err(|error| {
        GatewayError::new(Code::InvalidParams)
            .detail("The id of a task or a context must be a text.")
            .caused_by(error)
    })?;
    Ok(names)
}

/// Walks a value and takes the names that it finds.
struct Walk<'n, 'a> {
    names: &'n mut Names<'a>,
    /// Whether it is params themselves.
    is_top: bool,
}

impl<'de> DeserializeSeed<'de> for Walk<'_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Walk<'_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        let names = self.names;
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            match fold(&name).as_str() {
                "metadata" | "parts" | "content" | "extensions" | "authentication" => {
                    map.next_value::<IgnoredAny>()?;
                }
                "taskid" => names.tasks.extend(text::<A::Error>(map.next_value()?)?),
                "referencetaskids" => {
                    let listed = map.next_value::<Option<Vec<&'de RawValue>>>()?;
                    for raw in listed.unwrap_or_default() {
                        names.tasks.extend(text::<A::Error>(raw)?);
                    }
                }
                "contextid" | "sessionid" => names.contexts.extend(text::<A::Error>(map.next_value()?)?),
                "name" | "parent" => names.resources.extend(text::<A::Error>(map.next_value()?)?),
                "id" if self.is_top => names.id = text::<A::Error>(map.next_value()?)?,
                _ => map.next_value_seed(Walk { names: &mut *names, is_top: false })?,
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let names = self.names;
        while items.next_element_seed(Walk { names: &mut *names, is_top: false })?.is_some() {}
        Ok(())
    }

    pass_over_scalars!();
}

fn text<'a, E: Error>(value: &'a RawValue) -> Result<Option<Cow<'a, str>>, E> {
    match value.get() {
        "null" => Ok(None),
        raw => match string(raw) {
            Some(text) => Ok(Some(text).filter(|text| !text.is_empty())),
            None => Err(E::custom("an id that is no text")),
        },
    }
}

#[cfg(test)]
mod tests;
