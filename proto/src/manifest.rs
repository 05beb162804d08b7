//! Manifests as text: YAML or JSON in, the wire message out, and every complaint with its line.
//!
//! One language: the proto's JSON form, which YAML writes more briefly. Unknown fields, duplicate keys and unsupported
//! tags are refused. [`Document`] remembers the text, so that what is found wrong with a field later, here or by the
//! control plane, is shown where it is written.

mod advice;
mod excerpt;
mod locate;
mod parse;

use std::fmt;

use crate::model::violation::{FieldPath, Violations};
use crate::wire::config::v1 as wire;

pub use locate::Position;

/// A manifest and the text that it was read from.
#[derive(Clone, Debug)]
pub struct Document {
    /// The message.
    pub manifest: wire::Manifest,
    text: String,
}

/// Something wrong with a manifest, with the place in its text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// Where it is; `None` if the place cannot be told.
    pub position: Option<Position>,
    /// The field's path; empty for faults of the text itself.
    pub field: String,
    /// What is wrong, for people.
    pub message: String,
    /// The offending line with a caret below, ready to print; empty without a position.
    pub excerpt: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(position) = self.position {
            write!(f, "line {}, column {}: ", position.line, position.column)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        f.write_str(&self.message)
    }
}

/// Everything that is wrong with a manifest; never empty.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Problems(pub Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            write!(f, "{}{problem}", if index == 0 { "" } else { "\n" })?;
        }
        Ok(())
    }
}

impl Document {
    /// Reads a manifest: JSON if the text begins with a brace, else YAML.
    ///
    /// # Errors
    ///
    /// The first fault of the text, or the first field that the manifest does not have.
    pub fn parse(text: impl Into<String>) -> Result<Self, Problems> {
        let text = text.into();
        let manifest = parse::parse(&text).map_err(|fault| {
            let problem = Problem {
                excerpt: fault.position.map(|at| excerpt::excerpt(&text, at)).unwrap_or_default(),
                position: fault.position,
                field: String::new(),
                message: fault.message,
            };
            Problems(vec![problem])
        })?;
        Ok(Self { manifest, text })
    }

    /// Where the field at `path` is written, or the nearest of its parents that is.
    #[must_use]
    pub fn position(&self, path: &FieldPath) -> Option<Position> {
        locate::Map::new(&self.text)?.position(path.as_str())
    }

    /// Violations as problems with their places, in the order of the text.
    #[must_use]
    pub fn problems(&self, violations: &Violations) -> Problems {
        self.explain(violations.iter().map(|v| (v.field.as_str(), v.description.as_str())))
    }

    /// As [`Document::problems`], for field paths and descriptions that came over the wire.
    #[must_use]
    pub fn explain<'a>(&self, found: impl Iterator<Item = (&'a str, &'a str)>) -> Problems {
        let map = locate::Map::new(&self.text);
        let problem = |(field, description): (&str, &str)| {
            let position = map.as_ref().and_then(|map| map.position(field));
            Problem {
                position,
                field: field.to_owned(),
                message: description.to_owned(),
                excerpt: position.map(|at| excerpt::excerpt(&self.text, at)).unwrap_or_default(),
            }
        };
        let mut problems: Vec<Problem> = found.map(problem).collect();
        problems.sort_by_key(|problem| problem.position.map(|at| (at.line, at.column)));
        Problems(problems)
    }
}

#[cfg(test)]
mod tests;
