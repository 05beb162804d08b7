//! A running data plane.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Command, ExitStatus},
};

use serde_json::Value;
use tempfile::TempDir;

use super::{PATIENCE, http, manifest::Manifest, metrics::Metrics, places, process::Process, wait_until};

/// A running data plane and the folder that holds its files.
pub struct DataPlane {
    /// Its process.
    pub process: Process,
    /// Where A2A calls go.
    pub address: SocketAddr,
    /// Its admin listener.
    pub admin: SocketAddr,
    /// Its health listener.
    pub health: SocketAddr,
    folder: TempDir,
}

impl DataPlane {
    /// Starts one that reads a manifest and knows no control plane.
    #[must_use]
    pub fn standalone(manifest: &Manifest) -> Self {
        Self::standalone_with(manifest, &[])
    }

    /// Starts one that reads a manifest, with further options.
    #[must_use]
    pub fn standalone_with(manifest: &Manifest, options: &[&str]) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = folder.path().join("manifest.yaml");
        fs::write(&file, manifest.yaml()).expect("the manifest can be written");
        let mut command = Command::new(places::program("signalbox-data-plane"));
        command.arg("--config-file").arg(&file).args(options);
        Self::start(command, folder)
    }

    /// Starts one whose source of configuration is already among the command's arguments.
    #[must_use]
    pub fn start(command: Command, folder: TempDir) -> Self {
        let (process, ready) = start(command, folder.path());
        let address = |value: &Value| -> SocketAddr {
            let parsed = value.as_str().and_then(|text| text.parse().ok());
            parsed.unwrap_or_else(|| panic!("no address in {ready}"))
        };
        let (listen, admin, health) =
            (address(&ready["listen"][0]), address(&ready["admin"]), address(&ready["health"]));
        Self { process, address: listen, admin, health, folder }
    }

    /// The folder that holds its files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// The manifest that a standalone one reads.
    #[must_use]
    pub fn manifest_file(&self) -> PathBuf {
        self.folder.path().join("manifest.yaml")
    }

    /// Replaces the manifest in one step, as an operator's tool would.
    pub fn replace_manifest(&self, text: &str) {
        let fresh = self.folder.path().join("manifest.fresh");
        fs::write(&fresh, text).expect("the manifest can be written");
        fs::rename(&fresh, self.manifest_file()).expect("the manifest can be replaced");
    }

    /// The base URL of an agent of the default organization.
    #[must_use]
    pub fn agent(&self, id: &str) -> String {
        format!("http://{}/a2a/{id}", self.address)
    }

    /// The base URL of the agent to which the host `localhost` belongs.
    #[must_use]
    pub fn own_host(&self) -> String {
        format!("http://{}", self.authority())
    }

    /// Host and port at which that agent takes gRPC.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Its metrics now.
    #[must_use]
    pub fn metrics(&self) -> Metrics {
        Metrics::read(self.admin)
    }

    /// How many calls of an agent's operations it has accounted for; cards do not count.
    #[must_use]
    pub fn calls(&self, agent: &str) -> u64 {
        let metrics = self.metrics();
        let of = |operation: &str| metrics.sum(REQUESTS, &[("agent", agent), ("operation", operation)]);
        as_count(OPERATIONS.iter().map(|operation| of(operation)).sum())
    }

    /// Waits until it has accounted for so many calls of an agent, and fails if it ever counts more.
    ///
    /// A call is accounted for when its answer has ended, which a caller may see a moment earlier.
    #[track_caller]
    pub fn assert_calls(&self, agent: &str, expected: usize) {
        wait_until(&format!("the data plane has accounted for {expected} calls of {agent}"), || {
            let calls = usize::try_from(self.calls(agent)).unwrap_or(usize::MAX);
            assert!(calls <= expected, "{calls} calls of {agent} instead of {expected}");
            (calls == expected).then_some(())
        });
    }

    /// Whether it says that it is ready.
    #[must_use]
    pub fn is_ready(&self) -> bool {
        http::get(self.admin, "/ready", &[("connection", "close")]).status() == 200
    }

    /// Waits until it knows an agent, whatever it answers for the agent's card.
    pub fn wait_for_agent(&self, id: &str) {
        wait_until(&format!("the data plane serves {id}"), || {
            let path = format!("/a2a/{id}/.well-known/agent-card.json");
            let answer = http::get(self.address, &path, &[("connection", "close")]);
            (answer.status() != 404 && !answer.text().contains("NOT_READY")).then_some(())
        });
    }

    /// Waits until what it enforces is on disk.
    pub fn wait_until_cached(&self) {
        let cache = self.folder.path().join("cache");
        wait_until("the state is on disk", || {
            let files = fs::read_dir(&cache).ok()?;
            (files.filter_map(Result::ok).count() >= 2).then_some(())
        });
    }

    /// Asks it to end and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.process.terminate();
        self.process.wait(PATIENCE)
    }

    /// Ends it without warning and gives the folder with what it left.
    #[must_use]
    pub fn kill(mut self) -> TempDir {
        self.process.kill();
        self.folder
    }
}

/// The counter of requests, by agent, operation and outcome.
const REQUESTS: &str = "signalbox_requests_total";
/// The operations, whatever binding carries them.
const OPERATIONS: [&str; 11] = [
    "SendMessage",
    "SendStreamingMessage",
    "GetTask",
    "ListTasks",
    "CancelTask",
    "SubscribeToTask",
    "GetExtendedAgentCard",
    "CreateTaskPushNotificationConfig",
    "GetTaskPushNotificationConfig",
    "ListTaskPushNotificationConfigs",
    "DeleteTaskPushNotificationConfig",
];

fn as_count(value: f64) -> u64 {
    // Counters of a test are small and whole.
    format!("{value:.0}").parse().expect("a counter is not negative")
}

/// Starts a program that reports its addresses through `--ready-file`, and waits for the report.
pub(super) fn start(mut command: Command, folder: &Path) -> (Process, Value) {
    let ready = folder.join("ready.json");
    let _ = fs::remove_file(&ready);
    command.args([
        "--listen",
        "127.0.0.1:0",
        "--admin-listen",
        "127.0.0.1:0",
        "--health-listen",
        "127.0.0.1:0",
    ]);
    command.arg("--ready-file").arg(&ready).current_dir(folder);
    let mut process = Process::start("data plane", command);
    let report = wait_for_report(&mut process, &ready);
    (process, report)
}

/// Waits for the file in which a program reports its addresses.
pub(super) fn wait_for_report(process: &mut Process, file: &Path) -> Value {
    wait_until("the program reports that it is ready", || {
        if let Some(status) = process.status() {
            panic!("it ended instead: {status}\n{}", process.log());
        }
        let text = fs::read_to_string(file).ok()?;
        serde_json::from_str(&text).ok()
    })
}
