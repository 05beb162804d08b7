//! The last good state on disk, with which a data plane starts and serves when the control plane is away.
//!
//! A generation is a snapshot and the log of the deltas since, so that one key more costs one record and not a million.
//! When the log has grown, a new generation is written beside the old one, which stays until the next. Every record
//! carries a checksum and, with `--cache-key-file`, is sealed with AES-256-GCM. Whatever is wrong with a file costs at
//! most what it held: the older generation serves, else nothing does, and the control plane fills in what is missing.

mod frame;
mod image;
mod load;
mod records;
mod seal;
#[cfg(test)]
mod tests;
mod write;

use std::fs::{DirBuilder, File, TryLockError};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread::JoinHandle;

use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::discovery::v1 as wire;

use self::seal::Seal;
use self::write::Writer;
use super::apply::Applier;
use crate::settings::CacheSettings;

/// Deltas that wait for the disk. Beyond it they are dropped, and a snapshot makes up for them.
const QUEUE: usize = 1024;

/// Where the last good state is kept. Recording costs the caller a message to a thread of its own.
#[derive(Debug)]
pub struct Cache {
    queue: SyncSender<Job>,
    thread: JoinHandle<()>,
}

/// A delta that has been applied.
#[derive(Debug)]
struct Job {
    lane: Lane,
    from: u64,
    to: Cursor,
    full: bool,
    changes: Vec<wire::Change>,
}

impl Job {
    /// Where the delta stands to a state at `held`.
    fn place(&self, held: Cursor) -> Place {
        let same_history = self.to.epoch == held.epoch;
        if self.full || (same_history && self.from == held.revision) {
            Place::Next
        } else if same_history && self.to.revision <= held.revision {
            Place::Known
        } else {
            Place::Gap
        }
    }
}

/// Where a delta stands to a state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// The state has it already.
    Known,
    /// It follows on the state.
    Next,
    /// Something between the two is missing.
    Gap,
}

/// Why the state on disk cannot be used. Serving goes on without it.
#[derive(Debug, thiserror::Error)]
pub enum CacheError {
    /// The directory cannot be made or opened.
    #[error("cannot use the cache directory {}", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process uses it.
    #[error("another process uses the cache directory {}", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The key cannot be read.
    #[error("cannot read the cache key from {}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The key has another length.
    #[error("{} holds neither 32 bytes nor 64 hex digits", path.display())]
    NotAKey {
        /// The file.
        path: PathBuf,
    },
    /// The writer thread cannot be started.
    #[error("cannot start the thread that writes the cache")]
    Thread(#[source] io::Error),
}

impl Cache {
    /// Opens the directory, makes the state on it the current one if there is any that is whole, and starts the thread
    /// that writes. Blocks: 1 M keys take some 0.5 s.
    ///
    /// # Errors
    ///
    /// The directory or key cannot be used. A state that cannot be read is no error.
    pub fn open(settings: &CacheSettings, applier: &Arc<Applier>) -> Result<Self, CacheError> {
        let seal = Seal::open(settings.key_file.as_deref())?;
        if !seal.is_sealing() {
            tracing::warn!(dir = %settings.dir.display(), "the last good state is not encrypted: no --cache-key-file");
        }
        let lock = lock(&settings.dir)?;
        let loaded = load::load(&settings.dir, &seal, applier);
        let (queue, jobs) = sync_channel(QUEUE);
        let writer = Writer::new(settings.dir.clone(), seal, Arc::clone(applier), loaded);
        let run = move || {
            let _held = lock;
            writer.run(&jobs);
        };
        let thread = std::thread::Builder::new().name("config-cache".to_owned());
        let thread = thread.spawn(run).map_err(CacheError::Thread)?;
        Ok(Self { queue, thread })
    }

    /// Waits until everything recorded is on disk. Blocks.
    pub fn close(self) {
        let Self { queue, thread } = self;
        drop(queue);
        if thread.join().is_err() {
            tracing::error!("the thread that writes the cache has panicked");
        }
    }

    /// Writes down a delta that has been applied. Never waits.
    pub fn record(&self, lane: Lane, from: u64, to: Cursor, full: bool, changes: Vec<wire::Change>) {
        // The writer notices a gap by the next delta and writes a snapshot.
        let _ = self.queue.try_send(Job { lane, from, to, full, changes });
    }
}

/// Keeps other processes out for as long as the file is open.
fn lock(dir: &Path) -> Result<File, CacheError> {
    let unusable = |source| CacheError::Directory { path: dir.to_owned(), source };
    DirBuilder::new().recursive(true).mode(0o700).create(dir).map_err(unusable)?;
    let file = frame::options().truncate(false).open(dir.join("lock")).map_err(unusable)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(CacheError::InUse { path: dir.to_owned() }),
        Err(TryLockError::Error(source)) => Err(unusable(source)),
    }
}

fn snapshot_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("state-{generation:016x}.snapshot"))
}

fn log_path(dir: &Path, generation: u64) -> PathBuf {
    dir.join(format!("state-{generation:016x}.log"))
}

/// The generations of which there is a snapshot, the newest first.
fn generations(dir: &Path) -> io::Result<Vec<u64>> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let name = entry?.file_name();
        let number = name.to_str().and_then(|name| name.strip_prefix("state-")?.strip_suffix(".snapshot"));
        found.extend(number.and_then(|number| u64::from_str_radix(number, 16).ok()));
    }
    found.sort_unstable_by(|a, b| b.cmp(a));
    Ok(found)
}
