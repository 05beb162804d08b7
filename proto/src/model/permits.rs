//! Which operations and skills a plan opens.

use std::sync::Arc;

use super::violation::{FieldPath, Violations};
use super::{bound, check};

/// The canonical names of the operations (A2A 1.0 §5.3), in the order of the specification.
pub const OPERATIONS: [&str; 11] = [
    "SendMessage",
    "SendStreamingMessage",
    "GetTask",
    "ListTasks",
    "CancelTask",
    "SubscribeToTask",
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
    "GetExtendedAgentCard",
];

/// What a plan allows of an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Permits {
    /// Operations that may be called, each one of [`OPERATIONS`] and in their order. Empty: all, unknown ones too.
    pub operations: Vec<&'static str>,
    /// Ids of the skills that may be asked for, each once. Empty: all.
    pub skills: Vec<Arc<str>>,
}

impl Permits {
    pub(crate) fn from_wire(
        operations: &[String],
        skills: Vec<String>,
        at: &FieldPath,
        wrong: &mut Violations,
    ) -> Self {
        let skills_at = at.field("skills");
        check::count(skills.len(), &bound::SKILLS, &skills_at, wrong);
        let skill = |(index, id)| check::text(id, &bound::SKILL, &skills_at.index(index), wrong);
        let skills: Vec<Arc<str>> = skills.into_iter().enumerate().filter_map(skill).map(Arc::from).collect();
        check::unique(&skills, &skills_at, wrong);
        Self { operations: known_operations(operations, &at.field("operations"), wrong), skills }
    }
}

fn known_operations(names: &[String], at: &FieldPath, wrong: &mut Violations) -> Vec<&'static str> {
    for (index, name) in names.iter().enumerate() {
        if !OPERATIONS.contains(&name.as_str()) {
            wrong.push(at.index(index), "UNKNOWN_OPERATION", advice(name));
        }
    }
    check::unique(names, at, wrong);
    OPERATIONS.into_iter().filter(|known| names.iter().any(|name| name == known)).collect()
}

/// What to write instead of a name that is no operation's.
fn advice(name: &str) -> String {
    let near = OPERATIONS.into_iter().find(|known| known.eq_ignore_ascii_case(name));
    match near {
        Some(known) => format!("is no operation; did you mean {known}?"),
        None => format!("is no operation; take the canonical names: {}", OPERATIONS.join(", ")),
    }
}

#[cfg(test)]
mod tests;
