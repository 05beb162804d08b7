//! Files of the data directory that nobody else may read.

use std::io::{self, Write as _};
use std::path::Path;

/// Creates the data directory, for its owner alone, unless it exists.
///
/// # Errors
///
/// If it cannot be created.
pub fn create_directory(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    #[cfg(unix)]
    {
        use std::os::unix::fs::DirBuilderExt as _;
        builder.mode(0o700);
    }
    builder.recursive(true).create(path)
}

/// Writes a file that its owner alone can read, whole or not at all: readers see the old content or the new, also
/// after a loss of power.
///
/// # Errors
///
/// If the directory cannot be written.
pub fn write_private(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, 0o600)
}

/// As [`write_private`], for what everybody may read.
///
/// # Errors
///
/// If the directory cannot be written.
pub fn write_public(path: &Path, content: &[u8]) -> io::Result<()> {
    write(path, content, 0o644)
}

fn write(path: &Path, content: &[u8], mode: u32) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt as _;
        options.mode(mode);
    }
    // What a crash left behind may have other permissions.
    match std::fs::remove_file(&name) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = options.open(&name)?;
    file.write_all(content)?;
    file.sync_all()?;
    std::fs::rename(&name, path)?;
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => std::fs::File::open(parent)?.sync_all(),
        _ => Ok(()),
    }
}
