//! Entry point.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use clap::Parser as _;
use signalbox_control_plane::app::{Addresses, App};
use signalbox_control_plane::net::files;
use signalbox_control_plane::settings::Settings;
use signalbox_control_plane::telemetry::Telemetry;
use tokio::signal::unix::{SignalKind, signal};

/// Time that the last telemetry has to reach the collector.
const TELEMETRY_TIMEOUT: Duration = Duration::from_secs(3);

fn main() -> ExitCode {
    let settings = Settings::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return end(Err(anyhow::Error::from(error).context("cannot start threads"))),
    };
    end(runtime.block_on(run(&settings)))
}

/// Says on stderr why the process ends, if it should not.
fn end(result: anyhow::Result<()>) -> ExitCode {
    let Err(error) = result else { return ExitCode::SUCCESS };
    // Nobody is left to tell if stderr is closed.
    let _ = writeln!(std::io::stderr(), "signalbox-control-plane: {error:#}");
    ExitCode::FAILURE
}

async fn run(settings: &Settings) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let instance = uuid::Uuid::new_v4().to_string();
    let otlp = settings.telemetry.otlp(&instance, |name| std::env::var(name).ok())?;
    let telemetry = Arc::new(Telemetry::start(&otlp).context("cannot start telemetry")?);
    telemetry.init_diagnostics(&settings.telemetry.log, settings.telemetry.log_format)?;

    if let Some(path) = &settings.ready_file {
        withdraw(path)?;
    }
    let app = App::start(settings, Arc::clone(&telemetry)).await?;
    let Addresses { grpc, http, ca_sha256 } = &app.addresses;
    let ca_sha256 = ca_sha256.as_deref().unwrap_or("none (plaintext)");
    tracing::info!(%grpc, %http, ca_sha256, "the control plane serves");
    if let Some(path) = &settings.ready_file {
        announce(path, &app.addresses)?;
    }
    tokio::select! {
        _ = terminate.recv() => {}
        result = tokio::signal::ctrl_c() => result.context("cannot wait for an interrupt")?,
    }
    tracing::info!("stopping");
    app.stop().await;
    telemetry.shutdown(TELEMETRY_TIMEOUT).await;
    Ok(())
}

/// Removes what an earlier process announced.
fn withdraw(path: &Path) -> anyhow::Result<()> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove the old {}", path.display()))
        }
        _ => Ok(()),
    }
}

fn announce(path: &Path, addresses: &Addresses) -> anyhow::Result<()> {
    let mut json = serde_json::to_vec(addresses).context("cannot write the addresses")?;
    json.push(b'\n');
    files::write_public(path, &json).with_context(|| format!("cannot write {}", path.display()))
}
