//! The rules of the code base, checked on every run of the continuous integration.
//!
//! Each rule is a pure function from sources (or from cargo's own description of the workspace) to violations, so that
//! its test can show it a violation. This module only collects: it reads the tree, runs the rules, prints.

mod docs;
mod functions;
mod modules;
mod names;
mod packages;
mod panics;
mod repository;
mod sizes;
mod source;

use std::fmt;

use anyhow::{Result, bail};

use crate::workspace;
use source::Source;

/// One broken rule at one place.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Violation {
    path: String,
    line: usize,
    rule: &'static str,
    message: String,
}

impl Violation {
    fn new(path: &str, line: usize, rule: &'static str, message: impl Into<String>) -> Self {
        Self { path: path.to_owned(), line, rule, message: message.into() }
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {} [{}]", self.path, self.line, self.message, self.rule)
    }
}

/// Checks the whole repository and prints every violation.
///
/// # Errors
/// When a rule is broken, or the tree or cargo's metadata cannot be read.
pub(crate) fn run() -> Result<()> {
    let files = workspace::tracked_files()?;
    let mut sources = files
        .iter()
        .filter(|path| path.ends_with(".rs"))
        .map(|path| Ok(Source::new(path, &workspace::read(path)?)))
        .collect::<Result<Vec<_>>>()?;
    source::mark_test_modules(&mut sources);

    let mut violations = Vec::new();
    violations.extend(sizes::check(&sources));
    violations.extend(functions::check(&sources));
    violations.extend(modules::check(&sources));
    violations.extend(names::check(&sources));
    violations.extend(panics::check(&sources));
    violations.extend(packages::check(&workspace::metadata()?)?);
    violations.extend(packages::check_crypto(&workspace::dependency_list()?));
    violations.extend(repository::check_top_level(&files));
    violations.extend(repository::check_manifests(&workspace::manifests(&files)?));
    violations.extend(repository::check_generated(&workspace::heads(&files)?));
    violations.extend(docs::check(&files, &workspace::read("docs/request.md").unwrap_or_default()));

    report(violations, sources.len())
}

fn report(mut violations: Vec<Violation>, sources: usize) -> Result<()> {
    violations.sort();
    for violation in &violations {
        println!("{violation}");
    }
    if violations.is_empty() {
        println!("tidy: {sources} source files, no violation");
        return Ok(());
    }
    bail!("{} violations of the rules of the code base", violations.len())
}
