//! Config changes: how soon a request sees one, and what callers notice of a thousand.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    thread,
    time::Duration,
};

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use super::{
    Bench,
    load::{Load, Requests},
    nginx, signalbox,
    subject::{Key, Kind, REQUESTS_PATH, STREAMS_PATH, Setting, Subject},
    table,
};
use crate::{
    planes::{ControlPlane, Programs},
    workspace,
};

/// Changes whose latency is measured.
const LATENCY_CHANGES: usize = 1000;
/// Changes under load.
const CHURN_CHANGES: usize = 1000;
/// Requests a second while changes are made: well below what the machine can do, so that a pause would show.
const RATE: f64 = 2000.0;
/// Length of a round of requests.
const ROUND_SECONDS: f64 = 2.0;
/// Streams held open meanwhile.
const STREAMS: usize = 200;

/// What `load changes` prints of one kind of thing.
#[derive(Debug, Clone, Copy, Deserialize)]
struct Times {
    count: u64,
    p50_us: u64,
    p99_us: u64,
    max_us: u64,
}

#[derive(Deserialize)]
struct Latency {
    agents: Times,
    keys: Times,
}

#[derive(Deserialize)]
struct Churn {
    commits: Times,
    seconds: f64,
}

/// Starts a control plane and a data plane, measures, prints tables.
///
/// # Errors
/// When something does not start, or a change is refused.
pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let programs = build(bench)?;
    let folder = bench.fresh_folder("changes")?;
    let (_agent, requests) = nginx::agent(&folder)?;
    let (_source, streams) = bench.load.source(&folder)?;
    let control_plane = ControlPlane::start(&programs, &folder.join("control-plane"), None)?;
    let certificates = Certificates { load: &bench.load, folder: folder.join("certificates") };
    fs::create_dir_all(&certificates.folder).context("cannot make a folder")?;
    certificates.renew()?;
    let (tls, log) = (certificates.listener(), folder.join("access.json").display().to_string());
    let options = ["--listen", &tls, "--access-log", &log];
    let edge = ("edge", "local");
    let data_plane =
        control_plane.start_data_plane(&bench.data_plane, &folder.join("edge"), edge, &options)?;
    let tls_address = *data_plane.more.first().context("the data plane has no TLS listener")?;

    let setting = Setting { requests, streams, key: Key { key: String::new(), sha256: String::new() } };
    let manifest = folder.join("manifest.yaml");
    fs::write(&manifest, manifest_text(&setting)).context("cannot write the manifest")?;
    control_plane.signalbox(&["apply", "-f", &manifest.display().to_string()])?;
    let key = control_plane.create_key(signalbox::SUBSCRIPTION)?;
    control_plane.signalbox(&["wait"])?;

    let subject = Subject {
        kind: Kind::Signalbox,
        address: data_plane.address,
        process: data_plane.process,
        _collector: None,
        credential: format!("x-api-key: {key}"),
    };
    let changes =
        Changes { bench, control_plane: &control_plane, subject: &subject, certificates, tls_address };
    changes.latency()?;
    changes.under_load(&folder)
}

fn build(bench: &Bench<'_>) -> Result<Programs> {
    if let Some(folder) = &bench.options.control_plane {
        let folder = folder.canonicalize().with_context(|| format!("no folder {}", folder.display()))?;
        return Ok(Programs::in_folder(folder));
    }
    println!("building the control plane and the command line");
    let mut build = workspace::cargo();
    build.args(["build", "--quiet", "--locked", "--release", "--bins"]);
    build.args(["--package", "signalbox-control-plane", "--package", "signalbox-cli"]);
    workspace::run(&mut build)?;
    Ok(Programs::of_profile("release"))
}

/// What both measurements work with.
struct Changes<'a> {
    bench: &'a Bench<'a>,
    control_plane: &'a ControlPlane,
    subject: &'a Subject,
    certificates: Certificates<'a>,
    tls_address: SocketAddr,
}

/// Certificates of the data plane's TLS listener.
struct Certificates<'a> {
    load: &'a Load,
    folder: PathBuf,
}

impl Certificates<'_> {
    fn listener(&self) -> String {
        let file = |name: &str| self.folder.join(name).display().to_string();
        format!("127.0.0.1:0,cert={},key={}", file("cert.pem"), file("key.pem"))
    }

    /// Puts a fresh certificate and key in place.
    fn renew(&self) -> Result<()> {
        workspace::run(self.load.command("certificate").arg(&self.folder))
    }
}

impl Changes<'_> {
    fn command(&self, measure: &str, changes: usize) -> Command {
        let mut command = self.bench.load.command("changes");
        command.args(["--server", &self.control_plane.url]).arg("--ca").arg(self.control_plane.ca());
        command.arg("--token-file").arg(&self.control_plane.admin_token);
        command.args(["--data-plane", &self.subject.address.to_string()]);
        command.args(["--measure", measure, "--changes", &changes.to_string()]);
        command
    }

    fn latency(&self) -> Result<()> {
        let printed = workspace::output(&mut self.command("latency", LATENCY_CHANGES))?;
        let seen: Latency =
            serde_json::from_str(&printed).with_context(|| format!("the load printed {printed}"))?;
        let rows = [row("agent stopped or deployed", seen.agents), row("key created or revoked", seen.keys)];
        table::print(
            "Change sent → seen by a request, one data plane, ms",
            &["change", "count", "p50", "p99", "max"],
            &rows,
        );
        Ok(())
    }

    fn under_load(&self, folder: &Path) -> Result<()> {
        let mut streams = self.bench.load.streams(self.subject, STREAMS_PATH, STREAMS, 0.0)?;
        ensure!(streams.opened()?.failed == 0, "not every stream could be opened");
        streams.events()?;
        let calm = self.round()?;

        let log = fs::File::create(folder.join("churn.json")).context("cannot write a log")?;
        let mut churn = self.command("churn", CHURN_CHANGES).stdout(log).stdin(Stdio::null()).spawn()?;
        let mut rounds = Vec::new();
        let mut handshakes = Vec::new();
        while rounds.is_empty() || running(&mut churn)? {
            self.certificates.renew()?;
            rounds.push(self.round()?);
            handshakes.push(self.handshakes()?);
        }
        let status = churn.wait().context("cannot wait for the changes")?;
        ensure!(status.success(), "a change failed");
        let printed = fs::read_to_string(folder.join("churn.json")).context("cannot read a log")?;
        let churn: Churn =
            serde_json::from_str(&printed).with_context(|| format!("the load printed {printed}"))?;
        thread::sleep(Duration::from_secs(1));
        report(&churn, &calm, &rounds, &handshakes, streams.end()?);
        Ok(())
    }

    /// Requests over TLS, each on a connection of its own.
    fn handshakes(&self) -> Result<Requests> {
        let ca = self.certificates.folder.join("ca.pem");
        self.bench.load.handshakes(self.subject, self.tls_address, REQUESTS_PATH, &ca)
    }

    fn round(&self) -> Result<Requests> {
        self.bench.load.requests_at(self.subject, REQUESTS_PATH, ROUND_SECONDS, RATE)
    }
}

fn running(child: &mut Child) -> Result<bool> {
    Ok(child.try_wait().context("cannot ask for a process")?.is_none())
}

fn report(churn: &Churn, calm: &Requests, rounds: &[Requests], handshakes: &[Requests], cut: usize) {
    let mut p99: Vec<_> = rounds.iter().map(|round| round.p99_us).collect();
    p99.sort_unstable();
    let middle = p99.get(p99.len() / 2).copied().unwrap_or_default();
    let failed = |rounds: &[Requests]| {
        let (all, failed): (u64, u64) =
            rounds.iter().fold((0, 0), |(all, failed), round| (all + round.requests, failed + round.errors));
        format!("{failed} of {all}")
    };
    for error in rounds.iter().chain(handshakes).filter_map(|round| round.first_error.as_deref()) {
        println!("a request failed: {error}");
    }
    let title = format!(
        "{CHURN_CHANGES} config changes in {:.1} s under {RATE} requests a second and {STREAMS} open streams",
        churn.seconds
    );
    let rows = [
        vec!["failed requests".to_owned(), failed(rounds)],
        vec!["failed requests with a TLS handshake each".to_owned(), failed(handshakes)],
        vec!["certificates renewed".to_owned(), handshakes.len().to_string()],
        vec!["cut streams".to_owned(), cut.to_string()],
        vec!["p99 µs without changes".to_owned(), calm.p99_us.to_string()],
        vec!["p99 µs with changes".to_owned(), middle.to_string()],
        vec![
            "commit p50 / p99 ms".to_owned(),
            format!("{} / {}", ms(churn.commits.p50_us), ms(churn.commits.p99_us)),
        ],
    ];
    table::print(&title, &["what", "value"], &rows);
}

fn row(name: &str, times: Times) -> Vec<String> {
    let Times { count, p50_us, p99_us, max_us } = times;
    vec![name.to_owned(), count.to_string(), ms(p50_us), ms(p99_us), ms(max_us)]
}

fn ms(micros: u64) -> String {
    format!("{:.1}", micros as f64 / 1000.0)
}

/// The agents of the benchmark, and further resources that change.
fn manifest_text(setting: &Setting) -> String {
    let benchmark = signalbox::resources(setting);
    let agent = |id: &str, path: &str| {
        format!(
            "- name: organizations/default/agents/{id}
  state: AGENT_STATE_DEPLOYED
  upstreams: [{{url: 'http://{}{path}'}}]
  plans: [organizations/default/plans/other]
",
            setting.requests,
        )
    };
    format!(
        "plans:
{}- name: organizations/default/plans/other
  apiKey: {{}}
  rateLimits: [{{name: requests, requests: 900000, period: 1s, burst: 900000}}]
agents:
{}{}{}consumers:
{}- name: organizations/default/consumers/other
subscriptions:
{}- name: organizations/default/consumers/other/subscriptions/other
  plan: organizations/default/plans/other
",
        benchmark.plans,
        benchmark.agents,
        agent("toggled", ""),
        agent("moving", "/0"),
        benchmark.consumers,
        benchmark.subscriptions,
    )
}
