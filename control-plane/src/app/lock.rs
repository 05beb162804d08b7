//! One process for one data directory.

use std::fs::{File, TryLockError};
use std::path::Path;

use anyhow::{Context as _, bail};

/// The file that is locked, inside the data directory.
const LOCK_FILE: &str = "lock";

/// Holds a data directory until it is dropped, or the process ends in any way.
#[derive(Debug)]
pub(super) struct DirectoryLock(#[expect(dead_code, reason = "its being open is what counts")] File);

/// Takes a data directory. Two processes on one SQLite file would not learn of each other's changes.
pub(super) fn take(directory: &Path) -> anyhow::Result<DirectoryLock> {
    let path = directory.join(LOCK_FILE);
    let open = File::options().create(true).append(true).open(&path);
    let file = open.with_context(|| format!("cannot write to the data directory {}", directory.display()))?;
    match file.try_lock() {
        Ok(()) => Ok(DirectoryLock(file)),
        Err(TryLockError::WouldBlock) => {
            bail!("another control plane uses the data directory {}", directory.display())
        }
        Err(TryLockError::Error(error)) => {
            Err(error).with_context(|| format!("cannot lock the data directory {}", directory.display()))
        }
    }
}
