//! Which skills a plan opens.

use std::borrow::Cow;

use signalbox_proto::model::permits::Permits;

use crate::error::{Code, GatewayError};

/// Checks what a message names at the places where its agent looks for the skill. Naming one skill several times is
/// naming it once.
///
/// # Errors
/// `UnsupportedOperation` if it names none, several that differ, or one that the plan does not open.
pub fn check_skill(permits: &Permits, named: &[Cow<'_, str>]) -> Result<(), GatewayError> {
    if permits.skills.is_empty() {
        return Ok(());
    }
    let refuse = |detail: &str| Err(GatewayError::new(Code::UnsupportedOperation).detail(detail));
    let Some((first, others)) = named.split_first() else {
        return refuse("The plan opens some skills only: name the skill where the agent says.");
    };
    if others.iter().any(|other| other != first) {
        return refuse("The plan opens some skills only: name one skill, not several.");
    }
    if permits.skills.iter().any(|skill| **skill == **first) {
        return Ok(());
    }
    // The name is the caller's own text, and may be of any length.
    refuse("The plan does not open this skill.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(skills: &[&str], named: &[&str]) -> Option<Code> {
        let permits =
            Permits { operations: Vec::new(), skills: skills.iter().map(|&skill| skill.into()).collect() };
        let named: Vec<Cow<'_, str>> = named.iter().map(|&name| name.into()).collect();
        check_skill(&permits, &named).err().map(|error| error.code())
    }

    #[test]
    fn one_listed_skill_is_named() {
        let refused = Some(Code::UnsupportedOperation);
        assert_eq!(check(&["search", "book"], &["book"]), None);
        assert_eq!(check(&["search", "book"], &["book", "book"]), None);
        assert_eq!(check(&["search", "book"], &[]), refused);
        assert_eq!(check(&["search", "book"], &["book", "search"]), refused, "two, each listed");
        assert_eq!(check(&["search"], &["Search"]), refused);
        assert_eq!(check(&["search"], &[""]), refused);
        assert_eq!(check(&[], &["anything", "else"]), None);
    }
}
