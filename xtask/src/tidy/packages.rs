//! Which package may depend on which, and the one TLS stack.

#[cfg(test)]
mod tests;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::Violation;

const RULE: &str = "package-direction";
/// Packages of this workspace and the packages of it that each may depend on.
const MAY_DEPEND_ON: [(&str, &[&str]); 6] = [
    ("signalbox-proto", &[]),
    ("signalbox-control-plane", &["signalbox-proto"]),
    ("signalbox-cli", &["signalbox-proto"]),
    ("signalbox-data-plane", &["signalbox-proto"]),
    ("system-tests", &["signalbox-proto"]),
    ("xtask", &[]),
];

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: Vec<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
}

/// Checks the direction of dependencies in the output of `cargo metadata`.
///
/// # Errors
/// When the text is not what cargo writes.
pub(super) fn check(metadata: &str) -> Result<Vec<Violation>> {
    let metadata: Metadata = serde_json::from_str(metadata).context("cargo metadata is not as expected")?;
    let members: Vec<_> =
        metadata.packages.iter().filter(|package| metadata.workspace_members.contains(&package.id)).collect();
    let names: Vec<_> = members.iter().map(|package| package.name.as_str()).collect();
    Ok(members.iter().flat_map(|package| check_package(package, &names)).collect())
}

fn check_package(package: &Package, members: &[&str]) -> Vec<Violation> {
    let Some((_, allowed)) = MAY_DEPEND_ON.iter().find(|(name, _)| *name == package.name) else {
        let message = format!("package `{}` is not one of the six", package.name);
        return vec![Violation::new("Cargo.toml", 1, RULE, message)];
    };
    let inside = package.dependencies.iter().map(|dependency| dependency.name.as_str());
    inside
        .filter(|name| members.contains(name) && !allowed.contains(name))
        .map(|name| {
            let message =
                format!("`{}` depends on `{name}`; it may depend on {allowed:?} only", package.name);
            Violation::new("Cargo.toml", 1, RULE, message)
        })
        .collect()
}

/// Checks that `ring` is not among the packages that cargo builds, one `name version` a line: aws-lc-rs is the one
/// cryptographic provider.
pub(super) fn check_crypto(dependency_list: &str) -> Vec<Violation> {
    let found = dependency_list.lines().find(|line| line.split_whitespace().next() == Some("ring"));
    let message = "`ring` is built: switch off the feature that asks for it; aws-lc-rs is the one provider";
    found.map(|_| Violation::new("Cargo.lock", 1, "one-tls-stack", message)).into_iter().collect()
}
