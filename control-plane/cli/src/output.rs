//! What goes to stdout: tables for people, JSON and YAML for machines.

use std::io::{self, Write as _};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;
use clap::ValueEnum;
use comfy_table::{Table, presets};
use serde::Serialize;

use crate::exit::Failure;

/// How data is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
pub(crate) enum Format {
    /// For people
    #[default]
    Table,
    /// JSON
    Json,
    /// YAML
    Yaml,
}

/// Writes a line or more to stdout. A reader who has seen enough, as `head` has, is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    match writeln!(stdout, "{}", text.trim_end_matches('\n')).and_then(|()| stdout.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        result => Ok(result.context("cannot write to stdout")?),
    }
}

/// Tells people something that is not data.
pub(crate) fn note(text: &str) {
    // Nothing depends on whether anybody reads it.
    let _ = writeln!(io::stderr().lock(), "{text}");
}

/// Writes a message as `format` says; `table` makes the table.
pub(crate) fn show<T: Serialize>(
    format: Format,
    message: &T,
    table: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    match format {
        Format::Table => print(&table(message)),
        Format::Json => print(&serde_json::to_string_pretty(message).context("cannot write JSON")?),
        Format::Yaml => print(&serde_saphyr::to_string(message).context("cannot write YAML")?),
    }
}

/// A table without lines; `header` in capitals.
pub(crate) fn table<const N: usize>(
    header: [&str; N],
    rows: impl IntoIterator<Item = [String; N]>,
) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_header(header);
    for row in rows {
        table.add_row(row);
    }
    for column in table.column_iter_mut() {
        column.set_padding((0, 2));
    }
    let lines: Vec<String> = table.lines().map(|line| line.trim_end().to_owned()).collect();
    lines.join("\n")
}

/// A point in time in UTC to the second; `never` if there is none.
pub(crate) fn time(time: Option<&pbjson_types::Timestamp>, none: &str) -> String {
    let system = time.and_then(|time| {
        let since = Duration::new(u64::try_from(time.seconds).ok()?, 0);
        SystemTime::UNIX_EPOCH.checked_add(since)
    });
    system.map_or_else(|| none.to_owned(), |time| humantime::format_rfc3339_seconds(time).to_string())
}

/// The name of an enum's value without its type's prefix, in lower case.
pub(crate) fn word(name: &str, prefix: &str) -> String {
    name.strip_prefix(prefix).unwrap_or(name).to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_have_no_lines_and_no_trailing_spaces() {
        let rows = [["a".to_owned(), "long value".to_owned()], ["bcd".to_owned(), String::new()]];
        assert_eq!(table(["NAME", "VALUE"], rows), "NAME  VALUE\na     long value\nbcd");
    }

    #[test]
    fn times_are_short() {
        let at = pbjson_types::Timestamp { seconds: 1_800_000_000, nanos: 5 };
        assert_eq!(time(Some(&at), "never"), "2027-01-15T08:00:00Z");
        assert_eq!(time(None, "never"), "never");
        assert_eq!(word("AGENT_STATE_DEPLOYED", "AGENT_STATE_"), "deployed");
    }
}
