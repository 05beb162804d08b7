//! Everything that runs in the demo.

use std::{
    fs,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};

use super::say;
use crate::{
    http,
    planes::{ControlPlane, DataPlane, Programs, start_reporting, text},
    process::Process,
};

/// Ids and regions of the data planes.
const DATA_PLANES: [(&str, &str); 2] = [("edge-frankfurt", "eu-central"), ("edge-virginia", "us-east")];
/// The agent's path on every data plane.
pub(super) const AGENT_PATH: &str = "/a2a/echo";
/// The agent's id.
pub(super) const AGENT: &str = "echo";
/// The subscription whose key the calls carry.
pub(super) const SUBSCRIPTION: &str = "organizations/default/consumers/demo/subscriptions/demo";
/// Time for telemetry to arrive: metrics are exported on an interval.
const TELEMETRY_TIMEOUT: Duration = Duration::from_secs(90);
const POLL: Duration = Duration::from_millis(100);

/// What runs. Fields are dropped in order: callers before those they call.
pub(super) struct Fleet {
    pub(super) data_planes: Vec<DataPlane>,
    pub(super) control_plane: ControlPlane,
    _agent: Process,
    _collector: Process,
    agent_url: String,
    /// Address that answers what the collector received.
    pub(super) collector_queries: String,
    pub(super) folder: PathBuf,
}

/// The agent's address on a data plane.
pub(super) fn agent_url(data_plane: &DataPlane) -> String {
    format!("http://{}{AGENT_PATH}", data_plane.address)
}

impl Fleet {
    /// Starts everything.
    ///
    /// # Errors
    /// When something does not start.
    pub(super) fn start(programs: &Programs, folder: &Path) -> Result<Self> {
        let start = |program: &str, name: &str| {
            let log = folder.join(format!("{name}.txt"));
            start_reporting(programs.command(program), name, &log, &log)
        };
        let (collector, report) = start("otlp-sink", "collector")?;
        let (otlp, collector_queries) = (text(&report, "otlp")?, text(&report, "query")?);
        say(&format!("collector: OTLP at {otlp}"));
        let (agent, report) = start("sample-agent", "agent")?;
        let agent_url = text(&report, "url")?;
        say(&format!("agent: {agent_url}, A2A 0.3 and 1.0"));

        let telemetry = ["--otlp-endpoint", &otlp, "--trace-ratio", "1"];
        let control_plane = ControlPlane::start(programs, &folder.join("control-plane"), Some(&otlp))?;
        say(&format!("control plane: {}, SQLite in {}", control_plane.url, control_plane.data.display()));
        let mut data_planes = Vec::new();
        for (id, region) in DATA_PLANES {
            let program = programs.path("signalbox-data-plane");
            let options = [&telemetry[..], &["--drain-delay", "0s"]].concat();
            let data_plane =
                control_plane.start_data_plane(&program, &folder.join(id), (id, region), &options)?;
            say(&format!("data plane {id}: region {region}, http://{}", data_plane.address));
            data_planes.push(data_plane);
        }
        let folder = folder.to_path_buf();
        Ok(Self {
            data_planes,
            control_plane,
            _agent: agent,
            _collector: collector,
            agent_url,
            collector_queries,
            folder,
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
        for line in self.control_plane.signalbox(&["apply", "-f", &path])?.lines() {
            say(&format!("  {line}"));
        }
        say(&format!("signalbox keys create {SUBSCRIPTION}"));
        let key = self.control_plane.create_key(SUBSCRIPTION)?;
        say(&format!("  {}…", key.get(..16).unwrap_or_default()));
        say("signalbox wait");
        self.control_plane.signalbox(&["wait"])?;
        say("  both data planes enforce it");
        Ok(key)
    }

    /// Waits until the collector has spans, metrics and logs.
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
- name: organizations/default/agents/{AGENT}
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
