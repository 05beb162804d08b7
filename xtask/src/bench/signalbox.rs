//! A data plane that runs alone from a manifest.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::{Context, Result};

use super::{
    Bench, Options,
    subject::{Kind, Setting, Subject},
};
use crate::{planes::DataPlane, workspace};

const PLAN: &str = "organizations/default/plans/benchmark";
/// The subscription whose key the calls carry.
pub(super) const SUBSCRIPTION: &str = "organizations/default/consumers/benchmark/subscriptions/benchmark";

/// Builds a data plane as it is published, unless one was given.
///
/// # Errors
/// When the build fails.
pub(super) fn build(options: &Options) -> Result<PathBuf> {
    if let Some(program) = &options.data_plane {
        return program.canonicalize().with_context(|| format!("no program at {}", program.display()));
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

/// The data plane with a key plan, a rate limit, its access log, and a collector for metrics and sampled traces.
///
/// # Errors
/// When it does not start.
pub(super) fn gateway(folder: &Path, bench: &Bench<'_>, setting: &Setting) -> Result<Subject> {
    let manifest = folder.join("manifest.yaml");
    fs::write(&manifest, manifest_text(setting))
        .with_context(|| format!("cannot write {}", manifest.display()))?;
    let mut command = Command::new(&bench.data_plane);
    command.arg("--config-file").arg(&manifest).current_dir(folder);
    let log = folder.join("access.json").display().to_string();
    let collector = if bench.options.no_collector { None } else { Some(bench.load.collector(folder)?) };
    let mut options = vec!["--access-log", &log];
    if let Some((_, otlp)) = &collector {
        // Lines go to a file, as those of the others do, and not to the collector as well.
        options.extend(["--no-otlp-access-log", "--otlp-endpoint", otlp]);
    }
    let DataPlane { process, address, .. } =
        DataPlane::start(command, folder, ("Signalbox", "local"), &options)?;
    Ok(Subject {
        kind: Kind::Signalbox,
        process,
        _collector: collector.map(|(process, _)| process),
        address,
        credential: format!("x-api-key: {}", setting.key.key),
    })
}

fn manifest_text(setting: &Setting) -> String {
    let Resources { plans, agents, consumers, subscriptions } = resources(setting);
    let key = format!("- name: {SUBSCRIPTION}/apiKeys/benchmark\n  keySha256: {}\n", setting.key.sha256);
    format!(
        "plans:\n{plans}agents:\n{agents}consumers:\n{consumers}subscriptions:\n{subscriptions}apiKeys:\n{key}"
    )
}

/// The resources of the benchmark as lists of a manifest.
pub(super) struct Resources {
    pub(super) plans: String,
    pub(super) agents: String,
    pub(super) consumers: String,
    pub(super) subscriptions: String,
}

/// The plan, the agents and their caller.
pub(super) fn resources(setting: &Setting) -> Resources {
    let agent = |id: &str, address: SocketAddr| {
        format!(
            "- name: organizations/default/agents/{id}
  state: AGENT_STATE_DEPLOYED
  upstreams: [{{url: 'http://{address}'}}]
  plans: [{PLAN}]
"
        )
    };
    let limit = "{name: requests, requests: 1000000, period: 1s, burst: 1000000}";
    Resources {
        plans: format!("- name: {PLAN}\n  apiKey: {{}}\n  rateLimits: [{limit}]\n"),
        agents: agent("requests", setting.requests) + &agent("streams", setting.streams),
        consumers: "- name: organizations/default/consumers/benchmark\n".to_owned(),
        subscriptions: format!("- name: {SUBSCRIPTION}\n  plan: {PLAN}\n"),
    }
}
