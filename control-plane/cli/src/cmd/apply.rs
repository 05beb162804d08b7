//! `signalbox apply`: create or update everything in a manifest.

use std::io::Read as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;
use signalbox_proto::manifest::Document;
use signalbox_proto::model::manifest::Manifest;
use signalbox_proto::wire::config::v1 as wire;

use super::wait;
use crate::connect::Connection;
use crate::exit::Failure;
use crate::output::{self, Format, note, word};
use crate::problem;

/// What to apply.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Manifest in YAML or JSON; - reads stdin
    #[arg(short, long, value_name = "FILE")]
    file: PathBuf,
    /// Check everything and say what would be done
    #[arg(long)]
    dry_run: bool,
    /// Wait until every connected data plane enforces it
    #[arg(long, conflicts_with = "dry_run")]
    wait: bool,
    /// Longest time to wait
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = humantime::parse_duration)]
    timeout: Duration,
    /// How to write the answer
    #[arg(short, long, value_enum, default_value_t)]
    output: Format,
}

/// Runs the command.
pub(crate) async fn run(connection: &Connection, options: Options) -> Result<(), Failure> {
    let (name, text) = read(&options.file)?;
    let document = Document::parse(text).map_err(|problems| problem::failure(&name, &problems))?;
    // What is wrong with the file alone needs no control plane to be found.
    Manifest::try_from(document.manifest.clone())
        .map_err(|wrong| problem::failure(&name, &document.problems(&wrong)))?;
    let request = wire::ApplyManifestRequest {
        manifest: Some(document.manifest.clone()),
        validate_only: options.dry_run,
        request_id: uuid::Uuid::new_v4().to_string(),
    };
    let mut client = connection.config().await?;
    let answer = client.apply_manifest(request).await;
    let answer = answer.map_err(|status| problem::refused(&name, &document, status))?.into_inner();
    advise(&name, &document, &answer.advice);
    output::show(options.output, &answer, |answer| lines(answer, options.dry_run))?;
    if options.wait
        && let Some(commit) = &answer.commit
    {
        let revisions = wait::Revisions::of(commit);
        wait::until(connection, revisions, &[], options.timeout, Format::Table).await?;
    }
    Ok(())
}

/// Tells people what may not be meant.
fn advise(name: &str, document: &Document, advice: &[wire::Advice]) {
    let ours = advice.iter().map(|advice| {
        let field = advice.field.strip_prefix("manifest.").unwrap_or(&advice.field);
        (field, advice.description.as_str())
    });
    for problem in document.explain(ours).0 {
        note(&format!("note: {name}: {problem}"));
    }
}

fn lines(answer: &wire::ApplyManifestResponse, dry_run: bool) -> String {
    if answer.results.is_empty() {
        note("the manifest is empty");
    }
    let suffix = if dry_run { " (dry run)" } else { "" };
    let line = |result: &wire::ApplyResult| {
        format!("{} {}{suffix}\n", result.name, word(result.action().as_str_name(), "APPLY_ACTION_"))
    };
    answer.results.iter().map(line).collect()
}

fn read(path: &std::path::Path) -> Result<(String, String), Failure> {
    if path.as_os_str() == "-" {
        let mut text = String::new();
        std::io::stdin().lock().read_to_string(&mut text).context("cannot read the manifest from stdin")?;
        return Ok(("stdin".to_owned(), text));
    }
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).with_context(|| format!("cannot read {name}"))?;
    Ok((name, text))
}
