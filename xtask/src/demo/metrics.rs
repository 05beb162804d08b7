//! What a data plane itself has counted.

#[cfg(test)]
mod tests;

use std::net::SocketAddr;

use anyhow::{Context, Result, ensure};

use crate::http;

/// Counter of requests in the Prometheus text of a data plane.
const REQUESTS: &str = "signalbox_requests_total";

/// Requests for an agent of the default organization that the data plane with this admin address has answered.
///
/// # Errors
/// When the metrics cannot be read.
pub(super) fn requests(admin: SocketAddr, agent: &str) -> Result<u64> {
    let answer = http::get(admin, "/metrics")?;
    ensure!(answer.status == 200, "metrics: status {}", answer.status);
    sum(&answer.body, REQUESTS, &format!("organization=\"default\",agent=\"{agent}\""))
}

/// Sum of all series of a counter that carry a label.
fn sum(text: &str, counter: &str, label: &str) -> Result<u64> {
    let mut total = 0;
    for line in text.lines().filter(|line| line.starts_with(counter) && line.contains(label)) {
        let value = line.rsplit(' ').next().unwrap_or_default();
        total += value.parse::<f64>().with_context(|| format!("no number in {line:?}"))? as u64;
    }
    Ok(total)
}
