//! Text → wire message.

use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};

use super::advice::advise;
use super::locate::Position;
use crate::model::bound;
use crate::wire::config::v1 as wire;

/// Why a text is no manifest.
pub(super) struct Fault {
    pub(super) position: Option<Position>,
    pub(super) message: String,
}

impl Fault {
    fn at_start(message: impl Into<String>) -> Self {
        Self { position: Some(Position { line: 1, column: 1 }), message: message.into() }
    }
}

pub(super) fn parse(text: &str) -> Result<wire::Manifest, Fault> {
    if !bound::MANIFEST_BYTES.contains(text.len() as u64) {
        return Err(Fault {
            position: None,
            message: format!("a manifest is {}", bound::MANIFEST_BYTES.range()),
        });
    }
    if text.trim_start().starts_with('{') { json(text) } else { yaml(text) }
}

fn json(text: &str) -> Result<wire::Manifest, Fault> {
    let fault = |error: serde_json::Error| {
        let place = Position { line: error.line(), column: error.column().max(1) };
        let message = error.to_string();
        // serde_json appends the place, which stands in front here.
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(text, _)| text).to_owned();
        Fault { position: (place.line > 0).then_some(place), message: advise(&message) }
    };
    // The generated code refuses a repeated field but not a repeated map key.
    serde_json::from_str::<Unique>(text).map_err(fault)?;
    serde_json::from_str(text).map_err(fault)
}

fn yaml(text: &str) -> Result<wire::Manifest, Fault> {
    let options = serde_saphyr::options! {
        duplicate_keys: serde_saphyr::options::DuplicateKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        with_snippet: false,
    };
    if text.lines().all(|line| line.trim().is_empty() || line.trim_start().starts_with('#') || line == "---")
    {
        return Err(Fault::at_start("the manifest is empty"));
    }
    serde_saphyr::from_str_with_options(text, options).map_err(|error| {
        let position = error.location().and_then(Position::of);
        let options = serde_saphyr::render_options! {
            formatter: &serde_saphyr::UserMessageFormatter,
            snippets: serde_saphyr::SnippetMode::Off,
        };
        Fault {
            position,
            message: advise(&without_place(&error.without_snippet().render_with_options(options))),
        }
    })
}

/// The renderer puts the place at the end or the beginning of its sentence; it stands elsewhere here.
fn without_place(message: &str) -> String {
    let message = message.split('\n').next().unwrap_or_default();
    let message = message.strip_prefix("error: ").unwrap_or(message);
    let after_place =
        message.strip_prefix("line ").and_then(|rest| rest.split_once(": ")).map(|(_, text)| text);
    let message = after_place.unwrap_or(message);
    message.rsplit_once(" at line ").map_or(message, |(text, _)| text).to_owned()
}

/// Accepts any JSON in which no object has a key twice.
struct Unique;

impl<'de> Deserialize<'de> for Unique {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(UniqueVisitor)
    }
}

struct UniqueVisitor;

macro_rules! scalars {
    ($($method:ident: $type:ty),*) => {
        $(fn $method<E>(self, _: $type) -> Result<Unique, E> { Ok(Unique) })*
    };
}

impl<'de> Visitor<'de> for UniqueVisitor {
    type Value = Unique;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("JSON")
    }

    scalars!(visit_bool: bool, visit_i64: i64, visit_u64: u64, visit_f64: f64, visit_str: &str);

    fn visit_unit<E>(self) -> Result<Unique, E> {
        Ok(Unique)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Unique, A::Error> {
        while items.next_element::<Unique>()?.is_some() {}
        Ok(Unique)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Unique, A::Error> {
        let mut seen = std::collections::BTreeSet::new();
        while let Some(key) = fields.next_key::<String>()? {
            if seen.contains(&key) {
                return Err(A::Error::custom(format!("duplicate key {key:?}")));
            }
            seen.insert(key);
            fields.next_value::<Unique>()?;
        }
        Ok(Unique)
    }
}
