//! The last look over a JSON card: no address of the agent's own servers is left in any string or member name.

use super::interface::Named;
use super::invalid;
use super::object::{Edit, Object, array, elements, is_spelling_of, quote};
use super::rewrite::CardRewrite;
use super::scrub::{Fate, Scrub, Scrubbed};
use crate::error::GatewayError;

/// Deepest nesting of a card, in levels.
const MAX_CARD_DEPTH: usize = 100;

/// Required members of cards: removing their text would make them unreadable for strict clients.
const REQUIRED: [&str; 7] =
    ["provider", "skills", "name", "description", "version", "url", "supportedInterfaces"];

/// Links that a card does without.
const OPTIONAL_LINKS: [&str; 2] = ["documentationUrl", "iconUrl"];

pub(super) struct Sweep<'a>(Scrub<'a>);

impl<'a> Sweep<'a> {
    pub(super) fn new(policy: &CardRewrite<'a>, named: &[Named]) -> Self {
        Self(Scrub::new(policy, named.iter().map(|named| named.url.as_str())))
    }

    pub(super) fn card(&self, card: &mut Object<'_>) -> Result<(), GatewayError> {
        card.try_edit(|name, value| {
            let is_required = REQUIRED.iter().any(|required| is_spelling_of(name, required));
            let fate = if is_required { Fate::Replace } else { Fate::Remove };
            if is_spelling_of(name, "capabilities") {
                return self.capabilities(value);
            }
            self.member(name, value, fate, 1)
        })
    }

    /// The `uri` of an extension is an identifier, never an address.
    fn capabilities(&self, json: &str) -> Result<Option<Edit>, GatewayError> {
        if !json.starts_with('{') {
            return self.value(json, Fate::Remove, 1);
        }
        let mut capabilities = Object::parse(json)?;
        capabilities.try_edit(|name, value| {
            if name != "extensions" || !value.starts_with('[') {
                return self.member(name, value, Fate::Remove, 2);
            }
            let mut changed = Vec::new();
            for extension in elements(value)? {
                changed.push(self.extension(extension)?);
            }
            Ok(Some(Edit::Change(array(&changed))))
        })?;
        Ok(Some(Edit::Change(capabilities.to_json())))
    }

    fn extension(&self, json: &str) -> Result<String, GatewayError> {
        if !json.starts_with('{') {
            return Ok(json.to_owned());
        }
        let mut extension = Object::parse(json)?;
        extension.try_edit(|name, value| match name {
            "uri" => Ok(Some(Edit::Keep)),
            _ => self.member(name, value, Fate::Remove, 4),
        })?;
        Ok(extension.to_json())
    }

    fn member(
        &self,
        name: &str,
        value: &str,
        fate: Fate,
        depth: usize,
    ) -> Result<Option<Edit>, GatewayError> {
        if self.0.is_named_in(name) {
            return Ok(None);
        }
        self.value(value, fate, depth)
    }

    /// What holds no address keeps its text, white space included.
    fn value(&self, json: &str, fate: Fate, depth: usize) -> Result<Option<Edit>, GatewayError> {
        match json.as_bytes().first() {
            Some(b'{') => {
                check_depth(depth)?;
                let mut object = Object::parse(json)?;
                let mut is_changed = false;
                object.try_edit(|name, value| {
                    let is_link = OPTIONAL_LINKS.iter().any(|link| is_spelling_of(name, link));
                    let fate = if is_link { Fate::Remove } else { fate };
                    let edit = self.member(name, value, fate, depth + 1)?;
                    is_changed |= edit != Some(Edit::Keep);
                    Ok(edit)
                })?;
                Ok(Some(if is_changed { Edit::Change(object.to_json()) } else { Edit::Keep }))
            }
            Some(b'[') => {
                check_depth(depth)?;
                let mut is_changed = false;
                let mut kept = Vec::new();
                for element in elements(json)? {
                    let edit = self.value(element, fate, depth + 1)?;
                    is_changed |= edit != Some(Edit::Keep);
                    match edit {
                        Some(Edit::Keep) => kept.push(element.to_owned()),
                        Some(Edit::Change(changed)) => kept.push(changed),
                        None => {}
                    }
                }
                Ok(Some(if is_changed { Edit::Change(array(&kept)) } else { Edit::Keep }))
            }
            Some(b'"') => Ok(self.string(json, fate)),
            _ => Ok(Some(Edit::Keep)),
        }
    }

    fn string(&self, json: &str, fate: Fate) -> Option<Edit> {
        // Half a surrogate pair is no text; what stands around it is.
        let text = serde_json::from_str::<String>(json).unwrap_or_else(|_| json.replace('\\', ""));
        match self.0.text(&text, fate) {
            Scrubbed::Keep => Some(Edit::Keep),
            Scrubbed::Change(changed) => Some(Edit::Change(quote(&changed))),
            Scrubbed::Remove => None,
        }
    }
}

/// # Errors
/// When a card is nested too deeply to be looked through.
pub(super) fn check_depth(depth: usize) -> Result<(), GatewayError> {
    if depth > MAX_CARD_DEPTH { Err(invalid("It is nested more deeply than 100 levels.")) } else { Ok(()) }
}
