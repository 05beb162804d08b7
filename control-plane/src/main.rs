//! Entry point.

use std::path::Path;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::Parser as _;
use signalbox_control_plane::app::{Addresses, App};
use signalbox_control_plane::net::files;
use signalbox_control_plane::settings::Settings;
use tokio::signal::unix::{SignalKind, signal};

fn main() -> ExitCode {
    let settings = Settings::parse();
    tracing_subscriber::fmt()
        .with_env_filter(
            tracing_subscriber::EnvFilter::try_from_default_env()
                .unwrap_or_else(|_| tracing_subscriber::EnvFilter::new("info")),
        )
        .with_writer(std::io::stderr)
        .init();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!(%error, "cannot start threads");
            return ExitCode::FAILURE;
        }
    };
    match runtime.block_on(run(&settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!("{error:#}");
            ExitCode::FAILURE
        }
    }
}

async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let app = App::start(settings).await?;
    let Addresses { grpc, http, ca_sha256 } = &app.addresses;
    tracing::info!(%grpc, %http, ca_sha256 = ca_sha256.as_deref().unwrap_or("none (plaintext)"), "the control plane serves");
    if let Some(path) = &settings.ready_file {
        announce(path, &app.addresses)?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result.context("cannot wait for an interrupt")?,
    }
    tracing::info!("stopping");
    app.stop().await;
    Ok(())
}

fn announce(path: &Path, addresses: &Addresses) -> anyhow::Result<()> {
    let mut json = serde_json::to_vec(addresses).context("cannot write the addresses")?;
    json.push(b'\n');
    files::write_public(path, &json).with_context(|| format!("cannot write {}", path.display()))
}
