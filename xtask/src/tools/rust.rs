//! Rust programs that are no part of the workspace.

use std::path::Path;

use anyhow::{Context, Result};

use super::folder;
use crate::workspace;

/// Builds the package in a folder, at the versions of its `Cargo.lock`, into `target/sdk/NAME`.
///
/// # Errors
/// When cargo fails.
pub(crate) fn program(name: &str, source: &Path) -> Result<()> {
    // No stamp: cargo knows by itself what is still good.
    let mut build = workspace::cargo();
    build.args(["build", "--locked", "--quiet", "--manifest-path"]).arg(source.join("Cargo.toml"));
    build.arg("--target-dir").arg(folder().join(name));
    workspace::run(&mut build).with_context(|| format!("cannot build {name}"))
}
