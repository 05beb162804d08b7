//! A running control plane.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use tempfile::TempDir;

use super::{DataPlane, cli::Cli, data_plane::wait_for_report, places, process::Process};

/// A running control plane and the folder that holds its data.
pub struct ControlPlane {
    /// Its process.
    pub process: Process,
    /// Its address as a URL.
    pub url: String,
    /// SHA-256 of its CA certificate in hex.
    pub ca_sha256: String,
    folder: TempDir,
}

impl ControlPlane {
    /// Starts one on an empty folder.
    #[must_use]
    pub fn new() -> Self {
        Self::on(tempfile::tempdir().expect("a temporary folder"), "127.0.0.1:0")
    }

    /// Starts one on the data of an earlier one, at a given address.
    #[must_use]
    pub fn on(folder: TempDir, listen: &str) -> Self {
        Self::launch(Command::new(places::program("signalbox-control-plane")), folder, listen)
    }

    /// Starts one on the data of an earlier one, by a command that runs the program with more arguments.
    #[must_use]
    pub fn started_by(command: Command, folder: TempDir) -> Self {
        Self::launch(command, folder, "127.0.0.1:0")
    }

    fn launch(mut command: Command, folder: TempDir, listen: &str) -> Self {
        let ready = folder.path().join("ready.json");
        let _ = fs::remove_file(&ready);
        command.arg("--data-dir").arg(folder.path().join("data"));
        command.args(["--listen", listen, "--http-listen", "127.0.0.1:0"]);
        command.arg("--ready-file").arg(&ready).current_dir(folder.path());
        let mut process = Process::start("control plane", command);
        let report = wait_for_report(&mut process, &ready);
        let text =
            |name: &str| report[name].as_str().unwrap_or_else(|| panic!("no {name} in {report}")).to_owned();
        let (url, ca_sha256) = (format!("https://{}", text("grpc")), text("ca_sha256"));
        Self { process, url, ca_sha256, folder }
    }

    /// The file with the first admin token.
    #[must_use]
    pub fn admin_token_file(&self) -> PathBuf {
        self.folder.path().join("data/admin-token")
    }

    /// The folder that holds its data.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The command line, as its administrator.
    #[must_use]
    pub fn cli(&self) -> Cli {
        Cli::new(&self.url, &self.ca_sha256, &self.admin_token_file())
    }

    /// Starts a data plane that this control plane steers, with a token made for it.
    #[must_use]
    pub fn data_plane(&self, id: &str, region: &str) -> DataPlane {
        let made = self.cli().json(&["fleet", "token", "create", id, "--region", region]);
        let token = made["token"].as_str().unwrap_or_else(|| panic!("no token in {made}"));
        let folder = tempfile::tempdir().expect("a temporary folder");
        fs::write(folder.path().join("token"), token).expect("the token can be written");
        self.data_plane_on(folder, id, region)
    }

    /// Starts a data plane on the files of an earlier one.
    #[must_use]
    pub fn data_plane_on(&self, folder: TempDir, id: &str, region: &str) -> DataPlane {
        DataPlane::start(self.data_plane_command(folder.path(), id, region), folder)
    }

    /// The command that starts a data plane with the token in the folder.
    #[must_use]
    pub fn data_plane_command(&self, folder: &Path, id: &str, region: &str) -> Command {
        let mut command = Command::new(places::program("signalbox-data-plane"));
        command.args(["--control-plane", &self.url, "--control-plane-ca-sha256", &self.ca_sha256]);
        command.arg("--token-file").arg(folder.join("token")).arg("--cache-dir").arg(folder.join("cache"));
        command.args(["--id", id, "--region", region]);
        command
    }

    /// Ends it without warning; gives its data and its address.
    #[must_use]
    pub fn kill(mut self) -> (TempDir, String) {
        self.process.kill();
        let address = self.url["https://".len()..].to_owned();
        (self.folder, address)
    }
}

impl Default for ControlPlane {
    fn default() -> Self {
        Self::new()
    }
}
