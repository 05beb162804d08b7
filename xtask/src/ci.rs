//! The checks that have to be green before a merge, cheapest first.

use anyhow::{Context, Result};

use crate::{test, tidy, workspace};

/// Runs formatting, tidy, clippy and every test; stops at the first that fails.
///
/// # Errors
/// When a check fails.
pub(crate) fn run() -> Result<()> {
    step("cargo fmt --all --check");
    workspace::run(workspace::cargo().args(["fmt", "--all", "--check"])).context("run `cargo fmt --all`")?;

    step("cargo xtask tidy");
    tidy::run()?;

    step("cargo clippy --workspace --all-targets -- -D warnings");
    let mut clippy = workspace::cargo();
    clippy.args(["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"]);
    workspace::run(&mut clippy)?;

    step("cargo xtask test");
    test::run(&test::Options::default())
}

fn step(name: &str) {
    println!("\n=== {name}");
}
