//! Everything that runs in the demo.

use std::{
    fs,
    io::Write,
    net::SocketAddr,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::{programs::Programs, say};
use crate::{http, process::Process, workspace};

/// Ids and regions of the data planes.
const DATA_PLANES: [(&str, &str); 2] = [("edge-frankfurt", "eu-central"), ("edge-virginia", "us-east")];
/// The agent's path on every data plane.
pub(super) const AGENT_PATH: &str = "/a2a/echo";
/// The agent's full name.
pub(super) const AGENT: &str = "organizations/default/agents/echo";
/// The subscription whose key the calls carry.
pub(super) const SUBSCRIPTION: &str = "organizations/default/consumers/demo/subscriptions/demo";
/// Time for telemetry to arrive: metrics are exported on an interval.
const TELEMETRY_TIMEOUT: Duration = Duration::from_secs(30);
const POLL: Duration = Duration::from_millis(100);

/// What runs. Fields are dropped in order: callers before those they call.
pub(super) struct Fleet {
    pub(super) data_planes: Vec<DataPlane>,
    _control_plane: Process,
    _agent: Process,
    _collector: Process,
    control_plane: ControlPlane,
    agent_url: String,
    /// Address that answers what the collector received.
    pub(super) collector_queries: String,
    pub(super) folder: PathBuf,
    signalbox: PathBuf,
}

/// How to reach the control plane.
struct ControlPlane {
    url: String,
    ca_sha256: String,
    admin_token: PathBuf,
}

/// One data plane.
pub(super) struct DataPlane {
    pub(super) id: &'static str,
    pub(super) region: &'static str,
    pub(super) address: SocketAddr,
    pub(super) admin: SocketAddr,
    _process: Process,
}

impl DataPlane {
    /// The agent's address here.
    pub(super) fn agent_url(&self) -> String {
        format!("http://{}{AGENT_PATH}", self.address)
    }
}

impl Fleet {
    /// Starts everything.
    ///
    /// # Errors
    /// When something does not start.
    pub(super) fn start(programs: &Programs, folder: &Path) -> Result<Self> {
        let (collector, report) = start_reporting(programs.command("otlp-sink"), "collector", folder)?;
        let (otlp, queries) = (text(&report, "otlp")?, text(&report, "query")?);
        say(&format!("collector: OTLP at {otlp}"));
        let (agent, report) = start_reporting(programs.command("sample-agent"), "agent", folder)?;
        let agent_url = text(&report, "url")?;
        say(&format!("agent: {agent_url}, A2A 0.3 and 1.0"));

        let (process, control_plane) = start_control_plane(programs, folder, &otlp)?;
        say(&format!(
            "control plane: {}, SQLite in {}",
            control_plane.url,
            folder.join("control-plane").display()
        ));
        let mut fleet = Self {
            data_planes: Vec::new(),
            _control_plane: process,
            _agent: agent,
            _collector: collector,
            control_plane,
            agent_url,
            collector_queries: queries,
            folder: folder.to_path_buf(),
            signalbox: programs.path("signalbox"),
        };
        for (id, region) in DATA_PLANES {
            let data_plane = fleet.start_data_plane(programs, id, region, &otlp)?;
            say(&format!("data plane {id}: region {region}, http://{}", data_plane.address));
            fleet.data_planes.push(data_plane);
        }
        Ok(fleet)
    }

    fn start_data_plane(
        &self,
        programs: &Programs,
        id: &'static str,
        region: &'static str,
        otlp: &str,
    ) -> Result<DataPlane> {
        let made = self.signalbox(&["fleet", "token", "create", id, "--region", region, "-o", "json"])?;
        let folder = self.folder.join(id);
        fs::create_dir_all(&folder).context("cannot make a folder")?;
        let token = folder.join("token");
        write_secret(&token, &text(&json(&made)?, "token")?)?;

        let mut command = programs.command("signalbox-data-plane");
        command.args(["--id", id, "--region", region, "--control-plane", &self.control_plane.url]);
        command
            .args(["--control-plane-ca-sha256", &self.control_plane.ca_sha256])
            .arg("--token-file")
            .arg(&token);
        command.arg("--cache-dir").arg(folder.join("cache"));
        for listener in ["--listen", "--admin-listen", "--health-listen"] {
            command.args([listener, "127.0.0.1:0"]);
        }
        command.args(["--drain-delay", "0s", "--otlp-endpoint", otlp, "--trace-ratio", "1"]);
        let (process, report) = start_ready(command, id, &folder)?;
        let address = |value: &Value| value.as_str().and_then(|text| text.parse().ok());
        Ok(DataPlane {
            id,
            region,
            address: address(&report["listen"][0]).with_context(|| format!("no listener in {report}"))?,
            admin: address(&report["admin"]).with_context(|| format!("no admin listener in {report}"))?,
            _process: process,
        })
    }

    /// Applies the manifest, makes a key, waits until every data plane enforces both; returns the key.
    ///
    /// # Errors
    /// When a command fails.
    pub(super) fn publish(&self) -> Result<String> {
        let file = self.folder.join("manifest.yaml");
        fs::write(&file, manifest(&self.agent_url))
            .with_context(|| format!("cannot write {}", file.display()))?;
        say(&format!("signalbox apply -f {}", file.display()));
        let path = file.display().to_string();
        for line in self.signalbox(&["apply", "-f", &path])?.lines() {
            say(&format!("  {line}"));
        }
        say(&format!("signalbox keys create {SUBSCRIPTION}"));
        let key = text(&json(&self.signalbox(&["keys", "create", SUBSCRIPTION, "-o", "json"])?)?, "key")?;
        say(&format!("  {}…", key.get(..12).unwrap_or_default()));
        say("signalbox wait");
        self.signalbox(&["wait"])?;
        say("  both data planes enforce it");
        Ok(key)
    }

    /// Waits until the collector has spans, metrics and logs of both data planes.
    ///
    /// # Errors
    /// When they do not come.
    pub(super) fn wait_for_telemetry(&self) -> Result<()> {
        let address =
            self.collector_queries.trim_start_matches("http://").parse().context("no collector address")?;
        for signal in ["span", "log", "metric"] {
            let start = Instant::now();
            let mut count = 0;
            while count == 0 {
                ensure!(start.elapsed() < TELEMETRY_TIMEOUT, "no {signal} reached the collector");
                thread::sleep(POLL);
                count = http::get(address, &format!("/records?signal={signal}"))?.body.lines().count();
            }
            say(&format!("{count} records of kind {signal}"));
        }
        Ok(())
    }

    /// The command line up to its verb, to be copied.
    pub(super) fn signalbox_line(&self) -> String {
        let ControlPlane { url, ca_sha256, admin_token } = &self.control_plane;
        let token = admin_token.display();
        format!("{} --server {url} --ca-sha256 {ca_sha256} --token-file {token}", self.signalbox.display())
    }

    fn signalbox(&self, arguments: &[&str]) -> Result<String> {
        let mut command = Command::new(&self.signalbox);
        command.args(["--server", &self.control_plane.url, "--ca-sha256", &self.control_plane.ca_sha256]);
        command.arg("--token-file").arg(&self.control_plane.admin_token).args(arguments);
        workspace::output(&mut command)
    }
}

fn start_control_plane(programs: &Programs, folder: &Path, otlp: &str) -> Result<(Process, ControlPlane)> {
    let folder = folder.join("control-plane");
    fs::create_dir_all(&folder).context("cannot make a folder")?;
    let data = folder.join("data");
    let mut command = programs.command("signalbox-control-plane");
    command.arg("--data-dir").arg(&data).args(["--listen", "127.0.0.1:0", "--otlp-endpoint", otlp]);
    let (process, report) = start_ready(command, "control plane", &folder)?;
    let control_plane = ControlPlane {
        url: format!("https://{}", text(&report, "grpc")?),
        ca_sha256: text(&report, "ca_sha256")?,
        admin_token: data.join("admin-token"),
    };
    Ok((process, control_plane))
}

/// Starts a program that reports its addresses in a file.
fn start_ready(mut command: Command, name: &str, folder: &Path) -> Result<(Process, Value)> {
    let ready = folder.join("ready.json");
    command.arg("--ready-file").arg(&ready);
    report_from(command, name, &folder.join("log.txt"), &ready)
}

/// Starts a program that reports its addresses in its first line.
fn start_reporting(command: Command, name: &str, folder: &Path) -> Result<(Process, Value)> {
    let log = folder.join(format!("{name}.txt"));
    report_from(command, name, &log, &log)
}

fn report_from(mut command: Command, name: &str, log: &Path, file: &Path) -> Result<(Process, Value)> {
    let mut process = Process::start(name, &mut command, log)?;
    let mut report = None;
    process.wait_until("it reports its addresses", || {
        let written = fs::read_to_string(file).unwrap_or_default();
        report = written.lines().next().and_then(|line| serde_json::from_str(line).ok());
        report.is_some()
    })?;
    Ok((process, report.unwrap_or_default()))
}

fn write_secret(path: &Path, secret: &str) -> Result<()> {
    let file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(secret.as_bytes()))
        .with_context(|| format!("cannot write {}", path.display()))
}

fn json(text: &str) -> Result<Value> {
    serde_json::from_str(text).with_context(|| format!("no JSON: {text}"))
}

fn text(value: &Value, name: &str) -> Result<String> {
    let found = value.get(name).and_then(Value::as_str);
    Ok(found.with_context(|| format!("no {name} in {value}"))?.to_owned())
}

fn manifest(agent_url: &str) -> String {
    format!(
        "# What the demo publishes: an agent, a plan that asks for a key, a consumer that subscribes to the plan.
plans:
- name: organizations/default/plans/standard
  displayName: Standard
  apiKey: {{}}
  rateLimits:
  - name: requests
    requests: 600
    period: 60s
    burst: 60
agents:
- name: {AGENT}
  displayName: Echo
  state: AGENT_STATE_DEPLOYED
  upstreams:
  - url: {agent_url}
  plans: [organizations/default/plans/standard]
consumers:
- name: organizations/default/consumers/demo
  displayName: Demo
subscriptions:
- name: {SUBSCRIPTION}
  plan: organizations/default/plans/standard
"
    )
}
