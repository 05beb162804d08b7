//! The `signalbox` command, as a person or a script would use it.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::Value;

use super::places;

/// How to reach a control plane, and as whom.
#[derive(Clone)]
pub struct Cli {
    server: String,
    ca_sha256: String,
    token_file: PathBuf,
}

impl Cli {
    /// As the holder of a token.
    #[must_use]
    pub fn new(server: &str, ca_sha256: &str, token_file: &Path) -> Self {
        Self { server: server.to_owned(), ca_sha256: ca_sha256.to_owned(), token_file: token_file.to_owned() }
    }

    /// Runs a command, whatever comes of it.
    #[must_use]
    pub fn output(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new(places::program("signalbox"));
        command.args(["--server", &self.server, "--ca-sha256", &self.ca_sha256]);
        command.arg("--token-file").arg(&self.token_file).args(arguments).env_remove("SIGNALBOX_TOKEN");
        command.output().expect("the program can be started")
    }

    /// Runs a command that has to succeed, and gives its standard output.
    pub fn text(&self, arguments: &[&str]) -> String {
        let output = self.output(arguments);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "signalbox {arguments:?}: {}\n{errors}", output.status);
        String::from_utf8(output.stdout).expect("the output is text")
    }

    /// Runs a command that has to succeed with `-o json`, and gives what it prints.
    #[must_use]
    pub fn json(&self, arguments: &[&str]) -> Value {
        let mut all = arguments.to_vec();
        all.extend(["-o", "json"]);
        let text = self.text(&all);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("no JSON ({error}): {text}"))
    }

    /// Applies a manifest, whatever comes of it.
    #[must_use]
    pub fn apply_output(&self, manifest: &str) -> Output {
        let mut file = tempfile::NamedTempFile::new().expect("a temporary file");
        file.write_all(manifest.as_bytes()).expect("a temporary file can be written");
        let path = file.path().to_str().expect("a temporary path is text");
        self.output(&["apply", "-f", path, "-o", "json"])
    }

    /// Applies a manifest, which has to succeed, and gives what is printed.
    pub fn apply(&self, manifest: &str) -> Value {
        let output = self.apply_output(manifest);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "apply: {}\n{errors}\n{manifest}", output.status);
        serde_json::from_slice(&output.stdout).expect("apply -o json prints JSON")
    }
}
