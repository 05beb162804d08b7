//! `cargo xtask`: everything that people and the continuous integration do with the repository.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command line tool speaks to people")]

mod bench;
mod ci;
mod conformance;
mod demo;
mod dist;
mod http;
mod interop;
mod planes;
mod process;
mod test;
mod tidy;
mod tools;
mod workspace;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// What people and the continuous integration do with the repository.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    command: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Check the rules of the code base that rustc and clippy do not know
    Tidy,
    /// Run every test; sets up the SDKs that they need under target/sdk
    Test(test::Options),
    /// Run the conformance profile and publish its table in docs/conformance.md
    Conformance(conformance::Options),
    /// Start everything on this machine, publish an agent and call it
    Demo(demo::Options),
    /// Build the programs as they are published, the data plane with what it learned under load
    Dist,
    /// Measure a data plane beside nginx and Envoy
    Bench(bench::Options),
    /// Look at a trace in Arize Phoenix; downloads most of a gigabyte
    Interop,
    /// Formatting, clippy, tidy, every test: what has to be green before a merge
    Ci,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Verb::Tidy => tidy::run(),
        Verb::Test(options) => test::run(&options),
        Verb::Conformance(options) => conformance::run(&options),
        Verb::Demo(options) => demo::run(&options),
        Verb::Dist => dist::run(),
        Verb::Bench(options) => bench::run(&options),
        Verb::Interop => interop::run(),
        Verb::Ci => ci::run(),
    };
    if let Err(error) = done {
        // The chain of causes; a backtrace through this program would help nobody.
        eprintln!("error: {error:#}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
