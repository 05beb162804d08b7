//! Running planes of Signalbox, for the demo and the benchmark.

use std::{
    collections::VecDeque,
    fs,
    io::Write,
    net::SocketAddr,
    os::unix::{fs::OpenOptionsExt, process::CommandExt},
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use crate::{process::Process, workspace};

/// Metrics reach a collector this often; a minute, the default, is long to wait for.
const METRIC_EXPORT_MILLISECONDS: &str = "2000";

/// The folder in which cargo put the programs.
pub(crate) struct Programs {
    folder: PathBuf,
}

impl Programs {
    /// The programs of a profile's folder below the target folder.
    pub(crate) fn of_profile(folder: &str) -> Self {
        Self { folder: workspace::target().join(folder) }
    }

    /// Programs built elsewhere.
    pub(crate) fn in_folder(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Path of one.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A command that starts one in a process group of its own, so that an interrupt reaches this program alone, which
    /// then ends them in order.
    pub(crate) fn command(&self, name: &str) -> Command {
        in_own_group(&self.path(name))
    }
}

/// A control plane on a fresh SQLite file, and how to reach it.
pub(crate) struct ControlPlane {
    _process: Process,
    signalbox: PathBuf,
    pub(crate) url: String,
    pub(crate) ca_sha256: String,
    pub(crate) admin_token: PathBuf,
    pub(crate) data: PathBuf,
}

impl ControlPlane {
    /// Starts one whose files lie in `folder` and whose telemetry goes to the collector at `otlp`.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(programs: &Programs, folder: &Path, otlp: Option<&str>) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let data = folder.join("data");
        let mut command = programs.command("signalbox-control-plane");
        command.arg("--data-dir").arg(&data);
        command.envs(otlp.map(|endpoint| ("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint)));
        for listener in ["--listen", "--http-listen"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        let (process, report) = start_ready(command, "the control plane", folder)?;
        Ok(Self {
            _process: process,
            signalbox: programs.path("signalbox"),
            url: format!("https://{}", text(&report, "grpc")?),
            ca_sha256: text(&report, "ca_sha256")?,
            admin_token: data.join("admin-token"),
            data,
        })
    }

    /// Runs the command line as the administrator; gives what it prints.
    ///
    /// # Errors
    /// When it fails.
    pub(crate) fn signalbox(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.signalbox);
        command.args(["--server", &self.url, "--ca-sha256", &self.ca_sha256]);
        command.arg("--token-file").arg(&self.admin_token).args(arguments);
        workspace::output(&mut command)
    }

    /// The command line up to its verb, to be copied.
    pub(crate) fn signalbox_line(&self) -> String {
        let (program, token) = (self.signalbox.display(), self.admin_token.display());
        format!("{program} --server {} --ca-sha256 {} --token-file {token}", self.url, self.ca_sha256)
    }

    /// File with the certificate of its own CA.
    pub(crate) fn ca(&self) -> PathBuf {
        self.data.join("ca.pem")
    }

    /// Makes an API key for a subscription.
    ///
    /// # Errors
    /// When the command line fails.
    pub(crate) fn create_key(&self, subscription: &str) -> Result<String> {
        text(&json(&self.signalbox(&["keys", "create", subscription, "-o", "json"])?)?, "key")
    }

    /// Starts a data plane that this control plane steers, with a token made for it.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start_data_plane(
        &self,
        program: &Path,
        folder: &Path,
        (id, region): (&'static str, &'static str),
        options: &[&str],
    ) -> Result<DataPlane> {
        let made = self.signalbox(&["fleet", "token", "create", id, "--region", region, "-o", "json"])?;
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let token = folder.join("token");
        write_secret(&token, &text(&json(&made)?, "token")?)?;

        let mut command = in_own_group(program);
        command.args(["--id", id, "--region", region, "--control-plane", &self.url]);
        command.args(["--control-plane-ca-sha256", &self.ca_sha256]).arg("--token-file").arg(&token);
        command.arg("--cache-dir").arg(folder.join("cache"));
        DataPlane::start(command, folder, (id, region), options)
    }
}

/// A data plane.
pub(crate) struct DataPlane {
    pub(crate) process: Process,
    pub(crate) id: &'static str,
    pub(crate) region: &'static str,
    /// Where A2A calls go.
    pub(crate) address: SocketAddr,
    /// Further listeners, as the options named them.
    pub(crate) more: Vec<SocketAddr>,
    /// Its admin listener.
    pub(crate) admin: SocketAddr,
}

impl DataPlane {
    /// Starts one on free ports; the command says where its configuration comes from.
    ///
    /// # Errors
    /// When it does not start.
    pub(crate) fn start(
        mut command: Command,
        folder: &Path,
        (id, region): (&'static str, &'static str),
        options: &[&str],
    ) -> Result<Self> {
        for listener in ["--listen", "--admin-listen", "--health-listen"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command.args(options);
        let (process, report) = start_ready(command, id, folder)?;
        let address = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        let listeners = report["listen"].as_array().into_iter().flatten().filter_map(address);
        let mut listeners: VecDeque<_> = listeners.collect();
        let first = listeners.pop_front().with_context(|| format!("no listener in {report}"))?;
        let admin = address(&report["admin"]).with_context(|| format!("no admin listener in {report}"))?;
        Ok(Self { process, id, region, address: first, more: listeners.into(), admin })
    }
}

/// Starts a program that reports its addresses in a file.
fn start_ready(mut command: Command, name: &str, folder: &Path) -> Result<(Process, Value)> {
    let ready = folder.join("ready.json");
    command.arg("--ready-file").arg(&ready);
    start_reporting(command, name, &folder.join("log.txt"), &ready)
}

/// Starts a program and waits until the first line of `file` is its report.
///
/// # Errors
/// When it does not start.
pub(crate) fn start_reporting(
    mut command: Command,
    name: &str,
    log: &Path,
    file: &Path,
) -> Result<(Process, Value)> {
    let mut process = Process::start(name, &mut command, log)?;
    let mut report = None;
    process.wait_until("it reports its addresses", || {
        let written = fs::read_to_string(file).unwrap_or_default();
        report = written.lines().next().and_then(|line| serde_json::from_str(line).ok());
        report.is_some()
    })?;
    Ok((process, report.unwrap_or_default()))
}

/// A field of a report that is text.
///
/// # Errors
/// When there is no such field.
pub(crate) fn text(value: &Value, name: &str) -> Result<String> {
    let found = value.get(name).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {name} in {value}"))?.to_owned())
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))
}

fn in_own_group(program: &Path) -> Command {
    let mut command = Command::new(program);
    command.process_group(0).env("OTEL_METRIC_EXPORT_INTERVAL", METRIC_EXPORT_MILLISECONDS);
    command
}

fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
    let written = file.and_then(|mut file| file.write_all(secret.as_bytes()));
    written.with_context(|| format!("cannot write {}", path.display()))
}
