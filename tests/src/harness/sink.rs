//! The OTLP sink: a collector that keeps what it receives and says so.

use std::process::Command;

use serde_json::Value;

use super::{places, process::Process};

/// A running sink.
pub struct Sink {
    /// Its process; prints each record as it comes.
    pub process: Process,
    /// Where exporters send.
    pub endpoint: String,
}

impl Sink {
    /// Starts one.
    #[must_use]
    pub fn start() -> Self {
        Self::start_at("127.0.0.1:0")
    }

    /// Starts one that listens at an address.
    #[must_use]
    pub fn start_at(address: &str) -> Self {
        let mut command = Command::new(places::program("otlp-sink"));
        command.args(["--print", "--listen", address]);
        let mut process = Process::start("OTLP sink", command);
        let ready = process.json_line().unwrap_or_else(|| panic!("the sink ended\n{}", process.log()));
        let endpoint = ready["otlp"].as_str().unwrap_or_else(|| panic!("no address: {ready}")).to_owned();
        Self { process, endpoint }
    }

    /// Reads records until so many spans of one trace have come; gives them.
    #[must_use]
    pub fn spans_of(&mut self, trace: &str, count: usize) -> Vec<Value> {
        let mut spans = Vec::new();
        while spans.len() < count {
            let record = self.process.json_line().expect("the sink runs");
            if record["signal"] == "span" && record["trace_id"] == trace {
                spans.push(record);
            }
        }
        spans
    }
}
