//! A manifest as the only source: for a data plane that runs alone.
//!
//! The file is read again when it changes or the process is sent SIGHUP. A bad one is refused whole, with line and
//! column in the log, while the last good one serves; so is one that is being written just now, until it is whole.

mod credentials;
#[cfg(test)]
mod tests;

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use signalbox_proto::manifest::{Document, Problems};
use signalbox_proto::model::bound;
use signalbox_proto::model::lane::{Change, Cursor, Epoch, Lane};
use signalbox_proto::model::manifest::Manifest;
use tokio::signal::unix::{SignalKind, signal};

use super::apply::{Applier, Refused};
use super::chain::chain;
use super::stage::Staged;
use crate::auth::{KeyHasher, PEPPER_BYTES};

/// Time between two looks at the file.
pub const POLL_INTERVAL: Duration = Duration::from_secs(1);

/// A manifest file that is applied whenever it changes.
#[derive(Debug)]
pub struct FileSource {
    path: PathBuf,
    applier: Arc<Applier>,
    hasher: KeyHasher,
    epoch: Epoch,
    revision: u64,
    /// What the file looked like, and held, when it was last read.
    seen: Option<(Stamp, String)>,
}

/// Why the manifest is not served.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// The file cannot be read.
    #[error("cannot read {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The file is larger than a manifest may be.
    #[error("{} is larger than {max_bytes} bytes", path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Most bytes of a manifest.
        max_bytes: u64,
    },
    /// What it says cannot be served.
    #[error("{} is refused", path.display())]
    Refused {
        /// The file.
        path: PathBuf,
        /// Every fault, with its place.
        #[source]
        problems: Problems,
    },
    /// It could not be applied: a defect.
    #[error("{} could not be applied", path.display())]
    Apply {
        /// The file.
        path: PathBuf,
        /// Why.
        source: Refused,
    },
    /// The operating system gave no random bytes.
    #[error("the operating system gave no random bytes")]
    NoRandomBytes,
}

/// What tells that a file has changed without reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stamp {
    modified: Option<SystemTime>,
    bytes: u64,
}

impl FileSource {
    /// A source that has read nothing yet.
    ///
    /// # Errors
    ///
    /// The operating system gives no random bytes.
    pub fn new(path: PathBuf, applier: Arc<Applier>) -> Result<Self, FileError> {
        let (mut pepper, mut epoch) = ([0; PEPPER_BYTES], [0; 16]);
        aws_lc_rs::rand::fill(&mut pepper).map_err(|_| FileError::NoRandomBytes)?;
        aws_lc_rs::rand::fill(&mut epoch).map_err(|_| FileError::NoRandomBytes)?;
        let hasher = KeyHasher::new(pepper);
        Ok(Self { path, applier, hasher, epoch: Epoch(epoch), revision: 0, seen: None })
    }

    /// Reads and applies the file if it has changed since it was last read. Returns whether anything was applied.
    ///
    /// # Errors
    ///
    /// The file cannot be read or is refused; what was applied before serves on. The same refused text is an error
    /// once only.
    pub async fn refresh(&mut self) -> Result<bool, FileError> {
        let path = self.path.clone();
        let seen = self.seen.as_ref().map(|(stamp, _)| *stamp);
        let read = tokio::task::spawn_blocking(move || read_if_changed(&path, seen)).await;
        let read = read.unwrap_or_else(|_| Err(io::Error::other("reading panicked")));
        let Some((stamp, text)) = read.map_err(|source| self.read_error(source))? else { return Ok(false) };
        let same = self.seen.as_ref().is_some_and(|(_, held)| *held == text);
        self.seen = Some((stamp, text.clone()));
        if same {
            return Ok(false);
        }
        let (config, keys) = self.stage(text).map_err(|problems| self.refused(problems))?;
        for staged in [config, keys] {
            let applied = self.applier.apply(staged).await;
            applied.map_err(|source| FileError::Apply { path: self.path.clone(), source })?;
        }
        self.revision += 1;
        Ok(true)
    }

    /// Has the file read again even if it looks as it did.
    fn look_again(&mut self) {
        if let Some((stamp, _)) = &mut self.seen {
            *stamp = Stamp { modified: None, bytes: u64::MAX };
        }
    }

    /// Applies every change of the file until it is dropped. What goes wrong is logged.
    pub async fn watch(mut self, interval: Duration) {
        let mut hangup = signal(SignalKind::hangup()).ok();
        loop {
            let hung_up = async {
                match &mut hangup {
                    Some(hangup) => drop(hangup.recv().await),
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = tokio::time::sleep(interval) => {}
                () = hung_up => self.look_again(),
            }
            match self.refresh().await {
                Ok(true) => tracing::info!(file = %self.path.display(), "the manifest is served"),
                Ok(false) => {}
                Err(error) => error.log(),
            }
        }
    }

    /// Checks a manifest and turns it into one full delta for each lane.
    fn stage(&self, text: String) -> Result<(Staged, Staged), Problems> {
        let document = Document::parse(text)?;
        let manifest = Manifest::try_from(document.manifest.clone());
        let manifest = manifest.and_then(|manifest| manifest.check_complete().map(|()| manifest));
        let manifest = manifest.map_err(|violations| document.problems(&violations))?;
        self.advise(&document.problems(&manifest.advice()));
        let revision = self.revision + 1;
        let to = Cursor { epoch: self.epoch, revision };
        let pepper = *self.hasher.pepper();
        let mut keys = Staged::new(Lane::Credentials, self.revision, to, true, pepper);
        for credential in credentials::credentials(&manifest, &self.hasher) {
            keys.add(revision, Change::PutCredential(Box::new(credential)));
        }
        let mut config = Staged::new(Lane::Config, self.revision, to, true, pepper);
        for plan in manifest.plans {
            config.add(revision, Change::PutPlan(Box::new(plan)));
        }
        for agent in manifest.agents {
            config.add(revision, Change::PutAgent(Box::new(agent)));
        }
        Ok((config, keys))
    }

    /// Writes what may not be meant to the diagnostic log.
    fn advise(&self, advice: &Problems) {
        for problem in &advice.0 {
            tracing::warn!(
                file = %self.path.display(),
                line = problem.position.map(|at| at.line),
                field = problem.field,
                "{}",
                problem.message,
            );
        }
    }

    fn read_error(&mut self, source: io::Error) -> FileError {
        let path = self.path.clone();
        if source.kind() == io::ErrorKind::FileTooLarge {
            return FileError::TooLarge { path, max_bytes: bound::MANIFEST_BYTES.max };
        }
        FileError::Read { path, source }
    }

    fn refused(&self, problems: Problems) -> FileError {
        FileError::Refused { path: self.path.clone(), problems }
    }
}

impl FileError {
    /// Writes it to the diagnostic log, one line for each fault.
    pub fn log(&self) {
        match self {
            Self::Refused { path, problems } => {
                for problem in &problems.0 {
                    tracing::error!(
                        file = %path.display(),
                        line = problem.position.map(|at| at.line),
                        column = problem.position.map(|at| at.column),
                        field = problem.field,
                        "the manifest is refused: {}\n{}",
                        problem.message,
                        problem.excerpt,
                    );
                }
            }
            other => {
                tracing::error!("what was served before serves on: {}", chain(other));
            }
        }
    }
}

fn read_if_changed(path: &Path, seen: Option<Stamp>) -> io::Result<Option<(Stamp, String)>> {
    let metadata = std::fs::metadata(path)?;
    let stamp = Stamp { modified: metadata.modified().ok(), bytes: metadata.len() };
    if seen == Some(stamp) {
        return Ok(None);
    }
    if metadata.len() > bound::MANIFEST_BYTES.max {
        return Err(io::ErrorKind::FileTooLarge.into());
    }
    Ok(Some((stamp, std::fs::read_to_string(path)?)))
}
