//! A small A2A agent for the demo, for tests and for benchmarks.
//!
//! It speaks the JSON-RPC binding of A2A 0.3 and 1.0 on one address and serves one hybrid card at both well-known paths.
//! A task answers with the text it was sent, as one artifact in as many chunks as asked for.

#![allow(clippy::print_stdout, reason = "the first line tells whoever started the agent where it listens")]

mod card;
mod dialect;
mod events;
mod rpc;
mod server;
mod tasks;

use std::{net::SocketAddr, sync::Arc, time::Duration};

use anyhow::{Context, Result};
use clap::Parser;
use tokio::net::TcpListener;

/// A small A2A agent that speaks 0.3 and 1.0, unary and streaming.
#[derive(Parser)]
struct Arguments {
    /// Address to listen on; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Name on the card
    #[arg(long, default_value = "Sample agent")]
    name: String,
    /// Chunks of an answer, unless the message's metadata has `chunks`
    #[arg(long, default_value_t = 3)]
    chunks: usize,
    /// Milliseconds between two chunks, unless the message's metadata has `intervalMs`
    #[arg(long, default_value_t = 100)]
    interval_ms: u64,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let listener = TcpListener::bind(arguments.listen)
        .await
        .with_context(|| format!("cannot listen on {}", arguments.listen))?;
    let url = format!("http://{}", listener.local_addr().context("the listener has no address")?);
    let pace =
        tasks::Pace { chunks: arguments.chunks, interval: Duration::from_millis(arguments.interval_ms) };
    let agent = Arc::new(rpc::Agent::new(&card::card(&arguments.name, &url), pace));

    println!("{}", serde_json::json!({"ready": true, "url": url}));
    tokio::select! {
        served = server::serve(listener, agent) => served,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for an interrupt"),
    }
}
