//! A real A2A client of a2a-client-lf; scenarios are documented in tests/sdk/README.md.

mod scenarios;

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use scenarios::Scenarios;
use serde_json::{Value, json};

/// Longest a scenario may take before the client gives up on it.
const SCENARIO_TIMEOUT: Duration = Duration::from_secs(60);
/// The scenarios that `all` stands for.
const ALL: [&str; 8] =
    ["discover", "send", "stream", "get", "cancel", "resubscribe", "error-unknown-task", "error-from-agent"];

/// The options of the client.
#[derive(Default)]
struct Options {
    url: String,
    bindings: Vec<String>,
    grpc: Option<String>,
    key: Option<String>,
    header: Option<String>,
    names: Vec<String>,
}

impl Options {
    fn parse(mut arguments: impl Iterator<Item = String>) -> Result<Self, String> {
        let mut options = Self::default();
        while let Some(name) = arguments.next() {
            let value = arguments.next().ok_or_else(|| format!("{name} needs a value"))?;
            match name.as_str() {
                "--url" => options.url = value,
                "--binding" => options.bindings.push(value),
                "--grpc" => options.grpc = Some(value),
                "--api-key" => options.key = Some(value),
                "--header" => options.header = Some(value),
                "--scenario" if value == "all" => options.names.extend(ALL.map(str::to_owned)),
                "--scenario" => options.names.push(value),
                _ => return Err(format!("there is no option {name}")),
            }
        }
        if options.bindings.is_empty() {
            options.bindings.push("JSONRPC".to_owned());
        }
        if options.names.is_empty() {
            options.names.extend(ALL.map(str::to_owned));
        }
        Ok(options)
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let options = match Options::parse(std::env::args().skip(1)) {
        Ok(options) => options,
        Err(error) => {
            eprintln!("{error}");
            return ExitCode::from(2);
        }
    };
    let mut are_all_met = true;
    for binding in &options.bindings {
        let mut scenarios = Scenarios::new(&options, binding);
        for name in &options.names {
            are_all_met &= run(&mut scenarios, binding, name).await;
        }
    }
    if are_all_met { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs one scenario, prints its record and says whether it met expectations.
async fn run(scenarios: &mut Scenarios, binding: &str, name: &str) -> bool {
    let started = Instant::now();
    let outcome = tokio::time::timeout(SCENARIO_TIMEOUT, scenarios.run(name)).await;
    let outcome = outcome.unwrap_or_else(|_| Err(json!("took too long")));
    let mut record = json!({"scenario": name, "binding": binding, "ok": outcome.is_ok()});
    match outcome {
        Ok(Value::Object(observed)) => {
            for (member, value) in observed {
                record[member] = value;
            }
        }
        Ok(observed) => record["observed"] = observed,
        Err(failure) => record["failure"] = failure,
    }
    record["seconds"] = json!(started.elapsed().as_secs_f64());
    println!("{record}");
    record["ok"] == true
}
