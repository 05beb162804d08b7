//! Agent cards in protobuf, served as callers may use them: the same edits as `a2a::card` makes in JSON.
//!
//! Fields that no rule names stay byte for byte, unknown ones too, with one exception: an unknown field that holds an
//! address of the agent's own server goes whole, since nobody can say what it is and where it could be cut.

use bytes::Bytes;
use thiserror::Error;

use super::message::{Edit, Message};
use super::method::Package;
use super::refuse::Refusal;
use super::schema::{CAPABILITIES, CARD_0_X, CARD_1_0, SKILL};
use crate::a2a::card::{CapabilitiesOff, CardRewrite, MAX_CARD_BYTES, Scrub, SkillFilter};
use crate::error::{Code, GatewayError};

mod interfaces;
mod security;
mod sweep;
#[cfg(test)]
mod tests;

/// `AgentCard.capabilities`, in both packages.
const CAPABILITIES_FIELD: u32 = 7;
/// `AgentCard.skills`, in both packages.
const SKILLS_FIELD: u32 = 12;
/// `AgentSkill.id`.
const SKILL_ID: u32 = 1;

/// Turns a message that is an AgentCard into the one to pass on.
///
/// # Errors
/// `InvalidAgentResponse` when it is no card: too large, not protobuf, a field that counts twice, or no interface left
/// that the gateway proxies.
pub fn rewrite(package: Package, card: &[u8], policy: &CardRewrite<'_>) -> Result<Bytes, GatewayError> {
    let served = served(package, card, policy).map_err(|error| {
        GatewayError::new(Code::InvalidAgentResponse).internal("card in protobuf").caused_by(error)
    })?;
    Ok(Bytes::from(served))
}

fn served(package: Package, bytes: &[u8], policy: &CardRewrite<'_>) -> Result<Vec<u8>, CardError> {
    if bytes.len() > MAX_CARD_BYTES {
        return Err(CardError::TooLarge);
    }
    let schema = match package {
        Package::V0 => &CARD_0_X,
        Package::V1 => &CARD_1_0,
    };
    let mut card = Message::parse(bytes, schema)?;
    let urls = interfaces::rewrite(package, &mut card, policy)?;
    card.remove(match package {
        Package::V0 => 17,
        Package::V1 => 13,
    });
    filter_skills(&mut card, policy.skills)?;
    security::declare(package, &mut card, policy)?;
    switch_off(package, &mut card, policy.capabilities_off)?;
    let scrub = Scrub::new(policy, urls.iter().map(String::as_str));
    sweep::card(&scrub, &mut card)?;
    Ok(card.encode())
}

fn filter_skills(card: &mut Message<'_>, filter: SkillFilter<'_>) -> Result<(), Refusal> {
    if filter == SkillFilter::All {
        return Ok(());
    }
    card.try_edit(|entry| {
        let Some(skill) = entry.bytes().filter(|_| entry.number == SKILLS_FIELD) else {
            return Ok(Edit::Keep);
        };
        let skill = Message::parse(skill, &SKILL)?;
        let shows = skill.text(SKILL_ID).is_some_and(|id| filter.shows(id));
        Ok(if shows { Edit::Keep } else { Edit::Drop })
    })
}

fn switch_off(package: Package, card: &mut Message<'_>, off: CapabilitiesOff) -> Result<(), Refusal> {
    if off.extended_card && package == Package::V0 {
        card.clear_flag(13);
    }
    let Some(capabilities) = card.all(CAPABILITIES_FIELD).last() else { return Ok(()) };
    let mut capabilities = Message::parse(capabilities, &CAPABILITIES)?;
    // The candidates of 1.0 had the extended card in 5.
    let extended = match package {
        Package::V0 => 5,
        Package::V1 => 4,
    };
    let switches = [(1, off.streaming), (2, off.push_notifications), (extended, off.extended_card)];
    if !switches.iter().any(|(number, is_off)| *is_off && capabilities.has(*number)) {
        return Ok(());
    }
    for (number, _) in switches.into_iter().filter(|(_, is_off)| *is_off) {
        capabilities.clear_flag(number);
    }
    let capabilities = capabilities.encode();
    card.set(CAPABILITIES_FIELD, capabilities);
    Ok(())
}

/// Why an agent's card cannot be passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Error)]
enum CardError {
    #[error("{0}")]
    Refused(Refusal),
    #[error("It is larger than 1 MiB.")]
    TooLarge,
    #[error("It names no address.")]
    NoAddress,
    #[error("It names no address that this gateway serves.")]
    NoneServed,
}

impl From<Refusal> for CardError {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}
