//! The whole product on one machine: a control plane, two data planes in two regions, an agent, a collector.
//!
//! It publishes the agent with an API-key plan and a limit, calls it through each data plane, says what happened step by
//! step and checks from each data plane's own counters that the calls made through it stayed on it.

mod calls;
mod fleet;
mod metrics;

use std::{fs, path::PathBuf};

use anyhow::{Context, Result};
use clap::Args;

use crate::{planes::Programs, workspace};
use fleet::{Fleet, agent_url};

/// How to run it.
#[derive(Args)]
pub(crate) struct Options {
    /// End after the calls, with a status that says whether they worked
    #[arg(long)]
    once: bool,
    /// Build with optimization
    #[arg(long)]
    release: bool,
}

/// Runs the demo.
///
/// # Errors
/// When something does not start, or a call does not do what it should.
pub(crate) fn run(options: &Options) -> Result<()> {
    step("Building the programs");
    let programs = build(options.release)?;
    let folder = empty_folder()?;

    step("Starting a collector, an agent, a control plane and two data planes");
    let fleet = Fleet::start(&programs, &folder)?;

    step("Publishing the agent with an API-key plan and a limit");
    let key = fleet.publish()?;

    for data_plane in &fleet.data_planes {
        step(&format!("Calling the agent through {} in {}", data_plane.id, data_plane.region));
        calls::through(&fleet, data_plane, &key)?;
    }
    step("What the collector has");
    fleet.wait_for_telemetry()?;

    if options.once {
        println!("\nEverything worked.");
        return Ok(());
    }
    invite(&fleet, &key);
    wait_for_interrupt()
}

fn build(release: bool) -> Result<Programs> {
    let mut build = workspace::cargo();
    build.args(["build", "--locked", "--workspace", "--exclude", "xtask", "--bins"]);
    if release {
        build.arg("--release");
    }
    workspace::run(&mut build)?;
    Ok(Programs::of_profile(if release { "release" } else { "debug" }))
}

fn step(what: &str) {
    println!("\n== {what}");
}

/// Writes one thing that happened.
fn say(what: &str) {
    println!("   {what}");
}

/// A fresh folder for data, configuration and logs.
fn empty_folder() -> Result<PathBuf> {
    let folder = workspace::target().join("demo");
    if folder.exists() {
        fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
    }
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    Ok(folder)
}

/// Commands to copy.
fn invite(fleet: &Fleet, key: &str) {
    let signalbox = fleet.control_plane.signalbox_line();
    step("It stays up until Ctrl-C. Try:");
    for data_plane in &fleet.data_planes {
        let url = agent_url(data_plane);
        println!("\n# through {} in {}", data_plane.id, data_plane.region);
        println!("curl -s {url}/.well-known/agent-card.json");
        for method in ["SendMessage", "SendStreamingMessage"] {
            let headers =
                format!("-H 'content-type: application/json' -H 'a2a-version: 1.0' -H 'x-api-key: {key}'");
            println!("curl -sN {url} {headers} -d '{}'", calls::body(method));
        }
        println!("curl -s http://{}/metrics", data_plane.admin);
    }
    println!("\n# the control plane");
    for arguments in ["fleet status", "get agents", &format!("keys list {}", fleet::SUBSCRIPTION)] {
        println!("{signalbox} {arguments}");
    }
    println!("\n# the collector: spans, metrics and logs as lines of JSON");
    println!("curl -s {}/records?signal=span", fleet.collector_queries);
    println!("\nData, configuration and logs are in {}", fleet.folder.display());
}

fn wait_for_interrupt() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build().context("no runtime")?;
    runtime.block_on(async {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate()).context("cannot wait for a signal")?;
        tokio::select! {
            _ = terminate.recv() => Ok(()),
            interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for an interrupt"),
        }
    })?;
    println!("\nEnding.");
    Ok(())
}
