//! `signalbox-data-plane`: reads settings, serves, and shuts down in order on SIGTERM or SIGINT.

use std::process::ExitCode;

use signalbox_data_plane::app::App;
use signalbox_data_plane::settings::Settings;
use tokio::signal::unix::{Signal, SignalKind, signal};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

fn main() -> anyhow::Result<ExitCode> {
    let settings = match Settings::read(std::env::args_os()) {
        Ok(settings) => settings,
        Err(error) => {
            print_usage(&error);
            return Ok(ExitCode::from(error.exit_code()));
        }
    };
    // Config apply, discovery, fetches of telemetry: off the threads that serve requests.
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("control")
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let app = App::start(settings).await?;
        app.run(stop_signal()?).await;
        Ok(ExitCode::SUCCESS)
    })
}

#[expect(clippy::print_stdout, clippy::print_stderr, reason = "usage is for whoever typed the command")]
fn print_usage(error: &signalbox_data_plane::settings::UsageError) {
    if error.is_help() {
        print!("{error}");
    } else {
        eprintln!("{error}");
    }
}

/// Resolves with SIGTERM or SIGINT.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    // It means "read files again" to whoever has some to read, and never "stop".
    let hangup = signal(SignalKind::hangup())?;
    Ok(async move {
        let _hangup = hangup;
        let told = async |signal: &mut Signal| signal.recv().await;
        tokio::select! {
            _ = told(&mut terminate) => {}
            _ = told(&mut interrupt) => {}
        }
    })
}
