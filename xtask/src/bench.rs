//! What a data plane costs, measured beside nginx and Envoy in one run.
//!
//! All on loopback, on the work of a gateway: the key of the caller is checked, a rate limit counts, an access log line is
//! written in JSON. Rounds are interleaved and their order changes, so that a disturbance of the machine hits all alike;
//! figures are medians over rounds. A row with error answers is void.

mod changes;
mod envoy;
mod idle;
mod load;
mod nginx;
mod requests;
mod signalbox;
mod streams;
mod subject;
mod table;

use std::{
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context, Result};
use clap::{Args, ValueEnum};

use crate::workspace;
use load::Load;
use subject::Kind;

/// Length of the round of a training.
const TRAINING_SECONDS: f64 = 5.0;

/// What to measure, how long.
#[derive(Args)]
pub(crate) struct Options {
    /// Measure this alone; may be given several times
    #[arg(long, value_enum)]
    only: Vec<Part>,
    /// Measure these alone
    #[arg(long, value_enum, value_delimiter = ',', default_values_t = [Kind::Nginx, Kind::Envoy, Kind::Signalbox])]
    subjects: Vec<Kind>,
    /// Interleaved rounds
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Length of a round
    #[arg(long, default_value_t = 3.0)]
    seconds: f64,
    /// Connections of the request rounds
    #[arg(long, default_value_t = 64)]
    connections: u32,
    /// Open event streams
    #[arg(long, default_value_t = 2000)]
    streams: usize,
    /// Run the data plane without a collector
    #[arg(long)]
    no_collector: bool,
    /// A data plane built already, instead of a build with the profile `dist`
    #[arg(long)]
    data_plane: Option<PathBuf>,
    /// Folder with a load generator and a collector built already, instead of a build with the profile `release`
    #[arg(long)]
    tools: Option<PathBuf>,
    /// Folder with a control plane and a command line built already, instead of a build with the profile `release`
    #[arg(long)]
    control_plane: Option<PathBuf>,
}

/// A part of the benchmark.
#[derive(Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Part {
    /// Memory of a process that has served nothing yet
    Idle,
    /// CPU, rate and latency of unary requests
    Requests,
    /// Memory and CPU of open event streams
    Streams,
    /// Config changes: how soon they are enforced, what callers notice
    Config,
}

/// Puts a data plane under the load of the benchmark, without measuring it.
///
/// # Errors
/// When something cannot be built, fetched or started.
pub(crate) fn train(data_plane: &Path) -> Result<()> {
    run(&Options {
        only: vec![Part::Requests, Part::Streams],
        subjects: vec![Kind::Signalbox],
        rounds: 1,
        seconds: TRAINING_SECONDS,
        connections: 64,
        streams: 500,
        no_collector: false,
        data_plane: Some(data_plane.to_path_buf()),
        tools: None,
        control_plane: None,
    })
}

/// What every part works with.
struct Bench<'a> {
    options: &'a Options,
    load: Load,
    /// Folder for configurations and logs.
    folder: PathBuf,
    data_plane: PathBuf,
}

/// Builds what is measured and measures it.
///
/// # Errors
/// When something cannot be built, fetched or started.
pub(crate) fn run(options: &Options) -> Result<()> {
    // Of this run alone: another one at the same time would change the manifest under a data plane's feet.
    let folder = workspace::target().join("bench").join(std::process::id().to_string());
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let load = Load::build(&folder, options.tools.as_deref())?;
    let data_plane =
        if options.subjects.contains(&Kind::Signalbox) { signalbox::build(options)? } else { PathBuf::new() };
    let bench = Bench { options, load, folder, data_plane };

    let wants = |part| options.only.is_empty() || options.only.contains(&part);
    if wants(Part::Idle) {
        idle::measure(&bench)?;
    }
    if wants(Part::Requests) {
        requests::measure(&bench)?;
    }
    if wants(Part::Streams) {
        streams::measure(&bench)?;
    }
    if wants(Part::Config) && options.subjects.contains(&Kind::Signalbox) {
        changes::measure(&bench)?;
    }
    Ok(())
}

impl Bench<'_> {
    /// An empty folder of this name.
    fn fresh_folder(&self, name: &str) -> Result<PathBuf> {
        let folder = self.folder.join(name);
        if folder.exists() {
            fs::remove_dir_all(&folder).with_context(|| format!("cannot empty {}", folder.display()))?;
        }
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        Ok(folder)
    }
}

/// The middle value.
fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<_> = values.into_iter().collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
