//! What a card in protobuf says a caller has to present. The messages are alike in both packages.

use super::SKILLS_FIELD;
use crate::a2a::card::{CardRewrite, Scheme, SecurityDeclaration};
use crate::a2a::protobuf::message::{Edit, Message, put_bytes};
use crate::a2a::protobuf::method::Package;
use crate::a2a::protobuf::refuse::Refusal;
use crate::a2a::protobuf::schema::{
    Kind, REQUIREMENT, REQUIREMENT_ENTRY, SCHEME, SCHEME_ENTRY, SKILL, Schema,
};
use crate::a2a::protobuf::wire::{MAX_DEPTH, Malformed};

/// `AgentCard.security_schemes`.
const SCHEMES: u32 = 8;
/// `AgentCard.security_requirements`, `security` in 0.x.
const REQUIREMENTS: u32 = 9;
/// `AgentSkill.security_requirements`, `security` in 0.x.
const SKILL_REQUIREMENTS: u32 = 8;
/// `schemes` of a requirement.
const REQUIRED_SCHEMES: u32 = 1;
/// The key of an entry of a map.
const KEY: u32 = 1;
/// The value of an entry of a map.
const VALUE: u32 = 2;

/// Runs after the interfaces are rewritten.
pub(super) fn declare(
    package: Package,
    card: &mut Message<'_>,
    policy: &CardRewrite<'_>,
) -> Result<(), Refusal> {
    let SecurityDeclaration { keeps_own, alternatives } = policy.security;
    if *keeps_own {
        drop_unreachable(card, policy)?;
        // Where the agent demands nothing, "nothing" stays an alternative.
        if !alternatives.is_empty() && !card.has(REQUIREMENTS) {
            card.push(REQUIREMENTS, Vec::new());
        }
    } else {
        card.remove(SCHEMES);
        card.remove(REQUIREMENTS);
        edit_skills(card, |skill| {
            skill.remove(SKILL_REQUIREMENTS);
            Ok(())
        })?;
    }
    add(package, card, alternatives)
}

fn add(package: Package, card: &mut Message<'_>, alternatives: &[Scheme]) -> Result<(), Refusal> {
    let names: Vec<String> = alternatives.iter().map(Scheme::name).collect();
    card.try_edit(|entry| {
        let Some(scheme) = entry.bytes().filter(|_| entry.number == SCHEMES) else { return Ok(Edit::Keep) };
        let name = Message::parse(scheme, &SCHEME_ENTRY)?;
        let is_replaced = name.text(KEY).is_some_and(|name| names.iter().any(|own| own == name));
        Ok::<_, Refusal>(if is_replaced { Edit::Drop } else { Edit::Keep })
    })?;
    for (scheme, name) in alternatives.iter().zip(&names) {
        card.push(SCHEMES, entry(name, &encoded(package, scheme)));
        let mut requirement = Vec::new();
        put_bytes(REQUIRED_SCHEMES, &entry(name, &[]), &mut requirement);
        card.push(REQUIREMENTS, requirement);
    }
    Ok(())
}

/// An entry of a map from names to messages.
fn entry(name: &str, value: &[u8]) -> Vec<u8> {
    let mut entry = Vec::new();
    put_bytes(KEY, name.as_bytes(), &mut entry);
    put_bytes(VALUE, value, &mut entry);
    entry
}

/// A SecurityScheme.
fn encoded(package: Package, scheme: &Scheme) -> Vec<u8> {
    let mut inner = Vec::new();
    let number = match scheme {
        Scheme::ApiKeyHeader { header } => {
            put_bytes(2, b"header", &mut inner);
            put_bytes(3, header.as_bytes(), &mut inner);
            1
        }
        Scheme::Bearer { format } => {
            let name: &[u8] = match package {
                Package::V0 => b"bearer",
                Package::V1 => b"Bearer",
            };
            put_bytes(2, name, &mut inner);
            if let Some(format) = format {
                put_bytes(3, format.as_bytes(), &mut inner);
            }
            2
        }
    };
    let mut scheme = Vec::new();
    put_bytes(number, &inner, &mut scheme);
    scheme
}

fn edit_skills(
    card: &mut Message<'_>,
    mut edit: impl FnMut(&mut Message<'_>) -> Result<(), Refusal>,
) -> Result<(), Refusal> {
    card.try_edit(|entry| {
        let Some(skill) = entry.bytes().filter(|_| entry.number == SKILLS_FIELD) else {
            return Ok(Edit::Keep);
        };
        let mut skill = Message::parse(skill, &SKILL)?;
        if !skill.has(SKILL_REQUIREMENTS) {
            return Ok(Edit::Keep);
        }
        edit(&mut skill)?;
        Ok(Edit::Change(skill.encode()))
    })
}

/// A scheme whose token server is the agent's own server cannot be used through the gateway: it goes, and with it
/// every alternative that needs it.
fn drop_unreachable(card: &mut Message<'_>, policy: &CardRewrite<'_>) -> Result<(), Refusal> {
    let mut gone: Vec<String> = Vec::new();
    card.try_edit(|entry| {
        let Some(bytes) = entry.bytes().filter(|_| entry.number == SCHEMES) else { return Ok(Edit::Keep) };
        let scheme = Message::parse(bytes, &SCHEME_ENTRY)?;
        for value in scheme.all(VALUE) {
            if names_target(value, &SCHEME, policy, 0)? {
                gone.extend(scheme.text(KEY).map(ToOwned::to_owned));
                return Ok(Edit::Drop);
            }
        }
        Ok::<_, Refusal>(Edit::Keep)
    })?;
    if gone.is_empty() {
        return Ok(());
    }
    drop_requirements(card, REQUIREMENTS, &gone)?;
    edit_skills(card, |skill| drop_requirements(skill, SKILL_REQUIREMENTS, &gone))
}

fn drop_requirements(holder: &mut Message<'_>, list: u32, gone: &[String]) -> Result<(), Refusal> {
    holder.try_edit(|entry| {
        let Some(requirement) = entry.bytes().filter(|_| entry.number == list) else { return Ok(Edit::Keep) };
        let requirement = Message::parse(requirement, &REQUIREMENT)?;
        for scheme in requirement.all(REQUIRED_SCHEMES) {
            let scheme = Message::parse(scheme, &REQUIREMENT_ENTRY)?;
            if scheme.text(KEY).is_some_and(|name| gone.iter().any(|gone| gone == name)) {
                return Ok(Edit::Drop);
            }
        }
        Ok(Edit::Keep)
    })
}

/// Whether a text other than a description is a URL of the agent's own server.
fn names_target(
    bytes: &[u8],
    schema: &'static Schema,
    policy: &CardRewrite<'_>,
    depth: usize,
) -> Result<bool, Refusal> {
    if depth > MAX_DEPTH {
        return Err(Malformed::TooDeep.into());
    }
    let message = Message::parse(bytes, schema)?;
    for place in schema.fields {
        for bytes in message.all(place.number) {
            let names = match place.kind {
                Kind::Text(_) => {
                    let text = std::str::from_utf8(bytes).map_err(|_| Refusal::NotText)?;
                    policy.names_target(text)
                }
                Kind::Message(inner) => names_target(bytes, inner, policy, depth + 1)?,
                Kind::Prose(_) | Kind::Key | Kind::Identifier | Kind::Flag => false,
            };
            if names {
                return Ok(true);
            }
        }
    }
    Ok(false)
}
