//! Unary requests: CPU time for each, rate, latency.

use std::fs;

use anyhow::{Context, Result};

use super::{
    Bench,
    load::Requests,
    median, nginx,
    subject::{Kind, REQUESTS_PATH, Setting, Subject},
    table,
};
use crate::process::free_address;

/// Time that each gateway is warmed up.
const WARM_UP_SECONDS: f64 = 1.0;
const MIB: f64 = 1024.0 * 1024.0;

/// One round of one gateway.
struct Round {
    kind: Kind,
    seen: Requests,
    cpu_us: f64,
    rss_bytes: u64,
}

/// Measures all gateways in interleaved rounds and prints a table.
///
/// # Errors
/// When something does not start.
pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let folder = bench.folder.join("agent");
    fs::create_dir_all(&folder).context("cannot make a folder")?;
    let (_agent, address) = nginx::agent(&folder)?;
    let setting = Setting { key: bench.load.key()?, requests: address, streams: free_address()? };
    let options = bench.options;
    let mut subjects =
        options.subjects.iter().map(|kind| kind.start(bench, &setting)).collect::<Result<Vec<_>>>()?;
    for subject in &subjects {
        bench.load.requests(subject, REQUESTS_PATH, WARM_UP_SECONDS, options.connections)?;
    }
    let mut rounds = Vec::new();
    for round in 0..options.rounds {
        for subject in &subjects {
            rounds.push(one(bench, subject)?);
        }
        println!("round {} of {}", round + 1, options.rounds);
        let kinds = subjects.len();
        subjects.rotate_left(1 % kinds.max(1));
    }
    report(bench, &rounds);
    Ok(())
}

fn one(bench: &Bench<'_>, subject: &Subject) -> Result<Round> {
    let before = subject.process.usage();
    let seen =
        bench.load.requests(subject, REQUESTS_PATH, bench.options.seconds, bench.options.connections)?;
    let after = subject.process.usage();
    let cpu_us = (after.cpu - before.cpu).as_secs_f64() * 1e6 / as_f64(seen.requests);
    Ok(Round { kind: subject.kind, seen, cpu_us, rss_bytes: after.rss_bytes })
}

fn report(bench: &Bench<'_>, rounds: &[Round]) {
    let of = |kind: Kind| rounds.iter().filter(move |round| round.kind == kind);
    let cpu = |kind| median(of(kind).map(|round| round.cpu_us));
    let rows: Vec<_> = bench
        .options
        .subjects
        .iter()
        .map(|kind| {
            let errors: u64 = of(*kind).map(|round| round.seen.errors).sum();
            if let Some(Err(error)) =
                of(*kind).map(|round| round.seen.valid(kind.name())).find(Result::is_err)
            {
                println!("void: {error}");
            }
            let middle = |value: fn(&Round) -> f64| median(of(*kind).map(value));
            vec![
                kind.name().to_owned(),
                format!("{:.1}", cpu(*kind)),
                format!("{:.2}", cpu(*kind) / cpu(Kind::Nginx)),
                format!("{:.0}", middle(|round| as_f64(round.seen.requests) / round.seen.seconds)),
                format!("{:.0}", middle(|round| as_f64(round.seen.p50_us))),
                format!("{:.0}", middle(|round| as_f64(round.seen.p99_us))),
                format!("{:.1}", middle(|round| as_f64(round.rss_bytes) / MIB)),
                errors.to_string(),
            ]
        })
        .collect();
    let title = format!(
        "Unary requests, {} connections, median of {} rounds of {} s",
        bench.options.connections, bench.options.rounds, bench.options.seconds
    );
    table::print(
        &title,
        &["gateway", "CPU µs/request", "× nginx", "req/s", "p50 µs", "p99 µs", "RSS MiB", "errors"],
        &rows,
    );
}

fn as_f64(value: u64) -> f64 {
    value as f64
}
