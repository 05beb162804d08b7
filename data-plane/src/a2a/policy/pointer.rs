//! JSON pointers followed through a document in one pass, without building it.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use smallvec::SmallVec;

use super::super::text::Text;

/// What is left of pointers that lead here; one that has arrived is empty.
pub(super) type Paths<'p> = SmallVec<[&'p [Arc<str>]; 4]>;

/// Collects the texts that pointers lead to: a string, or the strings of an array. Null is nothing. Anything else is an
/// error, unless another pointer leads further into it.
pub(super) struct Follow<'p, 'f, 'a> {
    pub(super) paths: Paths<'p>,
    pub(super) found: &'f mut Vec<Cow<'a, str>>,
}

impl<'p> Follow<'p, '_, '_> {
    fn has_arrived(&self) -> bool {
        self.paths.iter().any(|path| path.is_empty())
    }

    fn goes_on(&self) -> bool {
        self.paths.iter().any(|path| !path.is_empty())
    }

    /// What is left of the pointers that go on by this name.
    fn below(&self, name: &str) -> Paths<'p> {
        let step = |path: &&'p [Arc<str>]| path.split_first().filter(|(first, _)| ***first == *name);
        self.paths.iter().filter_map(|path| step(path).map(|(_, rest)| rest)).collect()
    }

    fn nothing_but_text<E: Error>(&self) -> Result<(), E> {
        if self.has_arrived() && !self.goes_on() {
            return Err(E::custom("something else than a text or a list of texts"));
        }
        Ok(())
    }
}

impl<'de> DeserializeSeed<'de> for Follow<'_, '_, 'de> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.paths.is_empty() {
            return IgnoredAny::deserialize(deserializer).map(drop);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Follow<'_, '_, 'de> {
    type Value = ();

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("any JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        self.nothing_but_text()?;
        while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
            let paths = self.below(&name);
            map.next_value_seed(Follow { paths, found: &mut *self.found })?;
        }
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let takes_texts = self.has_arrived();
        let is_index = |path: &&[Arc<str>]| path.first().is_some_and(|first| is_index(first));
        let has_index = self.paths.iter().any(is_index);
        let mut index = 0_usize;
        loop {
            let paths = if has_index { self.below(itoa::Buffer::new().format(index)) } else { Paths::new() };
            if takes_texts && paths.is_empty() {
                let Some(Text(text)) = items.next_element()? else { return Ok(()) };
                self.found.push(text);
            } else if items.next_element_seed(Follow { paths, found: &mut *self.found })?.is_none() {
                return Ok(());
            }
            index += 1;
        }
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<(), E> {
        if self.has_arrived() {
            self.found.push(Cow::Borrowed(text));
        }
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        if self.has_arrived() {
            self.found.push(Cow::Owned(text.to_owned()));
        }
        Ok(())
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<(), E> {
        self.nothing_but_text()
    }

    fn visit_i64<E: Error>(self, _: i64) -> Result<(), E> {
        self.nothing_but_text()
    }

    fn visit_u64<E: Error>(self, _: u64) -> Result<(), E> {
        self.nothing_but_text()
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<(), E> {
        self.nothing_but_text()
    }
}

/// RFC 6901 §4: digits without leading zeros.
fn is_index(token: &str) -> bool {
    !token.is_empty()
        && token.bytes().all(|byte| byte.is_ascii_digit())
        && (token == "0" || !token.starts_with('0'))
}
