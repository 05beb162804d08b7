//! Open event streams: memory of each, CPU time for each event relayed.

use std::{fs, thread, time::Duration};

use anyhow::{Context, Result};

use super::{
    Bench, median,
    subject::{Kind, STREAMS_PATH, Setting},
    table,
};
use crate::process::free_address;

/// Time for a gateway to come to rest after its start.
const SETTLE: Duration = Duration::from_millis(500);
/// Seconds of counting in each round; at one event a second that is enough for a stable figure.
const COUNT_SECONDS: f64 = 5.0;
const KIB: f64 = 1024.0;

struct Round {
    kind: Kind,
    kib_per_stream: f64,
    cpu_us_per_event: f64,
    rss_mib: f64,
    not_open: usize,
    cut: usize,
}

/// Measures all gateways, each freshly started in each round, and prints a table.
///
/// # Errors
/// When something does not start.
pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let folder = bench.folder.join("source");
    fs::create_dir_all(&folder).context("cannot make a folder")?;
    let (_source, address) = bench.load.source(&folder)?;
    let setting = Setting { key: bench.load.key()?, requests: free_address()?, streams: address };
    let mut rounds = Vec::new();
    for round in 0..bench.options.rounds {
        for kind in &bench.options.subjects {
            rounds.push(one(bench, *kind, &setting)?);
        }
        println!("round {} of {}", round + 1, bench.options.rounds);
    }
    report(bench, &rounds);
    Ok(())
}

fn one(bench: &Bench<'_>, kind: Kind, setting: &Setting) -> Result<Round> {
    let subject = kind.start(bench, setting)?;
    thread::sleep(SETTLE);
    let idle = subject.process.usage();
    let mut streams = bench.load.streams(&subject, STREAMS_PATH, bench.options.streams, COUNT_SECONDS)?;
    let opened = streams.opened()?;
    let open = subject.process.usage();
    let seen = streams.events()?;
    let after = subject.process.usage();
    let grown = after.rss_bytes.saturating_sub(idle.rss_bytes);
    Ok(Round {
        kind,
        kib_per_stream: as_f64(grown) / KIB / as_f64(opened.open as u64),
        cpu_us_per_event: (after.cpu - open.cpu).as_secs_f64() * 1e6 / as_f64(seen.events),
        rss_mib: as_f64(after.rss_bytes) / KIB / KIB,
        not_open: opened.failed,
        cut: seen.cut,
    })
}

fn report(bench: &Bench<'_>, rounds: &[Round]) {
    let of = |kind: Kind| rounds.iter().filter(move |round| round.kind == kind);
    let middle = |kind: Kind, value: fn(&Round) -> f64| median(of(kind).map(value));
    let per_event = |kind| middle(kind, |round| round.cpu_us_per_event);
    let rows: Vec<_> = bench
        .options
        .subjects
        .iter()
        .map(|kind| {
            let errors: usize = of(*kind).map(|round| round.not_open + round.cut).sum();
            vec![
                kind.name().to_owned(),
                format!("{:.1}", middle(*kind, |round| round.kib_per_stream)),
                format!("{:.1}", per_event(*kind)),
                format!("{:.2}", per_event(*kind) / per_event(Kind::Nginx)),
                format!("{:.1}", middle(*kind, |round| round.rss_mib)),
                errors.to_string(),
            ]
        })
        .collect();
    let title = format!(
        "{} open event streams, one event a second each, median of {} rounds",
        bench.options.streams, bench.options.rounds
    );
    let head = ["gateway", "KiB/stream", "CPU µs/event", "× nginx", "RSS MiB", "not opened or cut"];
    table::print(&title, &head, &rows);
}

fn as_f64(value: u64) -> f64 {
    value as f64
}
