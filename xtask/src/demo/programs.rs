//! The programs of the workspace.

use std::{path::PathBuf, process::Command};

use anyhow::Result;

use crate::workspace;

/// Where cargo put the programs.
pub(super) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// Builds them.
    ///
    /// # Errors
    /// When the build fails.
    pub(super) fn build(release: bool) -> Result<Self> {
        let mut build = workspace::cargo();
        build.args(["build", "--locked", "--workspace", "--exclude", "xtask", "--bins"]);
        if release {
            build.arg("--release");
        }
        workspace::run(&mut build)?;
        Ok(Self { folder: workspace::target().join(if release { "release" } else { "debug" }) })
    }

    /// Path of one.
    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command that starts one in a process group of its own, so that an interrupt reaches this program alone, which
    /// then ends them in order.
    pub(super) fn command(&self, name: &str) -> Command {
        use std::os::unix::process::CommandExt;
        let mut command = Command::new(self.path(name));
        command.process_group(0);
        command
    }
}
