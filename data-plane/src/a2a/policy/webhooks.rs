//! Every URL in params that is not part of the message or of metadata.
//!
//! Webhooks stand in many places: `configuration.taskPushNotificationConfig.url` (1.0), `pushNotificationConfig.url` and
//! `config.pushNotificationConfig.url` (0.3, alone and in protobuf JSON), `pushNotification.url` (0.1), `url` (1.0,
//! alone), each in snake_case too. No other member of params holds a `url`, so all of them are taken, wherever they are.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::super::text::{Text, fold, is_plain, string};
use crate::error::{Code, GatewayError};

pub(super) fn read(params: &str) -> Result<Vec<Cow<'_, str>>, GatewayError> {
    let mut found = Vec::new();
    let mut reader = serde_json::Deserializer::from_str(params);
    Walk { found: &mut found, depth: 0 }.deserialize(&mut reader).map_err(|error| {
        GatewayError::new(Code::WebhookNotAllowed)
            .detail("The URL of a webhook must be a text, and its configuration an object.")
            .caused_by(error)
    })?;
    Ok(found)
}

/// Walks a value and takes the URLs that it finds.
struct Walk<'f, 'a> {
    found: &'f mut Vec<Cow<'a, str>>,
    /// Of the value inside params, which are at 0.
    depth: usize,
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
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            if is_payload(&name, self.depth) {
                map.next_value::<IgnoredAny>()?;
            } else if is_url(&name) {
                self.found.extend(url::<A::Error>(map.next_value()?)?);
            } else {
                map.next_value_seed(Walk { found: &mut *self.found, depth: self.depth + 1 })?;
            }
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Walk { found: &mut *self.found, depth: self.depth + 1 })?.is_some() {}
        Ok(())
    }

    pass_over_scalars!();
}

/// The message (in protobuf JSON of 0.3 also `request`) and metadata are the caller's own. Other spellings than these
/// are looked into.
fn is_payload(name: &str, depth: usize) -> bool {
    match depth {
        0 => matches!(name, "message" | "request" | "metadata"),
        _ => false,
    }
}

fn is_url(name: &str) -> bool {
    if is_plain(name) { name.eq_ignore_ascii_case("url") } else { fold(name) == "url" }
}

fn url<'a, E: Error>(value: &'a RawValue) -> Result<Option<Cow<'a, str>>, E> {
    match value.get() {
        "null" => Ok(None),
        raw => match string(raw) {
            Some(url) => Ok(Some(url).filter(|url| !url.is_empty())),
            None => Err(E::custom("a url that is no text")),
        },
    }
}
