//! The last look over a card: no address of the agent's own server is left in any string.
//!
//! A URL that means an interface becomes the public URL. Any other URL of the agent's server leads nowhere for callers,
//! since the gateway forwards no paths that it does not know: optional members that hold one are removed, and required
//! text gets the public URL in its place. Inside prose, the address alone is replaced.

use super::interface::Named;
use super::invalid;
use super::object::{Edit, Object, array, elements, is_spelling_of, quote};
use super::rewrite::CardRewrite;
use super::url::{Target, clean};
use crate::error::GatewayError;

/// Deepest nesting of a card, in levels.
const MAX_CARD_DEPTH: usize = 100;

pub(super) struct Sweep<'a> {
    /// Without those that share their address with the gateway: that one is public.
    targets: Vec<&'a Target>,
    public_url: &'a str,
    /// Paths of the interfaces, at each target.
    interface_paths: Vec<Option<String>>,
}

/// What becomes of a string that is nothing but an address of the agent's server.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Fate {
    Remove,
    Replace,
}

impl<'a> Sweep<'a> {
    pub(super) fn new(policy: &CardRewrite<'a>, named: &[Named]) -> Self {
        let interface_paths = named
            .iter()
            .flat_map(|named| policy.targets.iter().map(|target| target.path_of(&named.url)))
            .filter(Option::is_some)
            .collect();
        let is_hidden = |target: &&Target| !target.has_authority_of(policy.public_url);
        let targets = policy.targets.iter().filter(is_hidden).collect();
        Self { targets, public_url: policy.public_url, interface_paths }
    }

    pub(super) fn card(&self, card: &mut Object<'_>) -> Result<(), GatewayError> {
        card.try_edit(|name, value| {
            // Required text of cards: removing it would make them unreadable for strict clients.
            let required =
                ["provider", "skills", "name", "description", "version", "url", "supportedInterfaces"]
                    .iter()
                    .any(|required| is_spelling_of(name, required));
            let fate = if required { Fate::Replace } else { Fate::Remove };
            if is_spelling_of(name, "capabilities") {
                return self.capabilities(value);
            }
            self.value(value, fate, 1)
        })
    }

    /// The `uri` of an extension is an identifier, never an address.
    fn capabilities(&self, json: &str) -> Result<Option<Edit>, GatewayError> {
        if !json.starts_with('{') {
            return Ok(Some(Edit::Keep));
        }
        let mut capabilities = Object::parse(json)?;
        capabilities.try_edit(|name, value| {
            if name != "extensions" || !value.starts_with('[') {
                return self.value(value, Fate::Remove, 2);
            }
            let mut changed = Vec::new();
            for extension in elements(value)? {
                if !extension.starts_with('{') {
                    changed.push(extension.to_owned());
                    continue;
                }
                let mut extension = Object::parse(extension)?;
                extension.try_edit(|name, value| match name {
                    "uri" => Ok(Some(Edit::Keep)),
                    _ => self.value(value, Fate::Remove, 4),
                })?;
                changed.push(extension.to_json());
            }
            Ok(Some(Edit::Change(array(&changed))))
        })?;
        Ok(Some(Edit::Change(capabilities.to_json())))
    }

    fn value(&self, json: &str, fate: Fate, depth: usize) -> Result<Option<Edit>, GatewayError> {
        if !self.may_hold_address(json) {
            return Ok(Some(Edit::Keep));
        }
        check_depth(depth)?;
        match json.as_bytes().first() {
            Some(b'{') => {
                let mut object = Object::parse(json)?;
                object.try_edit(|name, value| {
                    let optional =
                        ["documentationUrl", "iconUrl"].iter().any(|url| is_spelling_of(name, url));
                    self.value(value, if optional { Fate::Remove } else { fate }, depth + 1)
                })?;
                Ok(Some(Edit::Change(object.to_json())))
            }
            Some(b'[') => {
                let mut kept = Vec::new();
                for element in elements(json)? {
                    match self.value(element, fate, depth + 1)? {
                        Some(Edit::Keep) => kept.push(element.to_owned()),
                        Some(Edit::Change(changed)) => kept.push(changed),
                        None => {}
                    }
                }
                Ok(Some(Edit::Change(array(&kept))))
            }
            Some(b'"') => Ok(self.string(json, fate)),
            _ => Ok(Some(Edit::Keep)),
        }
    }

    fn string(&self, json: &str, fate: Fate) -> Option<Edit> {
        // Half a surrogate pair is no text, and no address either.
        let Ok(text) = serde_json::from_str::<String>(json) else { return Some(Edit::Keep) };
        let is_single_word = !clean(&text).contains(char::is_whitespace);
        if is_single_word && self.targets.iter().any(|target| target.is_named_by(&text)) {
            let is_interface = self.targets.iter().any(|target| {
                let path = target.path_of(&text);
                path.is_some() && self.interface_paths.contains(&path)
            });
            if self.is_public(&text) {
                return Some(Edit::Keep);
            }
            return match fate {
                Fate::Remove if !is_interface => None,
                _ => Some(Edit::Change(quote(self.public_url))),
            };
        }
        let cleaned = self.targets.iter().fold(text.clone(), |text, target| self.without(&text, target));
        Some(if cleaned == text { Edit::Keep } else { Edit::Change(quote(&cleaned)) })
    }

    /// A gateway and an agent may share a host in small set-ups; what the rewriting has just written stays.
    fn is_public(&self, text: &str) -> bool {
        text.starts_with(self.public_url.trim_end_matches('/'))
    }

    /// Replaces the target's address inside prose.
    fn without(&self, text: &str, target: &Target) -> String {
        let authority = format!("{}:{}", target.host(), target.port());
        let origin = target.origin();
        let public = self.public_url.trim_end_matches('/');
        let host = public.split_once("://").map_or(public, |(_, rest)| rest);
        let text = replace_ignoring_case(text, &origin, public);
        replace_ignoring_case(&text, &authority, host)
    }

    /// Cheap: most values of most cards hold neither an escape nor a host of the agent.
    fn may_hold_address(&self, json: &str) -> bool {
        if json.contains('\\') {
            return true;
        }
        let json = json.to_ascii_lowercase();
        self.targets.iter().any(|target| json.contains(target.host()))
            || ["localhost", "127.", "0.0.0.0", "[::"].iter().any(|own| json.contains(own))
    }
}

/// # Errors
/// When a card is nested too deeply to be looked through.
pub(super) fn check_depth(depth: usize) -> Result<(), GatewayError> {
    if depth > MAX_CARD_DEPTH { Err(invalid("It is nested more deeply than 100 levels.")) } else { Ok(()) }
}

/// Replaces `from` where it is not part of a longer host name or port.
fn replace_ignoring_case(text: &str, from: &str, to: &str) -> String {
    let lower = text.to_ascii_lowercase();
    let mut replaced = String::with_capacity(text.len());
    let mut done = 0;
    for (start, _) in lower.match_indices(from) {
        let end = start + from.len();
        let belongs = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'-';
        let before = lower.as_bytes()[..start].last().is_some_and(|byte| belongs(byte) || *byte == b'.');
        let after = lower.as_bytes().get(end).is_some_and(|byte| belongs(byte) || *byte == b':');
        if start < done || before || after {
            continue;
        }
        replaced.push_str(&text[done..start]);
        replaced.push_str(to);
        done = end;
    }
    replaced.push_str(&text[done..]);
    replaced
}
