//! Python virtual environments.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

use super::{debian, folder, stamped};
use crate::workspace;

/// Oldest Python that the SDKs run on: 3.10.
const MINOR_VERSION_MIN: u32 = 10;

/// A virtual environment `target/sdk/NAME` with the packages of a `requirements.txt`; returns its interpreter.
///
/// # Errors
/// When Python is missing or too old, or pip fails.
pub(crate) fn environment(name: &str, requirements: &str) -> Result<PathBuf> {
    let place = folder().join(name);
    let python = place.join("bin/python");
    stamped(&place, requirements, || {
        let system = system_python()?;
        make_environment(&system, &place)?;
        let list = place.join("requirements.txt");
        std::fs::write(&list, requirements).with_context(|| format!("cannot write {}", list.display()))?;
        let mut pip = Command::new(&python);
        pip.env("PIP_ROOT_USER_ACTION", "ignore");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--requirement"])
            .arg(&list);
        workspace::run(&mut pip).with_context(|| format!("cannot install the Python packages of {name}"))
    })?;
    Ok(python)
}

/// The wheel of one package, unpacked into `target/sdk/NAME` without its dependencies; for wheels that hold programs.
///
/// # Errors
/// When Python is missing, or pip fails.
pub(crate) fn unpacked_wheel(name: &str, requirement: &str) -> Result<PathBuf> {
    let place = folder().join(name);
    stamped(&place, requirement, || {
        let system = system_python()?;
        let mut pip = Command::new(system);
        pip.env("PIP_ROOT_USER_ACTION", "ignore");
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "--target"]);
        pip.arg(&place).arg(requirement);
        workspace::run(&mut pip).with_context(|| format!("cannot fetch {requirement} from the package index"))
    })?;
    Ok(place)
}

fn system_python() -> Result<PathBuf> {
    if version("python3").is_none() {
        debian::install("python3", "python3 is missing")?;
    }
    match version("python3") {
        Some(minor) if minor >= MINOR_VERSION_MIN => Ok(PathBuf::from("python3")),
        Some(minor) => bail!("python3 is 3.{minor}; the SDKs need 3.{MINOR_VERSION_MIN} or later"),
        None => bail!("python3 is missing"),
    }
}

fn version(python: &str) -> Option<u32> {
    let mut ask = Command::new(python);
    ask.args(["-c", "import sys; print(sys.version_info[1])"]);
    workspace::output(&mut ask).ok()?.trim().parse().ok()
}

/// Debian splits `venv` and pip off its Python.
fn make_environment(python: &Path, place: &Path) -> Result<()> {
    let make = || workspace::output(Command::new(python).args(["-m", "venv", "--clear"]).arg(place));
    if make().is_err() {
        debian::install("python3-venv", "python3 has no working venv module")?;
        make().context("cannot make a Python virtual environment")?;
    }
    Ok(())
}
