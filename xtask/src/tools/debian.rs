//! Programs that come from Debian packages.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::Once,
};

use anyhow::{Context, Result, bail};

use crate::workspace;

/// Folders beside `PATH` in which Debian puts servers.
const SERVER_FOLDERS: [&str; 2] = ["/usr/sbin", "/usr/local/sbin"];

/// The nginx on this machine, installed from `nginx-light` when there is none.
///
/// # Errors
/// When it is missing and cannot be installed.
pub(crate) fn nginx() -> Result<PathBuf> {
    if let Some(path) = program("nginx") {
        return Ok(path);
    }
    install("nginx-light", "nginx is missing")?;
    program("nginx").context("nginx is not to be found after installing nginx-light")
}

/// Where a program lies.
fn program(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::env::split_paths(&path).chain(SERVER_FOLDERS.map(PathBuf::from));
    folders.map(|folder| folder.join(name)).find(|path| path.is_file())
}

/// Installs a Debian package when this user may, else says which one is missing and why it is needed.
///
/// # Errors
/// When this is no Debian, the user is not root, or apt-get fails.
pub(crate) fn install(package: &str, reason: &str) -> Result<()> {
    static UPDATE: Once = Once::new();
    let by_hand = format!("{reason}: install it with `apt-get install {package}`");
    if !Path::new("/usr/bin/apt-get").exists() || !is_root() {
        bail!("{by_hand}");
    }
    println!("installing the Debian package {package}");
    UPDATE.call_once(|| {
        // Old package lists may do still; if they do not, the installation below says so.
        let _ = apt_get().arg("update").status();
    });
    let mut install = apt_get();
    install.args(["install", "--yes", "--no-install-recommends", package]);
    workspace::run(&mut install).with_context(|| by_hand)
}

fn apt_get() -> Command {
    let mut command = Command::new("apt-get");
    command.arg("-qq").env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
    command
}

fn is_root() -> bool {
    workspace::output(Command::new("id").arg("-u")).is_ok_and(|id| id.trim() == "0")
}
