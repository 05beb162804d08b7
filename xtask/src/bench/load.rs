//! The load generator and what it is told to send.

use std::{
    fs,
    io::{BufRead, BufReader, Lines},
    net::SocketAddr,
    path::{Path, PathBuf},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context, Result, ensure};
use serde::{Deserialize, de::DeserializeOwned};

use super::subject::{Key, Subject};
use crate::{
    planes::{start_reporting, text},
    process::Process,
    workspace,
};

/// Size of a request's body.
const REQUEST_BYTES: usize = 862;
/// Size of an answer's body.
const REPLY_BYTES: usize = 923;

/// The program, built.
pub(super) struct Load {
    program: PathBuf,
    collector: PathBuf,
    unary: PathBuf,
    streaming: PathBuf,
}

/// What a round of requests saw.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Requests {
    pub(super) requests: u64,
    pub(super) errors: u64,
    pub(super) first_error: Option<String>,
    pub(super) seconds: f64,
    pub(super) p50_us: u64,
    pub(super) p99_us: u64,
}

/// Streams have been opened.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Opened {
    pub(super) open: usize,
    pub(super) failed: usize,
}

/// What open streams saw.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Events {
    pub(super) events: u64,
    pub(super) cut: usize,
}

/// What was seen of streams until they were ended.
#[derive(Debug, Clone, Deserialize)]
struct Ended {
    cut: usize,
}

/// Streams held open; they end with this.
pub(super) struct Streams {
    child: Child,
    lines: Lines<BufReader<ChildStdout>>,
    stdin: Option<ChildStdin>,
}

impl Load {
    /// Builds the programs, unless a folder has them already, and writes the bodies they send.
    ///
    /// # Errors
    /// When the build fails.
    pub(super) fn build(folder: &Path, tools: Option<&Path>) -> Result<Self> {
        let built = match tools {
            Some(built) => built.canonicalize().with_context(|| format!("no folder {}", built.display()))?,
            None => build()?,
        };
        let write = |name: &str, method: &str| {
            let file = folder.join(name);
            fs::write(&file, request(method)).with_context(|| format!("cannot write {}", file.display()))?;
            Ok::<_, anyhow::Error>(file)
        };
        Ok(Self {
            program: built.join("load"),
            collector: built.join("otlp-sink"),
            unary: write("unary.json", "SendMessage")?,
            streaming: write("streaming.json", "SendStreamingMessage")?,
        })
    }

    /// Makes a key for the callers.
    ///
    /// # Errors
    /// When the load generator fails.
    pub(super) fn key(&self) -> Result<Key> {
        parse(&workspace::output(&mut self.command("key"))?)
    }

    /// Sends requests for a while.
    ///
    /// # Errors
    /// When the load generator fails.
    pub(super) fn requests(
        &self,
        subject: &Subject,
        path: &str,
        seconds: f64,
        connections: u32,
    ) -> Result<Requests> {
        let mut command = self.target("requests", subject, path, &self.unary);
        command.args(["--seconds", &seconds.to_string(), "--connections", &connections.to_string()]);
        parse(&workspace::output(&mut command)?)
    }

    /// Sends requests at a fixed rate for a while.
    ///
    /// # Errors
    /// When the load generator fails.
    pub(super) fn requests_at(
        &self,
        subject: &Subject,
        path: &str,
        seconds: f64,
        rate: f64,
    ) -> Result<Requests> {
        let mut command = self.target("requests", subject, path, &self.unary);
        command.args(["--seconds", &seconds.to_string(), "--rate", &rate.to_string()]);
        parse(&workspace::output(&mut command)?)
    }

    /// Sends requests over TLS to a listener of the gateway for a second, each on a connection of its own.
    ///
    /// # Errors
    /// When the load generator fails.
    pub(super) fn handshakes(
        &self,
        subject: &Subject,
        address: SocketAddr,
        path: &str,
        ca: &Path,
    ) -> Result<Requests> {
        let mut command = self.target_at("requests", address, subject, path, &self.unary);
        command
            .args(["--seconds", "1", "--rate", "100", "--connections", "4", "--reconnect", "--tls-ca"])
            .arg(ca);
        parse(&workspace::output(&mut command)?)
    }

    /// The load generator in one of its modes.
    pub(super) fn command(&self, mode: &str) -> Command {
        let mut command = Command::new(&self.program);
        command.arg(mode);
        command
    }

    /// Opens streams; ask the result for what they see.
    ///
    /// # Errors
    /// When the load generator cannot be started.
    pub(super) fn streams(
        &self,
        subject: &Subject,
        path: &str,
        streams: usize,
        seconds: f64,
    ) -> Result<Streams> {
        let mut command = self.target("streams", subject, path, &self.streaming);
        command.args(["--seconds", &seconds.to_string(), "--streams", &streams.to_string()]);
        let mut child =
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().context("cannot start the load")?;
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().context("the load has no output")?;
        Ok(Streams { child, lines: BufReader::new(stdout).lines(), stdin })
    }

    /// Starts a collector; gives its address too.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn collector(&self, folder: &Path) -> Result<(Process, String)> {
        let log = folder.join("collector.txt");
        let (process, report) = start_reporting(Command::new(&self.collector), "the collector", &log, &log)?;
        Ok((process, text(&report, "otlp")?))
    }

    /// Starts the agent behind event streams.
    ///
    /// # Errors
    /// When it does not start.
    pub(super) fn source(&self, folder: &Path) -> Result<(Process, SocketAddr)> {
        let address = crate::process::free_address()?;
        let mut command = Command::new(&self.program);
        command.args(["source", "--listen", &address.to_string()]);
        let mut process = Process::start("the source of events", &mut command, &folder.join("source.log"))?;
        process.wait_for(address)?;
        Ok((process, address))
    }

    fn target(&self, mode: &str, subject: &Subject, path: &str, body: &Path) -> Command {
        self.target_at(mode, subject.address, subject, path, body)
    }

    fn target_at(
        &self,
        mode: &str,
        address: SocketAddr,
        subject: &Subject,
        path: &str,
        body: &Path,
    ) -> Command {
        let mut command = self.command(mode);
        command.args(["--address", &address.to_string(), "--path", path]);
        command
            .args(["--header", &subject.credential, "--header", "a2a-version: 1.0"])
            .arg("--body")
            .arg(body);
        command
    }
}

impl Streams {
    /// Waits until all are open.
    ///
    /// # Errors
    /// When the load generator ends first.
    pub(super) fn opened(&mut self) -> Result<Opened> {
        self.line()
    }

    /// Waits until the time of counting is over.
    ///
    /// # Errors
    /// When the load generator ends first.
    pub(super) fn events(&mut self) -> Result<Events> {
        self.line()
    }

    /// Ends them; says how many had been cut before.
    ///
    /// # Errors
    /// When the load generator ended first.
    pub(super) fn end(mut self) -> Result<usize> {
        drop(self.stdin.take());
        Ok(self.line::<Ended>()?.cut)
    }

    fn line<T: DeserializeOwned>(&mut self) -> Result<T> {
        parse(&self.lines.next().context("the load ended")??)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        drop(self.stdin.take());
        let _ = self.child.wait();
    }
}

fn build() -> Result<PathBuf> {
    println!("building the load generator and the collector");
    let mut build = workspace::cargo();
    build.args(["build", "--quiet", "--locked", "--release", "--package", "system-tests"]);
    build.args(["--bin", "load", "--bin", "otlp-sink"]);
    workspace::run(&mut build)?;
    Ok(workspace::target().join("release"))
}

fn parse<T: DeserializeOwned>(line: &str) -> Result<T> {
    serde_json::from_str(line).with_context(|| format!("the load printed {line}"))
}

/// The body of a request, padded to its size.
fn request(method: &str) -> String {
    let make = |text: &str| {
        serde_json::json!({
            "jsonrpc": "2.0",
            "id": 1,
            "method": method,
            "params": {
                "message": {
                    "messageId": "0191f3a4-7d5e-7c1a-9b1e-0d8f4c2b6a1f",
                    "role": "ROLE_USER",
                    "parts": [{"text": text}],
                    "contextId": "0191f3a4-7d5e-7c1a-9b1e-0d8f4c2b6a11",
                },
                "configuration": {"acceptedOutputModes": ["text/plain"], "returnImmediately": false},
            },
        })
        .to_string()
    };
    padded(make, REQUEST_BYTES)
}

/// The body of the answer, padded to its size.
pub(super) fn reply() -> String {
    let make = |text: &str| {
        serde_json::json!({
            "jsonrpc": "2.0",
            "id": 1,
            "result": {"task": {
                "id": "0191f3a4-7d5e-7c1a-9b1e-0d8f4c2b6a10",
                "contextId": "0191f3a4-7d5e-7c1a-9b1e-0d8f4c2b6a11",
                "status": {"state": "TASK_STATE_COMPLETED", "timestamp": "2026-01-01T00:00:00.000Z"},
                "artifacts": [{"artifactId": "answer", "parts": [{"text": text}]}],
            }},
        })
        .to_string()
    };
    padded(make, REPLY_BYTES)
}

fn padded(make: impl Fn(&str) -> String, bytes: usize) -> String {
    let filler = "lorem ipsum ".repeat(bytes);
    make(&filler[..bytes.saturating_sub(make("").len())])
}

impl Requests {
    /// Fails a round that had error answers; its figures would say nothing.
    ///
    /// # Errors
    /// When there were any.
    pub(super) fn valid(&self, name: &str) -> Result<()> {
        let first = self.first_error.as_deref().unwrap_or_default();
        ensure!(
            self.errors == 0,
            "{name}: {} of {} requests failed; the first: {first}",
            self.errors,
            self.requests
        );
        Ok(())
    }
}
