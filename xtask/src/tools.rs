//! What tests and benchmarks need from outside: Python, Node and Rust packages under `target/sdk`, Debian packages.
//!
//! Each function leaves a thing in place or says what is missing; a stamp makes the second run quick.

pub(crate) mod debian;
pub(crate) mod node;
pub(crate) mod python;
pub(crate) mod rust;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};

use crate::workspace;

/// Folder that holds everything set up for tests and benchmarks.
pub(crate) fn folder() -> PathBuf {
    workspace::target().join("sdk")
}

/// Runs `make` in an empty `place` unless an earlier run made it from the same `recipe`.
///
/// # Errors
/// When `make` fails, or the folder cannot be written.
pub(crate) fn stamped(place: &Path, recipe: &str, make: impl FnOnce() -> Result<()>) -> Result<()> {
    let stamp = place.join(".recipe");
    if fs::read_to_string(&stamp).is_ok_and(|made_from| made_from == recipe) {
        return Ok(());
    }
    println!("setting up {}", place.display());
    if place.exists() {
        fs::remove_dir_all(place).with_context(|| format!("cannot empty {}", place.display()))?;
    }
    fs::create_dir_all(place).with_context(|| format!("cannot make {}", place.display()))?;
    make()?;
    fs::write(&stamp, recipe).with_context(|| format!("cannot write {}", stamp.display()))
}
