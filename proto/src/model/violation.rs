//! What is wrong with a message, field by field.

use std::fmt;

/// Where in a message a field is: `agents[2].upstreams[0].url`, in the .proto files' spelling.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath(String);

impl FieldPath {
    /// The message itself.
    #[must_use]
    pub fn root() -> Self {
        Self::default()
    }

    /// The path of `field` inside this one.
    #[must_use]
    pub fn field(&self, field: &str) -> Self {
        if self.0.is_empty() { Self(field.to_owned()) } else { Self(format!("{}.{field}", self.0)) }
    }

    /// The path of the element at `index` of the repeated field that this names.
    #[must_use]
    pub fn index(&self, index: usize) -> Self {
        Self(format!("{}[{index}]", self.0))
    }

    /// The path of the value at `key` of the map field that this names.
    #[must_use]
    pub fn key(&self, key: &str) -> Self {
        Self(format!("{}[{key:?}]", self.0))
    }

    /// The path of what `inner` names inside the message that this names.
    #[must_use]
    pub fn join(&self, inner: &Self) -> Self {
        match (self.0.is_empty(), inner.0.is_empty()) {
            (true, _) => inner.clone(),
            (_, true) => self.clone(),
            _ => Self(format!("{self}.{inner}")),
        }
    }

    /// The path as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for FieldPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One thing that is wrong with one field.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field.
    pub field: FieldPath,
    /// UPPER_SNAKE_CASE for programs: `REQUIRED`, `OUT_OF_RANGE`.
    pub reason: &'static str,
    /// A sentence for people that says what to write instead; lower case, no full stop.
    pub description: String,
}

/// Everything that is wrong with a message; never empty when returned as an error.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
#[error("{}", self.summary())]
pub struct Violations(Vec<Violation>);

impl Violations {
    /// Nothing wrong yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// One violation.
    #[must_use]
    pub fn one(field: FieldPath, reason: &'static str, description: impl Into<String>) -> Self {
        Self(vec![Violation { field, reason, description: description.into() }])
    }

    /// Notes a violation and goes on, so that the caller learns of all of them at once.
    pub fn push(&mut self, field: FieldPath, reason: &'static str, description: impl Into<String>) {
        self.0.push(Violation { field, reason, description: description.into() });
    }

    /// Takes over the violations of a part.
    pub fn extend(&mut self, other: Self) {
        self.0.extend(other.0);
    }

    /// The value of a part, or its violations noted.
    pub fn collect<T>(&mut self, part: Result<T, Self>) -> Option<T> {
        part.map_err(|violations| self.extend(violations)).ok()
    }

    /// Each violation, in the order in which it was found.
    pub fn iter(&self) -> impl Iterator<Item = &Violation> {
        self.0.iter()
    }

    /// Whether nothing is wrong.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// `value` if nothing was wrong.
    ///
    /// # Errors
    ///
    /// The violations, if there are any, or if `value` is absent although none was noted.
    pub fn or_value<T>(self, value: Option<T>) -> Result<T, Self> {
        match value {
            Some(value) if self.is_empty() => Ok(value),
            _ => Err(self),
        }
    }

    fn summary(&self) -> String {
        let parts: Vec<String> = self.0.iter().map(|v| format!("{}: {}", v.field, v.description)).collect();
        parts.join("; ")
    }
}
