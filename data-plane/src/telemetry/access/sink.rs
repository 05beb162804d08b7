//! What the writer thread writes to.

#[cfg(test)]
mod tests;

use std::{
    fs::{self, File, OpenOptions},
    io::{self, Write},
    os::unix::fs::MetadataExt,
    path::{Path, PathBuf},
};

use super::Destination;

/// An open destination.
pub(super) struct Sink {
    output: Box<dyn Write + Send>,
    file: Option<Opened>,
    /// A write ended inside a line: the next one begins on a line of its own.
    torn: bool,
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
    pub(super) fn open(destination: &Destination) -> io::Result<Option<Self>> {
        match destination {
            Destination::Off => Ok(None),
            Destination::Stdout => Ok(Some(Self::to(io::stdout()))),
            Destination::File(path) => Self::append(path).map(Some),
        }
    }

    /// A sink without a path.
    pub(super) fn to(output: impl Write + Send + 'static) -> Self {
        Self { output: Box::new(output), file: None, torn: false }
    }

    fn append(path: &Path) -> io::Result<Self> {
        let file = open(path)?;
        let identity = identity(&file.metadata()?);
        let file_at = Opened { path: path.to_owned(), identity };
        Ok(Self { output: Box::new(file), file: Some(file_at), torn: false })
    }

    /// Writes whole lines.
    ///
    /// # Errors
    /// Not all of them could be written; what follows starts on a new line all the same.
    pub(super) fn write(&mut self, lines: &[u8]) -> io::Result<()> {
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
    pub(super) fn reopen_if_moved(&mut self) {
        let Some(opened) = &self.file else { return };
        let moved = fs::metadata(&opened.path).map_or(true, |found| identity(&found) != opened.identity);
        // If it cannot be opened now, the old one stays open and the next second tries again.
        if moved && let Ok(sink) = Self::append(&opened.path) {
            *self = sink;
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).open(path)
}

fn identity(metadata: &fs::Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
