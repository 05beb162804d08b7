//! A data plane that runs alone from a manifest.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};

use super::{
    Options,
    subject::{Agents, Subject},
};
use crate::workspace;

/// Builds a data plane as it is published, unless one was given.
///
/// # Errors
/// When the build fails.
pub(super) fn build(options: &Options) -> Result<PathBuf> {
    if let Some(program) = &options.data_plane {
        return Ok(program.clone());
    }
    println!("building the data plane with the profile dist");
    let mut build = workspace::cargo();
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--profile",
        "dist",
        "--package",
        "signalbox-data-plane",
        "--bins",
    ]);
    workspace::run(&mut build)?;
    Ok(workspace::target().join("dist/signalbox-data-plane"))
}

/// The data plane with a key plan, a rate limit and its access log.
///
/// # Errors
/// When it does not start.
pub(super) fn gateway(_folder: &Path, _program: &Path, _agents: Agents) -> Result<Subject> {
    bail!("the data plane has no settings yet")
}
