//! Every test, with what it needs; nothing is left out without a word.

use std::{fs, path::Path};

use anyhow::{Context, Result};
use clap::Args;

use crate::{
    tools::{debian, node, python, rust},
    workspace,
};

/// Folder with one subfolder for each SDK and version: its programs and the list of its packages.
const SDK_PROGRAMS: &str = "tests/sdk";

/// What to run.
#[derive(Args, Default)]
pub(crate) struct Options {
    /// Set up what the tests need and stop
    #[arg(long)]
    setup_only: bool,
    /// Passed on to the test runner, for example a part of a test's name
    #[arg(last = true)]
    runner: Vec<String>,
}

/// Sets up the SDKs, builds the programs, runs every test and every example of the documentation.
///
/// # Errors
/// When something that the tests need is missing, or a test fails.
pub(crate) fn run(options: &Options) -> Result<()> {
    set_up()?;
    if options.setup_only {
        return Ok(());
    }
    println!("building the tests, and the programs that the system tests start");
    // Together, so that cargo settles on one set of features and compiles each dependency once.
    workspace::run(workspace::cargo().args(["build", "--workspace", "--bins", "--tests", "--locked"]))?;

    if options.runner.is_empty() {
        let mut examples = workspace::cargo();
        examples.args(["test", "--workspace", "--doc", "--locked", "--quiet"]);
        workspace::run(&mut examples).context("examples of the documentation failed")?;
    }

    let mut tests = workspace::cargo();
    if has_nextest() {
        tests.args(["nextest", "run", "--workspace", "--locked"]);
    } else {
        println!("cargo-nextest is not on this machine; running cargo test");
        tests.args(["test", "--workspace", "--lib", "--bins", "--tests", "--locked"]);
    }
    workspace::run(tests.args(&options.runner)).context("tests failed")
}

/// Everything that tests need beside the workspace.
///
/// # Errors
/// When something is missing and cannot be set up.
pub(crate) fn set_up() -> Result<()> {
    debian::nginx()?;
    for name in folders(&workspace::root().join(SDK_PROGRAMS))? {
        let list = |file: &str| workspace::read(&format!("{SDK_PROGRAMS}/{name}/{file}"));
        if let Ok(requirements) = list("requirements.txt") {
            python::environment(&name, &requirements)?;
        } else if let Ok(manifest) = list("package.json") {
            node::find()?.packages(&name, &manifest, &list("package-lock.json")?)?;
        } else if list("Cargo.toml").is_ok() {
            rust::program(&name, &workspace::root().join(SDK_PROGRAMS).join(&name))?;
        }
    }
    Ok(())
}

fn folders(parent: &Path) -> Result<Vec<String>> {
    if !parent.exists() {
        return Ok(Vec::new());
    }
    let entries = fs::read_dir(parent).with_context(|| format!("cannot list {}", parent.display()))?;
    let mut names: Vec<_> = entries
        .filter_map(Result::ok)
        .filter(|entry| entry.path().is_dir())
        .filter_map(|entry| entry.file_name().into_string().ok())
        .collect();
    names.sort();
    Ok(names)
}

pub(crate) fn has_nextest() -> bool {
    workspace::output(workspace::cargo().args(["nextest", "--version"])).is_ok()
}
