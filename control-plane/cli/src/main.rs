//! The `signalbox` command: publish agents, manage keys, watch the fleet.
//!
//! Data goes to stdout, everything else to stderr. Exit codes are those of [`exit::Code`].

mod args;
mod cmd;
mod connect;
mod exit;
mod names;
mod output;
mod problem;

use std::process::ExitCode;

use clap::Parser as _;

use self::args::{Cli, Command};
use self::exit::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse();
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => return exit::end(Err(Failure::from(anyhow::Error::from(error)))),
    };
    exit::end(runtime.block_on(run(cli)))
}

async fn run(cli: Cli) -> Result<(), Failure> {
    let Cli { connection, command } = cli;
    match command {
        Command::Apply(options) => cmd::apply::run(&connection, options).await,
        Command::Get(options) => cmd::get::run(&connection, options).await,
        Command::Delete(options) => cmd::delete::run(&connection, options).await,
        Command::Keys(command) => cmd::keys::run(&connection, command).await,
        Command::Fleet(command) => cmd::fleet::run(&connection, command).await,
        Command::Wait(options) => cmd::wait::run(&connection, options).await,
        Command::Audit(options) => cmd::audit::run(&connection, options).await,
    }
}
