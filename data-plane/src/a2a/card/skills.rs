//! The skills that a card shows: those that the plans concerned permit.

use std::sync::Arc;

use super::object::{Object, array, elements};
use super::rewrite::CardRewrite;
use crate::error::GatewayError;

/// Which skills a card shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum SkillFilter<'a> {
    /// All that the agent names.
    #[default]
    All,
    /// Those with one of these ids.
    Only(&'a [Arc<str>]),
}

impl SkillFilter<'_> {
    /// Whether a skill with this id shows.
    pub fn shows(&self, id: &str) -> bool {
        match self {
            Self::All => true,
            Self::Only(ids) => ids.iter().any(|shown| **shown == *id),
        }
    }
}

/// Removes what the plans do not permit; a skill without an id cannot be permitted.
pub(super) fn filter(card: &mut Object<'_>, policy: &CardRewrite<'_>) -> Result<(), GatewayError> {
    if policy.skills == SkillFilter::All {
        return Ok(());
    }
    let Some(skills) = card.get_set("skills")? else { return Ok(()) };
    let mut shown = Vec::new();
    for skill in elements(skills)? {
        let id = Object::parse(skill)?.get_text("id")?.map(|id| policy.skills.shows(&id));
        if id == Some(true) {
            shown.push(skill);
        }
    }
    let shown = array(&shown);
    card.set("skills", shown);
    Ok(())
}
