//! The calls of the demo and what they have to show.

use std::{
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::{
    fleet::{AGENT, AGENT_PATH, Fleet, agent_url},
    metrics, say,
};
use crate::{
    http::{self, Request},
    planes::DataPlane,
};

/// Calls that [`through`] makes and that a data plane counts for the agent.
const CALLS: u64 = 4;
/// Time for a request that has ended to be counted.
const COUNT_TIMEOUT: Duration = Duration::from_secs(2);
const POLL: Duration = Duration::from_millis(20);
/// Chunks that the streamed answer is asked to have.
const CHUNKS: usize = 3;

/// A call in the dialect of A2A 1.0.
pub(super) fn body(method: &str) -> String {
    json!({
        "jsonrpc": "2.0",
        "id": 1,
        "method": method,
        "params": {"message": {
            "messageId": "demo",
            "role": "ROLE_USER",
            "parts": [{"text": "hello"}],
            "metadata": {"chunks": CHUNKS, "intervalMs": 200},
        }},
    })
    .to_string()
}

/// Discovers, is refused without a key, calls, streams; then checks who counted.
///
/// # Errors
/// When a call does not do what it should, or was counted elsewhere.
pub(super) fn through(fleet: &Fleet, data_plane: &DataPlane, key: &str) -> Result<()> {
    let before = counts(fleet)?;
    discover(data_plane)?;
    refused(data_plane)?;
    unary(data_plane, key)?;
    stream(data_plane, key)?;

    for (other, before) in fleet.data_planes.iter().zip(before) {
        let expected = if other.id == data_plane.id { CALLS } else { 0 };
        let counted = counted_since(other, before, expected)?;
        ensure!(counted == expected, "{} counted {counted} calls instead of {expected}", other.id);
        say(&format!("{} counted {counted} of these calls", other.id));
    }
    Ok(())
}

fn counts(fleet: &Fleet) -> Result<Vec<u64>> {
    fleet.data_planes.iter().map(|data_plane| metrics::requests(data_plane.admin, AGENT)).collect()
}

/// What a data plane has counted beyond `before`. A request counts when the last byte of its answer has been sent, which
/// its caller may see first.
fn counted_since(data_plane: &DataPlane, before: u64, expected: u64) -> Result<u64> {
    let start = Instant::now();
    loop {
        let counted = metrics::requests(data_plane.admin, AGENT)? - before;
        if counted >= expected || start.elapsed() > COUNT_TIMEOUT {
            return Ok(counted);
        }
        thread::sleep(POLL);
    }
}

fn discover(data_plane: &DataPlane) -> Result<()> {
    let answer = http::get(data_plane.address, &format!("{AGENT_PATH}/.well-known/agent-card.json"))?;
    ensure!(answer.status == 200, "discovery: status {}: {}", answer.status, answer.body);
    let card: Value = serde_json::from_str(&answer.body).context("the card is no JSON")?;
    let own = agent_url(data_plane);
    let interfaces = card["supportedInterfaces"].as_array().context("the card has no interfaces")?;
    let urls: Vec<_> = interfaces.iter().chain([&card]).filter_map(|of| of["url"].as_str()).collect();
    ensure!(
        !urls.is_empty() && urls.iter().all(|url| *url == own),
        "the card leads to {urls:?}, not to {own}"
    );
    ensure!(card["securitySchemes"].is_object(), "the card does not say that a key is needed");
    say(&format!("discovery: \"{}\" at {own}, a key is needed", card["name"].as_str().unwrap_or_default()));
    Ok(())
}

fn refused(data_plane: &DataPlane) -> Result<()> {
    let answer = call(data_plane, None, "SendMessage", |_| ())?;
    ensure!(answer.status == 401, "a call without a key: status {}: {}", answer.status, answer.body);
    let error: Value = serde_json::from_str(&answer.body).context("the refusal is no JSON")?;
    let message = error["error"]["message"].as_str().context("the refusal has no message")?;
    say(&format!("unary call without a key: 401, \"{message}\""));
    Ok(())
}

fn unary(data_plane: &DataPlane, key: &str) -> Result<()> {
    let answer = call(data_plane, Some(key), "SendMessage", |_| ())?;
    ensure!(answer.status == 200, "a unary call: status {}: {}", answer.status, answer.body);
    let result: Value = serde_json::from_str(&answer.body).context("the answer is no JSON")?;
    let state = result["result"]["task"]["status"]["state"].as_str();
    ensure!(state == Some("TASK_STATE_COMPLETED"), "a unary call answered {}", answer.body);
    say("unary call: 200, TASK_STATE_COMPLETED");
    Ok(())
}

fn stream(data_plane: &DataPlane, key: &str) -> Result<()> {
    let start = Instant::now();
    let mut events = Vec::new();
    let answer = call(data_plane, Some(key), "SendStreamingMessage", |piece| {
        for line in piece.lines().filter_map(|line| line.strip_prefix("data:")) {
            let event: Value = serde_json::from_str(line).unwrap_or_default();
            let kind = event["result"]
                .as_object()
                .and_then(|result| result.keys().next().cloned())
                .unwrap_or_default();
            say(&format!("stream: {kind} after {} ms", start.elapsed().as_millis()));
            events.push(kind);
        }
    })?;
    ensure!(answer.status == 200, "a streaming call: status {}: {}", answer.status, answer.body);
    let chunks = events.iter().filter(|kind| *kind == "artifactUpdate").count();
    ensure!(
        chunks == CHUNKS && events.last().is_some_and(|kind| kind == "statusUpdate"),
        "the stream had {events:?}"
    );
    Ok(())
}

fn call(
    data_plane: &DataPlane,
    key: Option<&str>,
    method: &str,
    on_piece: impl FnMut(&str),
) -> Result<http::Answer> {
    let mut headers = vec!["content-type: application/json".to_owned(), "a2a-version: 1.0".to_owned()];
    headers.extend(key.map(|key| format!("x-api-key: {key}")));
    let body = body(method);
    let request = Request {
        address: data_plane.address,
        method: "POST",
        path: AGENT_PATH,
        headers: &headers,
        body: &body,
    };
    http::send(&request, on_piece)
}
