//! What the writer thread writes to.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{AccessCounters, Destination};
use crate::telemetry::buffers::Outlet;

/// An open destination.
pub(super) struct Sink {
    output: Box<dyn Write + Send>,
    file: Option<Opened>,
    /// A write ended inside a line: the next one begins on a line of its own.
    torn: bool,
    counters: Arc<AccessCounters>,
}

/// Which file is open, to notice that it was moved away.
struct Opened {
    path: PathBuf,
    identity: (u64, u64),
}

impl Sink {
    /// Opens a destination; `None` if there is none.
    ///
    /// # Errors
    /// The file cannot be opened or created.
    pub(super) fn open(destination: &Destination, counters: Arc<AccessCounters>) -> io::Result<Option<Self>> {
        match destination {
            Destination::Off => Ok(None),
            Destination::Stdout => Ok(Some(Self::to(io::stdout(), counters))),
            Destination::File(path) => Self::append(path, counters).map(Some),
        }
    }

    /// A sink without a path.
    pub(super) fn to(output: impl Write + Send + 'static, counters: Arc<AccessCounters>) -> Self {
        Self { output: Box::new(output), file: None, torn: false, counters }
    }

    fn append(path: &Path, counters: Arc<AccessCounters>) -> io::Result<Self> {
        let file = open(path)?;
        let identity = identity(&file.metadata()?);
        let file_at = Opened { path: path.to_owned(), identity };
        Ok(Self { output: Box::new(file), file: Some(file_at), torn: false, counters })
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// Not all of them could be written; what follows starts on a new line all the same.
    fn write(&mut self, lines: &[u8]) -> io::Result<()> {
        let result = self.try_write(lines);
        if result.is_err() {
            self.torn = true;
        }
        result
    }

    fn try_write(&mut self, lines: &[u8]) -> io::Result<()> {
        if self.torn {
            self.output.write_all(b"\n")?;
            self.torn = false;
        }
        self.output.write_all(lines)?;
        self.output.flush()
    }

    /// Opens the file again if another stands in its place, or none: log rotation.
    fn reopen_if_moved(&mut self) {
        let Some(opened) = &self.file else { return };
        let moved = fs::metadata(&opened.path).map_or(true, |found| identity(&found) != opened.identity);
        // If it cannot be opened now, the old one stays open and the next second tries again.
        if moved && let Ok(sink) = Self::append(&opened.path, Arc::clone(&self.counters)) {
            *self = sink;
        }
    }
}

impl Outlet for Sink {
    fn put(&mut self, lines: Vec<u8>, count: u64) {
        match self.write(&lines) {
            Ok(()) => self.counters.written.add(count),
            Err(_) => self.counters.dropped.add(count),
        }
    }

    fn tick(&mut self) {
        self.reopen_if_moved();
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
