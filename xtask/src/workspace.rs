//! The repository as git and cargo describe it.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result, bail};

/// Lines at the top of a file in which a generator leaves its mark.
const HEAD_LINES: usize = 5;

/// The top folder of the repository.
pub(crate) fn root() -> &'static Path {
    // The manifest of this package lies one folder below the top.
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap_or(Path::new("."))
}

/// Cargo's target folder.
pub(crate) fn target() -> PathBuf {
    env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The cargo that runs this program.
pub(crate) fn cargo() -> Command {
    let mut command = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.current_dir(root());
    command
}

/// Text of a file, named from the top folder.
///
/// # Errors
/// When it cannot be read as UTF-8 text.
pub(crate) fn read(path: &str) -> Result<String> {
    fs::read_to_string(root().join(path)).with_context(|| format!("cannot read {path}"))
}

/// Every file that git tracks or would track, sorted.
///
/// # Errors
/// When git fails.
pub(crate) fn tracked_files() -> Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "--cached", "--others", "--exclude-standard"]);
    let mut files: Vec<_> =
        output(&mut git)?.lines().filter(|path| root().join(path).is_file()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

/// What `cargo metadata` says; fails when `Cargo.lock` is not current.
///
/// # Errors
/// When cargo fails.
pub(crate) fn metadata() -> Result<String> {
    output(cargo().args(["metadata", "--format-version", "1", "--locked", "--no-deps"]))
}

/// Every package that a build of the workspace compiles, one `name version` a line.
///
/// # Errors
/// When cargo fails; it does so when `Cargo.lock` is not current.
pub(crate) fn dependency_list() -> Result<String> {
    output(cargo().args(["tree", "--locked", "--workspace", "--prefix", "none", "--format", "{p}"]))
}

/// Paths and text of all manifests among `files`.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn manifests(files: &[String]) -> Result<Vec<(String, String)>> {
    let manifests =
        files.iter().filter(|path| path.as_str() == "Cargo.toml" || path.ends_with("/Cargo.toml"));
    manifests.map(|path| Ok((path.clone(), read(path)?))).collect()
}

/// Paths and first lines of all text files among `files`.
///
/// # Errors
/// When one cannot be read.
pub(crate) fn heads(files: &[String]) -> Result<Vec<(String, String)>> {
    files
        .iter()
        .map(|path| {
            let bytes = fs::read(root().join(path)).with_context(|| format!("cannot read {path}"))?;
            let text = String::from_utf8_lossy(&bytes);
            let head: Vec<_> = text.lines().take(HEAD_LINES).collect();
            Ok((path.clone(), head.join("\n")))
        })
        .collect()
}

/// Standard output of a command.
///
/// # Errors
/// When it cannot be started or fails; its standard error is in the message.
pub(crate) fn output(command: &mut Command) -> Result<String> {
    let done = command.output().with_context(|| format!("cannot run {command:?}"))?;
    if !done.status.success() {
        bail!("{command:?} failed ({}):\n{}", done.status, String::from_utf8_lossy(&done.stderr).trim_end());
    }
    String::from_utf8(done.stdout).with_context(|| format!("{command:?} wrote no UTF-8"))
}

/// Runs a command with this process's own input and output.
///
/// # Errors
/// When it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command.status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed ({status})");
    }
    Ok(())
}
