//! What was received, newest last, within a bound.

use std::{
    collections::VecDeque,
    fs::{File, OpenOptions},
    io::Write,
    path::Path,
    sync::{Mutex, PoisonError},
};

use anyhow::{Context, Result};
use serde_json::Value;

/// Records that are kept for queries; the oldest is forgotten first.
const RECORDS_MAX: usize = 100_000;

/// The records of this process.
pub(crate) struct Records {
    inner: Mutex<Inner>,
    print: bool,
}

struct Inner {
    lines: VecDeque<(&'static str, String)>,
    file: Option<File>,
}

impl Records {
    /// No records yet; what comes is appended to `output` too, and printed when `print` is set.
    pub(crate) fn new(output: Option<&Path>, print: bool) -> Result<Self> {
        let open = |path: &Path| {
            let file = OpenOptions::new().create(true).append(true).open(path);
            file.with_context(|| format!("cannot open {}", path.display()))
        };
        let file = output.map(open).transpose()?;
        Ok(Self { inner: Mutex::new(Inner { lines: VecDeque::new(), file }), print })
    }

    /// Keeps one record.
    pub(crate) fn add(&self, signal: &'static str, record: &Value) {
        let line = record.to_string();
        if self.print {
            println!("{line}");
        }
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &mut inner.file {
            // The file is a convenience; queries still answer when its disk is full.
            let _ = writeln!(file, "{line}");
        }
        inner.lines.push_back((signal, line));
        if inner.lines.len() > RECORDS_MAX {
            inner.lines.pop_front();
        }
    }

    /// The lines of one signal, or of all.
    pub(crate) fn lines(&self, signal: Option<&str>) -> String {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        let wanted = inner.lines.iter().filter(|(of, _)| signal.is_none_or(|signal| signal == *of));
        wanted.flat_map(|(_, line)| [line.as_str(), "\n"]).collect()
    }

    /// Forgets every record.
    pub(crate) fn clear(&self) {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).lines.clear();
    }
}
