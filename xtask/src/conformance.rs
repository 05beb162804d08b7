//! The conformance profile: runs its tests and publishes what they found.

mod page;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde::Deserialize;

use crate::{test, workspace};

/// Tells the tests that the page is about to be written: they do not compare it.
const UPDATE: &str = "CONFORMANCE_UPDATE";
const PAGE: &str = "docs/conformance.md";
const PASS: &str = "pass";

/// What to run.
#[derive(Args)]
pub(crate) struct Options {
    /// Print the table and leave the published page as it is
    #[arg(long)]
    no_write: bool,
    /// Take the results of the last run
    #[arg(long)]
    no_run: bool,
    /// Run the tests of these statements alone (C2, S4, …), print their rows and publish nothing
    statements: Vec<String>,
}

/// One statement with what its test found.
#[derive(Deserialize, Clone)]
struct Entry {
    id: String,
    group: String,
    level: String,
    statement: String,
    result: String,
    evidence: String,
    intended: Vec<String>,
}

/// A difference between direct and through the gateway that is meant to be.
#[derive(Deserialize)]
struct Intended {
    name: String,
    what: String,
    reason: String,
}

/// Runs the tests of the profile, prints the table and writes the page.
///
/// # Errors
/// When something is missing, or a statement that must hold does not.
pub(crate) fn run(options: &Options) -> Result<()> {
    // A failing statement is a result: the table says so.
    let passed = if options.no_run { Ok(()) } else { run_tests(options)? };

    let mut entries: Vec<Entry> = read("profile")?;
    for entry in &mut entries {
        if let Ok(found) = read(&entry.id.to_lowercase()) {
            *entry = found;
        }
    }
    if !options.statements.is_empty() {
        entries.retain(|entry| options.statements.iter().any(|id| id.eq_ignore_ascii_case(&entry.id)));
    }
    page::print(&entries);
    if options.statements.is_empty() && !options.no_write {
        let text = page::markdown(&entries, &read::<Vec<Intended>>("intended")?);
        fs::write(workspace::root().join(PAGE), text).with_context(|| format!("cannot write {PAGE}"))?;
        println!("\nwritten to {PAGE}");
    }
    let failing = entries.iter().filter(|entry| entry.level == "M" && fails(entry)).count();
    if failing > 0 {
        bail!("{failing} statements that must hold do not");
    }
    passed.context("tests of the profile failed")
}

/// Whether the tests pass.
///
/// # Errors
/// When they cannot be run.
fn run_tests(options: &Options) -> Result<Result<()>> {
    test::set_up()?;
    let folder = folder();
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot empty the folder of results")?;
    }
    let build = ["build", "--workspace", "--bins", "--test", "conformance", "--locked"];
    workspace::run(workspace::cargo().args(build))?;
    Ok(workspace::run(tests(options).env(UPDATE, "1")))
}

fn fails(entry: &Entry) -> bool {
    ![PASS, "later", "not run"].contains(&entry.result.as_str())
}

fn tests(options: &Options) -> std::process::Command {
    let mut tests = workspace::cargo();
    let has_nextest = test::has_nextest();
    tests.args(if has_nextest { ["nextest", "run"].as_slice() } else { &["test"] });
    tests.args(["--workspace", "--locked", "--test", "conformance", "--no-fail-fast"]);
    if !has_nextest {
        tests.arg("--");
    }
    for id in &options.statements {
        tests.arg(format!("::{}_", id.to_lowercase()));
    }
    if !options.statements.is_empty() {
        tests.arg("the_profile_is_published");
    }
    tests
}

fn folder() -> PathBuf {
    workspace::target().join("conformance")
}

fn read<T: serde::de::DeserializeOwned>(name: &str) -> Result<T> {
    let file = folder().join(format!("{name}.json"));
    let text = fs::read_to_string(&file).with_context(|| format!("no results in {}", file.display()))?;
    serde_json::from_str(&text).with_context(|| format!("cannot read {}", file.display()))
}
