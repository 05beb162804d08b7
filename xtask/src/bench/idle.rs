//! Memory of a gateway that has served nothing yet.

use std::{thread, time::Duration};

use anyhow::Result;

use super::{Bench, subject::Setting, table};
use crate::process::free_address;

/// Time for a gateway to come to rest after its start.
const SETTLE: Duration = Duration::from_secs(2);

/// Measures all gateways and prints a table.
///
/// # Errors
/// When one does not start.
pub(super) fn measure(bench: &Bench<'_>) -> Result<()> {
    let setting = Setting { key: bench.load.key()?, requests: free_address()?, streams: free_address()? };
    let mut rows = Vec::new();
    for kind in &bench.options.subjects {
        let subject = kind.start(bench, &setting)?;
        thread::sleep(SETTLE);
        let mib = subject.process.usage().rss_bytes as f64 / 1024.0 / 1024.0;
        rows.push(vec![kind.name().to_owned(), format!("{mib:.1}")]);
    }
    table::print("Idle", &["gateway", "RSS MiB"], &rows);
    Ok(())
}
