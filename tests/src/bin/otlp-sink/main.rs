//! Receives OTLP over gRPC and keeps each span, metric point and log record as one line of JSON.
//!
//! `GET /records?signal=span` on the query address returns the lines, `DELETE /records` forgets them.

#![allow(clippy::print_stdout, reason = "the first line tells whoever started the sink where it listens")]

mod query;
mod receive;
mod record;
mod records;

use std::{net::SocketAddr, path::PathBuf, sync::Arc};

use anyhow::{Context, Result};
use clap::Parser;
use opentelemetry_proto::tonic::collector::{
    logs::v1::logs_service_server::LogsServiceServer,
    metrics::v1::metrics_service_server::MetricsServiceServer,
    trace::v1::trace_service_server::TraceServiceServer,
};
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use receive::Receiver;
use records::Records;

/// Receives OTLP over gRPC and writes what came as JSON lines.
#[derive(Parser)]
struct Arguments {
    /// Address of the OTLP receiver; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Address that answers `GET /records`; port 0 takes a free one
    #[arg(long, default_value = "127.0.0.1:0")]
    query: SocketAddr,
    /// File to append the lines to
    #[arg(long)]
    output: Option<PathBuf>,
    /// Write the lines to standard output too
    #[arg(long)]
    print: bool,
}

#[tokio::main]
async fn main() -> Result<()> {
    let arguments = Arguments::parse();
    let otlp = bind(arguments.listen).await?;
    let query = bind(arguments.query).await?;
    let records = Arc::new(Records::new(arguments.output.as_deref(), arguments.print)?);
    let receiver = Receiver::new(Arc::clone(&records));

    let address = |listener: &TcpListener| listener.local_addr().context("the listener has no address");
    let (endpoint, queries) = (format!("http://{}", address(&otlp)?), format!("http://{}", address(&query)?));
    println!("{}", serde_json::json!({"ready": true, "otlp": endpoint, "query": queries}));

    let server = Server::builder()
        .add_service(TraceServiceServer::new(receiver.clone()))
        .add_service(MetricsServiceServer::new(receiver.clone()))
        .add_service(LogsServiceServer::new(receiver));
    tokio::select! {
        served = server.serve_with_incoming(TcpListenerStream::new(otlp)) => served.context("the receiver failed"),
        answered = query::serve(query, records) => answered,
        interrupted = tokio::signal::ctrl_c() => interrupted.context("cannot wait for an interrupt"),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener> {
    TcpListener::bind(address).await.with_context(|| format!("cannot listen on {address}"))
}
