//! What lies in the repository: a short top level, no patches, nothing generated.

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use super::Violation;

/// Everything that may lie at the top level.
const TOP_LEVEL: [&str; 18] = [
    "Cargo.toml",
    "Cargo.lock",
    "LICENSE",
    "README.md",
    "proto",
    "control-plane",
    "data-plane",
    "tests",
    "xtask",
    "docs",
    "deploy",
    "clippy.toml",
    "rustfmt.toml",
    "rust-toolchain.toml",
    "deny.toml",
    ".ci",
    ".cargo",
    ".config",
];
/// Further dotfiles of tools.
const DOTFILES: [&str; 4] = [".gitignore", ".gitattributes", ".dockerignore", ".editorconfig"];
/// Endings of files that generators of this project write.
const GENERATED_ENDINGS: [&str; 4] = [".pb.rs", ".serde.rs", ".tonic.rs", "descriptor.bin"];
/// What generators write at the top of their files; split so that this file does not hold them.
const GENERATED_MARKS: [&str; 3] =
    [concat!("@", "generated"), concat!("DO NOT ", "EDIT"), concat!("do not ", "edit by hand")];

/// Checks the names at the top level.
pub(super) fn check_top_level(files: &[String]) -> Vec<Violation> {
    let entries: BTreeSet<_> = files.iter().filter_map(|path| path.split('/').next()).collect();
    entries
        .into_iter()
        .filter(|entry| !TOP_LEVEL.contains(entry) && !DOTFILES.contains(entry))
        .map(|entry| {
            Violation::new(entry, 1, "top-level", "the top level stays short: this belongs in a folder")
        })
        .collect()
}

/// Checks that no manifest replaces a dependency; `manifests` are paths with their text.
pub(super) fn check_manifests(manifests: &[(String, String)]) -> Vec<Violation> {
    let lines = manifests
        .iter()
        .flat_map(|(path, text)| text.lines().enumerate().map(move |(at, line)| (path, at, line)));
    lines
        .filter(|(_, _, line)| line.starts_with("[patch") || line.starts_with("[replace"))
        .map(|(path, at, _)| {
            Violation::new(path, at + 1, "no-patch", "dependencies are used as they are published")
        })
        .collect()
}

/// Checks that nothing generated is committed; `heads` are paths with the first lines of each file.
pub(super) fn check_generated(heads: &[(String, String)]) -> Vec<Violation> {
    heads
        .iter()
        .filter(|(path, head)| {
            let named = GENERATED_ENDINGS.iter().any(|ending| path.ends_with(ending));
            let is_lock = path.rsplit('/').next() == Some("Cargo.lock");
            let marked = !is_lock && GENERATED_MARKS.iter().any(|mark| head.contains(mark));
            named || marked
        })
        .map(|(path, _)| {
            Violation::new(path, 1, "no-generated-code", "generated code is built, not committed")
        })
        .collect()
}
