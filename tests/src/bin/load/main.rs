//! The load generator of `cargo xtask bench`: cheap enough to share two cores with what it measures.
//!
//! `requests` posts one body over and over, `streams` holds many event streams open, `source` is the agent behind them;
//! `changes` changes the configuration meanwhile.

#![allow(clippy::print_stdout, reason = "results are lines of JSON on standard output")]

mod changes;
mod connection;
mod key;
mod requests;
mod source;
mod streams;
mod tls;

use std::{fs, net::SocketAddr, path::PathBuf};

use anyhow::{Context, Result};
use bytes::Bytes;
use clap::{Args, Parser, Subcommand};

/// Generates load on loopback and prints what it saw as JSON.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    mode: Mode,
}

#[derive(Subcommand)]
enum Mode {
    /// POST one body over and over on keep-alive connections
    Requests {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        pace: requests::Pace,
    },
    /// Hold event streams open and count their events, until standard input ends
    Streams {
        #[command(flatten)]
        target: Target,
        #[command(flatten)]
        plan: streams::Plan,
    },
    /// Answer every POST with an event stream
    Source(source::Settings),
    /// Print an API key and its SHA-256
    Key,
    /// Write a fresh certificate and key into a folder, from the folder's CA
    Certificate {
        /// The folder
        folder: PathBuf,
    },
    /// Change the configuration through a control plane
    Changes(changes::Settings),
}

/// What is sent, and where.
#[derive(Args)]
struct Target {
    /// Address to connect to
    #[arg(long)]
    address: SocketAddr,
    /// Path of the request
    #[arg(long, default_value = "/")]
    path: String,
    /// Header line, for example `x-api-key: abc`; may be given several times
    #[arg(long = "header")]
    headers: Vec<String>,
    /// File with the body
    #[arg(long)]
    body: PathBuf,
}

impl Target {
    /// The whole request as bytes, ready to be written in one go.
    fn request(&self) -> Result<Bytes> {
        let body =
            fs::read_to_string(&self.body).with_context(|| format!("cannot read {}", self.body.display()))?;
        let headers: String = self.headers.iter().map(|line| format!("{line}\r\n")).collect();
        let head = format!(
            "POST {} HTTP/1.1\r\nhost: {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{headers}\r\n",
            self.path,
            self.address,
            body.len(),
        );
        Ok(Bytes::from(head + &body))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    match Arguments::parse().mode {
        Mode::Requests { target, pace } => requests::run(target.address, target.request()?, &pace).await,
        Mode::Streams { target, plan } => streams::run(target.address, target.request()?, &plan).await,
        Mode::Source(settings) => source::run(&settings).await,
        Mode::Key => key::print(),
        Mode::Certificate { folder } => tls::write_certificate(&folder),
        Mode::Changes(settings) => changes::run(&settings).await,
    }
}
