//! The check for members named twice, held against a slow and simple one. Shared by the fuzz target and the replay of
//! its corpus.

use std::collections::HashSet;
use std::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use signalbox_data_plane::a2a::jsonrpc;
use signalbox_data_plane::error::Code;

/// What is accepted has no member twice; what is refused for that has two names that some reader takes for one.
pub(crate) fn check(data: &[u8]) {
    let refused = jsonrpc::classify(data).err().map(|refusal| refusal.error.code());
    let Ok(found) = serde_json::from_slice::<Found>(data) else { return };
    match refused {
        None => assert!(!found.is_twice),
        Some(Code::DuplicateKey) => assert!(found.is_alike),
        Some(_) => {}
    }
}

/// What is in a document.
#[derive(Clone, Copy, Default)]
struct Found {
    /// Two members of an object have the same name.
    is_twice: bool,
    /// Two members of an object have names that differ in case and underscores at most.
    is_alike: bool,
}

impl Found {
    fn and(&mut self, other: Self) {
        self.is_twice |= other.is_twice;
        self.is_alike |= other.is_alike;
    }
}

impl<'de> Deserialize<'de> for Found {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(FoundVisitor)
    }
}

struct FoundVisitor;

impl<'de> Visitor<'de> for FoundVisitor {
    type Value = Found;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Found, A::Error> {
        let (mut found, mut names, mut folded) = (Found::default(), HashSet::new(), HashSet::new());
        while let Some((name, value)) = map.next_entry::<String, Found>()? {
            found.and(value);
            found.is_alike |= !folded.insert(fold(&name));
            found.is_twice |= !names.insert(name);
        }
        Ok(found)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Found, A::Error> {
        let mut found = Found::default();
        while let Some(value) = seq.next_element::<Found>()? {
            found.and(value);
        }
        Ok(found)
    }

    fn visit_bool<E>(self, _: bool) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_str<E>(self, _: &str) -> Result<Found, E> {
        Ok(Found::default())
    }

    fn visit_unit<E>(self) -> Result<Found, E> {
        Ok(Found::default())
    }
}

/// As Go's `encoding/json` compares names, and without underscores.
fn fold(name: &str) -> String {
    let letters = name.chars().filter(|letter| *letter != '_');
    letters
        .map(|letter| match letter {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}
