//! Writes the state to disk.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use hashbrown::HashMap;
use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::model::name::PlanName;

use super::frame::{FrameWriter, Kind};
use super::image::Image;
use super::load::Loaded;
use super::records::{self, Record};
use super::seal::Seal;
use super::{Job, Place, log_path, snapshot_path};
use crate::config::apply::Applier;
use crate::config::runtime::{Cursors, Runtime};

/// Size that a log may have before a new generation is written; more if the snapshot is larger.
const MIN_LOG_BYTES: u64 = 4 << 20;

/// Size of the records of a snapshot.
const BLOCK_BYTES: usize = 1 << 20;

/// Wait after a failure before the disk is tried again.
const RETRY_INTERVAL: Duration = Duration::from_secs(30);

/// The thread that writes.
pub(super) struct Writer {
    dir: PathBuf,
    seal: Seal,
    applier: Arc<Applier>,
    image: Image,
    newest: u64,
    log: Option<FrameWriter>,
    snapshot_bytes: u64,
    /// Where the credentials lane is on disk.
    credentials: Cursor,
    failed: Option<Instant>,
}

impl Writer {
    pub(super) fn new(dir: PathBuf, seal: Seal, applier: Arc<Applier>, loaded: Loaded) -> Self {
        let Loaded { image, credentials, newest, log } = loaded;
        let (log, snapshot_bytes) = log.map_or((None, 0), |(log, size)| (Some(log), size));
        Self { dir, seal, applier, image, newest, log, snapshot_bytes, credentials, failed: None }
    }

    /// Writes until nobody records any more.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        loop {
            // While the disk fails, look at it now and then although nothing comes.
            let wait = if self.failed.is_some() { RETRY_INTERVAL } else { Duration::from_secs(3600) };
            let first = match jobs.recv_timeout(wait) {
                Ok(job) => Some(job),
                Err(RecvTimeoutError::Timeout) => None,
                Err(RecvTimeoutError::Disconnected) => return,
            };
            if let Err(error) = self.write(first.into_iter().chain(jobs.try_iter())) {
                self.fail(&error);
            }
        }
    }

    /// Writes what has come, with one sync for all of it.
    fn write(&mut self, jobs: impl Iterator<Item = Job>) -> io::Result<()> {
        let mut needs_snapshot = self.log.is_none();
        let mut outcome = Ok(());
        for job in jobs {
            let held = if job.lane == Lane::Config { self.image.cursor } else { self.credentials };
            let place = job.place(held);
            // All keys at once are never in a log; nor is what comes while the disk fails.
            needs_snapshot |= job.full || place == Place::Gap;
            if !needs_snapshot && outcome.is_ok() && place == Place::Next {
                outcome = self.append(&job);
            }
            match job.lane {
                Lane::Config => self.image.apply(&job),
                Lane::Credentials if place == Place::Next => self.credentials = job.to,
                Lane::Credentials => {}
            }
        }
        outcome?;
        let limit = MIN_LOG_BYTES.max(self.snapshot_bytes / 2);
        if needs_snapshot || self.log.as_ref().is_some_and(|log| log.bytes > limit) {
            let resting = self.failed.is_some_and(|at| at.elapsed() < RETRY_INTERVAL);
            return if resting { Ok(()) } else { self.next_generation() };
        }
        self.log.as_mut().map_or(Ok(()), FrameWriter::sync)
    }

    fn append(&mut self, job: &Job) -> io::Result<()> {
        let body = records::encode_delta(job);
        self.log.as_mut().map_or(Ok(()), |log| log.write(body, &self.seal))
    }

    /// Writes a snapshot and begins a log behind it; of older generations only the last one stays.
    fn next_generation(&mut self) -> io::Result<()> {
        let generation = self.newest + 1;
        let runtime = self.applier.handle().load_full();
        // Until both lanes have come there is nothing that could serve.
        if !self.applier.handle().is_configured() {
            return Ok(());
        }
        let temporary = self.dir.join("state.tmp");
        let written = self.write_snapshot(&temporary, generation, &runtime);
        let credentials = runtime.cursors.credentials;
        drop(runtime);
        let bytes = written.inspect_err(|_| drop(std::fs::remove_file(&temporary)))?;
        let log = log_path(&self.dir, generation);
        let mut log = FrameWriter::create(&log, Kind::Log, generation, &self.seal)?;
        log.sync()?;
        std::fs::rename(&temporary, snapshot_path(&self.dir, generation))?;
        File::open(&self.dir)?.sync_all()?;
        self.log = Some(log);
        self.credentials = credentials;
        self.snapshot_bytes = bytes;
        self.newest = generation;
        if self.failed.take().is_some() {
            tracing::info!(dir = %self.dir.display(), "the last good state is on disk again");
        }
        self.remove_old(generation);
        Ok(())
    }

    fn write_snapshot(&self, path: &Path, generation: u64, runtime: &Runtime) -> io::Result<u64> {
        let mut file = FrameWriter::create(path, Kind::Snapshot, generation, &self.seal)?;
        // Agents and plans are as of the deltas that were written down, keys as they are now. Deltas between the two
        // come again, from the queue or from the control plane, and are passed over where they are known.
        let cursors = Cursors { config: self.image.cursor, credentials: runtime.cursors.credentials };
        let pepper = *runtime.keys.hasher().pepper();
        file.write(Record::Meta { cursors, pepper }.encode(), &self.seal)?;
        let changes: Vec<_> = self.image.changes().collect();
        for some in changes.chunks(256) {
            file.write(Record::Config(some.to_vec()).encode(), &self.seal)?;
        }
        let resources = changes.len() as u64;
        let keys = self.write_keys(&mut file, runtime)?;
        file.write(Record::End { resources, keys }.encode(), &self.seal)?;
        file.sync()?;
        Ok(file.bytes)
    }

    fn write_keys(&self, file: &mut FrameWriter, runtime: &Runtime) -> io::Result<u64> {
        let mut plans: HashMap<&PlanName, u32> = HashMap::new();
        let mut block = Vec::with_capacity(BLOCK_BYTES + 1024);
        let mut count = 0;
        for key in runtime.keys.iter() {
            let next = u32::try_from(plans.len()).unwrap_or(u32::MAX);
            let plan = *plans.entry(key.plan).or_insert(next);
            if plan == next {
                file.write(Record::Plan(key.plan.to_string()).encode(), &self.seal)?;
            }
            records::push_key(&mut block, &key, plan);
            count += 1;
            if block.len() >= BLOCK_BYTES {
                file.write(Record::Keys(std::mem::take(&mut block)).encode(), &self.seal)?;
            }
        }
        if !block.is_empty() {
            file.write(Record::Keys(block).encode(), &self.seal)?;
        }
        Ok(count)
    }

    /// Removes what is older than the generation before `newest`.
    fn remove_old(&self, newest: u64) {
        for generation in super::generations(&self.dir).unwrap_or_default() {
            if generation + 1 < newest {
                let _ = std::fs::remove_file(snapshot_path(&self.dir, generation));
                let _ = std::fs::remove_file(log_path(&self.dir, generation));
            }
        }
    }

    fn fail(&mut self, error: &io::Error) {
        self.applier.metrics().cache_failures.increment();
        if self.failed.is_none() {
            let dir = self.dir.display();
            tracing::error!(%dir, "cannot write the last good state, serving goes on without: {error}");
        }
        self.failed = Some(Instant::now());
        // What the log holds now is unknown.
        self.log = None;
    }
}
