//! A trace in a backend that this project did not write: Arize Phoenix, from the Python package index.
//!
//! On demand only: the package and what it needs take most of a gigabyte.

use std::{
    fs,
    net::SocketAddr,
    path::Path,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::{
    http::{self, Request},
    planes::{DataPlane, Programs, start_reporting, text},
    process::{Process, free_address},
    tools::python,
    workspace,
};

const REQUIREMENTS: &str = "arize-phoenix==20.26.1\n";
/// The caller's own span, which it does not export.
const TRACE_ID: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const PARENT_ID: &str = "00f067aa0ba902b7";
/// Time for a first start, which makes a database.
const START_TIMEOUT: Duration = Duration::from_secs(120);
/// Time for spans to be exported and stored.
const SPANS_TIMEOUT: Duration = Duration::from_secs(60);
const POLL: Duration = Duration::from_millis(250);

/// Calls an agent through a data plane and looks for its server span and its upstream span in Phoenix.
///
/// # Errors
/// When something does not start, or the trace is not as it should be.
pub(crate) fn run() -> Result<()> {
    let mut build = workspace::cargo();
    build.args([
        "build",
        "--locked",
        "--bins",
        "--package",
        "signalbox-data-plane",
        "--package",
        "system-tests",
    ]);
    workspace::run(&mut build)?;
    let programs = Programs::of_profile("debug");
    let folder = workspace::target().join("interop");
    if folder.exists() {
        fs::remove_dir_all(&folder).context("cannot empty the folder")?;
    }
    fs::create_dir_all(&folder).context("cannot make a folder")?;

    let (_phoenix, address, otlp) = start_phoenix(&folder)?;
    println!("Phoenix: http://{address}, OTLP at {otlp}");
    let log = folder.join("agent.txt");
    let (_agent, report) = start_reporting(programs.command("sample-agent"), "the agent", &log, &log)?;
    let data_plane = start_data_plane(&programs, &folder, &text(&report, "url")?, &otlp)?;
    call(&data_plane)?;
    let spans = wait_for_spans(address)?;
    check(&spans)?;
    println!("One trace, {} spans of the gateway, parents as they should be.", spans.len());
    Ok(())
}

fn start_phoenix(folder: &Path) -> Result<(Process, SocketAddr, String)> {
    let python = python::environment("phoenix", REQUIREMENTS)?;
    let (web, grpc) = (free_address()?, free_address()?);
    let mut command = Command::new(python.with_file_name("phoenix"));
    command.arg("serve").env("PHOENIX_WORKING_DIR", folder).env("PHOENIX_HOST", "127.0.0.1");
    command.env("PHOENIX_PORT", web.port().to_string()).env("PHOENIX_GRPC_PORT", grpc.port().to_string());
    command.env("PHOENIX_TELEMETRY_ENABLED", "false");
    let mut process = Process::start("Phoenix", &mut command, &folder.join("phoenix.txt"))?;
    let answers = || http::get(web, "/v1/projects").is_ok_and(|answer| answer.status == 200);
    process.wait_at_most(START_TIMEOUT, "it answers", answers)?;
    Ok((process, web, format!("http://{grpc}")))
}

fn start_data_plane(programs: &Programs, folder: &Path, agent: &str, otlp: &str) -> Result<DataPlane> {
    let manifest = folder.join("manifest.yaml");
    let text = format!(
        "plans:
- name: organizations/default/plans/open
  keyless: {{}}
agents:
- name: organizations/default/agents/echo
  state: AGENT_STATE_DEPLOYED
  upstreams: [{{url: '{agent}'}}]
  plans: [organizations/default/plans/open]
"
    );
    fs::write(&manifest, text).context("cannot write the manifest")?;
    let mut command = programs.command("signalbox-data-plane");
    command.arg("--config-file").arg(&manifest);
    DataPlane::start(command, folder, ("edge", "local"), &["--otlp-endpoint", otlp, "--trace-ratio", "1"])
}

fn call(data_plane: &DataPlane) -> Result<()> {
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": {
        "messageId": "interop", "role": "ROLE_USER", "parts": [{"text": "hello"}],
    }}})
    .to_string();
    let headers = [
        "content-type: application/json".to_owned(),
        "a2a-version: 1.0".to_owned(),
        format!("traceparent: 00-{TRACE_ID}-{PARENT_ID}-01"),
    ];
    let address = data_plane.address;
    let request = Request { address, method: "POST", path: "/a2a/echo", headers: &headers, body: &body };
    let answer = http::send(&request, |_| ())?;
    ensure!(answer.status == 200, "the call: status {}: {}", answer.status, answer.body);
    Ok(())
}

fn wait_for_spans(phoenix: SocketAddr) -> Result<Vec<Value>> {
    let start = Instant::now();
    loop {
        let answer = http::get(phoenix, "/v1/projects/default/spans?limit=100")?;
        let page: Value = serde_json::from_str(&answer.body).context("Phoenix answered no JSON")?;
        let all = page["data"].as_array().cloned().unwrap_or_default();
        let spans: Vec<_> = all.into_iter().filter(|span| span["context"]["trace_id"] == TRACE_ID).collect();
        if spans.len() >= 2 {
            return Ok(spans);
        }
        ensure!(start.elapsed() < SPANS_TIMEOUT, "Phoenix has {} spans of the trace: {page}", spans.len());
        thread::sleep(POLL);
    }
}

/// The server span is the caller's child, the upstream span is the server span's.
fn check(spans: &[Value]) -> Result<()> {
    let child_of = |parent: &str| spans.iter().find(|span| span["parent_id"] == parent);
    let server = child_of(PARENT_ID).context("no span is the caller's child")?;
    let id = server["context"]["span_id"].as_str().context("a span without id")?;
    let upstream = child_of(id).context("no span is the server span's child")?;
    println!("{} → {}", server["name"], upstream["name"]);
    Ok(())
}
