//! The programs of `tests/sdk`: agents and clients made with the official SDKs.

use std::{collections::BTreeSet, fs, net::SocketAddr, process::Command};

use serde_json::Value;

use super::{PATIENCE, http, places, process::Process};

/// An SDK and its version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sdk {
    /// PyPI `a2a-sdk` 1.3.
    Python1,
    /// PyPI `a2a-sdk` 0.3.
    Python03,
    /// npm `@a2a-js/sdk` 1.3.
    JavaScript1,
    /// npm `@a2a-js/sdk` 0.3.
    JavaScript03,
    /// crates.io `a2a-client-lf` 0.2, a client of 1.0.
    Rust,
}

impl Sdk {
    /// All that have agents.
    pub const ALL: [Self; 4] = [Self::Python1, Self::Python03, Self::JavaScript1, Self::JavaScript03];

    /// The folder of its programs.
    #[must_use]
    pub fn folder(self) -> &'static str {
        match self {
            Self::Python1 => "python-1.x",
            Self::Python03 => "python-0.3",
            Self::JavaScript1 => "javascript-1.x",
            Self::JavaScript03 => "javascript-0.3",
            Self::Rust => "rust-1.x",
        }
    }

    /// Whether it speaks 0.3 only.
    #[must_use]
    pub fn is_old(self) -> bool {
        self.version() == "0.3"
    }

    /// The A2A version that it speaks of itself.
    #[must_use]
    pub fn version(self) -> &'static str {
        match self {
            Self::Python1 | Self::JavaScript1 | Self::Rust => "1.0",
            Self::Python03 | Self::JavaScript03 => "0.3",
        }
    }

    fn command(self, program: &str) -> Command {
        let sources = places::repository().join("tests/sdk").join(self.folder());
        match self {
            Self::Python1 | Self::Python03 => {
                let mut command = Command::new(places::python(self.folder()));
                command.arg(sources.join(format!("{program}.py"))).env("PYTHONDONTWRITEBYTECODE", "1");
                command
            }
            Self::JavaScript1 | Self::JavaScript03 => {
                let home = places::sdk().join(self.folder());
                assert!(
                    home.join("node_modules/@a2a-js/sdk").is_dir(),
                    "the npm packages in target/sdk/{} are missing: `cargo xtask test --setup-only` installs them",
                    self.folder()
                );
                // Node looks for packages beside the importing file.
                let shared = places::repository().join("tests/sdk");
                for name in ["support.mjs", "support_grpc.mjs"] {
                    copy_if_different(&shared.join(name), &home);
                }
                for name in ["agent.mjs", "client.mjs"] {
                    copy_if_different(&sources.join(name), &home);
                }
                let mut command = Command::new(places::node());
                command.arg(home.join(format!("{program}.mjs")));
                command
            }
            Self::Rust => {
                let built = places::sdk().join(self.folder()).join(format!("debug/a2a-{program}"));
                assert!(
                    built.is_file(),
                    "{} is missing: `cargo xtask test --setup-only` builds it",
                    built.display()
                );
                Command::new(built)
            }
        }
    }
}

/// Replaces a copy in one step, since other tests may be running it.
fn copy_if_different(source: &std::path::Path, home: &std::path::Path) {
    let wanted = fs::read(source).unwrap_or_else(|error| panic!("cannot read {}: {error}", source.display()));
    let copy = home.join(source.file_name().expect("a source has a name"));
    if fs::read(&copy).is_ok_and(|present| present == wanted) {
        return;
    }
    let mut fresh = tempfile::NamedTempFile::new_in(home).expect("the folder of the packages can be written");
    std::io::Write::write_all(&mut fresh, &wanted).expect("the folder of the packages can be written");
    fresh.persist(&copy).expect("the folder of the packages can be written");
}

/// A running SDK agent.
pub struct Agent {
    /// Its process.
    pub process: Process,
    /// Its base URL.
    pub url: String,
    /// Host and port of its gRPC server, with the option `--grpc`.
    pub grpc: Option<String>,
}

/// Options of an agent that serves every binding and every operation.
pub const EVERYTHING: [&str; 3] = ["--grpc", "--push", "--extended-card"];

impl Agent {
    /// Starts the agent of an SDK.
    #[must_use]
    pub fn start(sdk: Sdk) -> Self {
        Self::start_with(sdk, &[], &[])
    }

    /// Starts the agent of an SDK of version 1.x, to speak 0.3 as well.
    #[must_use]
    pub fn hybrid(sdk: Sdk) -> Self {
        Self::start_with(sdk, &["--hybrid"], &[])
    }

    /// Starts the agent of an SDK with options and environment variables.
    #[must_use]
    pub fn start_with(sdk: Sdk, options: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = sdk.command("agent");
        command.args(options).envs(environment.iter().copied());
        let mut process = Process::start(&format!("agent {}", sdk.folder()), command);
        let ready = process.json_line().unwrap_or_else(|| panic!("the agent ended\n{}", process.log()));
        let url = ready["url"].as_str().unwrap_or_else(|| panic!("no address: {ready}")).to_owned();
        Self { process, url, grpc: ready["grpc"].as_str().map(str::to_owned) }
    }

    /// Starts the agent of an SDK with every binding and every operation; one of version 1.x also speaks 0.3.
    #[must_use]
    pub fn full(sdk: Sdk) -> Self {
        let hybrid: &[&str] = if sdk.is_old() { &[] } else { &["--hybrid"] };
        Self::start_with(sdk, &[&EVERYTHING, hybrid].concat(), &[])
    }

    /// The requests that it has received, those of gRPC too: method, path, query, headers.
    #[must_use]
    pub fn observed(&self) -> Vec<Value> {
        let address: SocketAddr =
            self.url["http://".len()..].parse().expect("an agent listens on an address");
        let answer = http::get(address, "/_observed", &[("connection", "close")]).json();
        answer["requests"].as_array().cloned().expect("a list of requests")
    }

    /// How many requests it has received for anything but its public card.
    #[must_use]
    pub fn calls(&self) -> usize {
        let is_card =
            |request: &&Value| request["path"].as_str().is_some_and(|path| path.starts_with("/.well-known/"));
        self.observed().iter().filter(|request| !is_card(request)).count()
    }
}

/// A client of an SDK, and how it is to call.
#[derive(Clone)]
pub struct Client {
    sdk: Sdk,
    options: Vec<String>,
    environment: Vec<(String, String)>,
}

/// What a client said of one scenario.
pub type Record = Value;

impl Client {
    /// A client that finds the card below an address.
    #[must_use]
    pub fn new(sdk: Sdk, url: &str) -> Self {
        Self { sdk, options: vec!["--url".to_owned(), url.to_owned()], environment: Vec::new() }
    }

    /// With an API key, sent in a header that a scheme of the card asks for.
    #[must_use]
    pub fn key(mut self, key: &str, header: &str) -> Self {
        self.options.extend(["--api-key", key, "--header", header].map(str::to_owned));
        self
    }

    /// Over these bindings one after another, instead of JSON-RPC.
    #[must_use]
    pub fn bindings(mut self, bindings: &[&str]) -> Self {
        self.options.extend(bindings.iter().flat_map(|&binding| ["--binding", binding]).map(str::to_owned));
        self
    }

    /// With the authority at which the card has to name gRPC; without one it may not name gRPC at all.
    #[must_use]
    pub fn grpc(mut self, authority: Option<&str>) -> Self {
        self.options
            .extend(authority.into_iter().flat_map(|authority| ["--grpc", authority]).map(str::to_owned));
        self
    }

    /// Trusting the certificates in a file.
    #[must_use]
    pub fn ca(mut self, file: &std::path::Path) -> Self {
        let file = file.display().to_string();
        self.options.extend(["--ca".to_owned(), file.clone()]);
        // Node's own HTTP client reads it from nowhere else.
        self.environment("NODE_EXTRA_CA_CERTS", &file)
    }

    /// Able to call agents of 0.3 where that has to be asked of the SDK.
    #[must_use]
    pub fn legacy(mut self) -> Self {
        if self.sdk == Sdk::JavaScript1 {
            self.options.push("--legacy".to_owned());
        }
        self
    }

    /// With the text that the scenario `message` sends.
    #[must_use]
    pub fn message(mut self, text: &str) -> Self {
        self.options.extend(["--message", text].map(str::to_owned));
        self
    }

    /// With an environment variable.
    #[must_use]
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Starts the client on scenarios.
    #[must_use]
    pub fn start(&self, scenarios: &[&str]) -> Process {
        let mut command = self.sdk.command("client");
        command.args(&self.options).envs(self.environment.iter().map(|(name, value)| (name, value)));
        for scenario in scenarios {
            command.args(["--scenario", scenario]);
        }
        Process::start(&format!("client {}", self.sdk.folder()), command)
    }

    /// Runs scenarios, all of which have to succeed, and gives what each observed.
    #[must_use]
    pub fn run(&self, scenarios: &[&str]) -> Vec<Record> {
        let (records, log) = self.try_run(scenarios);
        let failed = failures(&records);
        assert!(
            !records.is_empty() && failed.is_empty(),
            "client {} with {:?}:\n{log}",
            self.sdk.folder(),
            self.options
        );
        records
    }

    /// Runs scenarios and gives what each observed, and what the client printed.
    #[must_use]
    pub fn try_run(&self, scenarios: &[&str]) -> (Vec<Record>, String) {
        let mut process = self.start(scenarios);
        let mut records = Vec::new();
        while let Some(record) = process.json_line() {
            records.push(record);
        }
        let status = process.wait(PATIENCE);
        // A client that broke off has printed fewer records than it was asked for, or none that failed.
        let consistent = status.success() == failures(&records).is_empty();
        assert!(consistent, "client {} ended with {status}:\n{}", self.sdk.folder(), process.log());
        (records, process.log())
    }

    /// Runs one scenario, which has to succeed, and gives what it observed.
    #[must_use]
    pub fn run_one(&self, scenario: &str) -> Record {
        self.run(&[scenario]).pop().expect("a client reports on its scenario")
    }
}

/// Binding and scenario of each record that is not as the scenario expects.
#[must_use]
pub fn failures(records: &[Record]) -> BTreeSet<String> {
    let failed = records.iter().filter(|record| record["ok"] == false);
    failed.map(|record| format!("{} {}", text(&record["binding"]), text(&record["scenario"]))).collect()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// The record of one scenario among those of [`Client::run`].
#[must_use]
pub fn record<'records>(records: &'records [Record], scenario: &str) -> &'records Record {
    let found = records.iter().find(|record| record["scenario"] == scenario);
    found.unwrap_or_else(|| panic!("no record of {scenario} in {records:?}"))
}
