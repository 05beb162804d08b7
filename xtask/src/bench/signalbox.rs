//! A data plane that runs alone from a manifest.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};
use serde_json::Value;

use super::{
    Options,
    subject::{Kind, Setting, Subject},
};
use crate::{process::Process, workspace};

/// Builds a data plane as it is published, unless one was given.
///
/// # Errors
/// When the build fails.
pub(super) fn build(options: &Options) -> Result<PathBuf> {
    if let Some(program) = &options.data_plane {
        return Ok(program.clone());
    }
    println!("building the data plane with the profile dist");
    let mut build = workspace::cargo();
    build.args([
        "build",
        "--quiet",
        "--locked",
        "--profile",
        "dist",
        "--package",
        "signalbox-data-plane",
        "--bins",
    ]);
    workspace::run(&mut build)?;
    Ok(workspace::target().join("dist/signalbox-data-plane"))
}

/// The data plane with a key plan, a rate limit and its access log.
///
/// # Errors
/// When it does not start.
pub(super) fn gateway(folder: &Path, program: &Path, setting: &Setting) -> Result<Subject> {
    let manifest = folder.join("manifest.yaml");
    fs::write(&manifest, manifest_text(setting))
        .with_context(|| format!("cannot write {}", manifest.display()))?;
    let ready = folder.join("ready.json");
    let mut command = Command::new(program);
    command.arg("--config-file").arg(&manifest).arg("--ready-file").arg(&ready).current_dir(folder);
    for listener in ["--listen", "--admin-listen", "--health-listen"] {
        command.args([listener, "127.0.0.1:0"]);
    }
    let mut process = Process::start("Signalbox", &mut command, &folder.join("log.txt"))?;
    let mut address = None;
    process.wait_until("it reports its addresses", || {
        let report: Value =
            serde_json::from_str(&fs::read_to_string(&ready).unwrap_or_default()).unwrap_or_default();
        address = report["listen"][0].as_str().and_then(|text| text.parse().ok());
        address.is_some()
    })?;
    let address = address.context("no address")?;
    Ok(Subject {
        kind: Kind::Signalbox,
        process,
        address,
        credential: format!("x-api-key: {}", setting.key.key),
    })
}

fn manifest_text(setting: &Setting) -> String {
    format!(
        "plans:
- name: organizations/default/plans/benchmark
  apiKey: {{}}
  rateLimits:
  - {{name: requests, requests: 1000000, period: 1s, burst: 1000000}}
agents:
- name: organizations/default/agents/requests
  state: AGENT_STATE_DEPLOYED
  upstreams: [{{url: 'http://{}'}}]
  plans: [organizations/default/plans/benchmark]
- name: organizations/default/agents/streams
  state: AGENT_STATE_DEPLOYED
  upstreams: [{{url: 'http://{}'}}]
  plans: [organizations/default/plans/benchmark]
consumers:
- name: organizations/default/consumers/benchmark
subscriptions:
- name: organizations/default/consumers/benchmark/subscriptions/benchmark
  plan: organizations/default/plans/benchmark
apiKeys:
- name: organizations/default/consumers/benchmark/subscriptions/benchmark/apiKeys/benchmark
  keySha256: {}
",
        setting.requests, setting.streams, setting.key.sha256,
    )
}
