//! Reads the state on disk.

use std::path::Path;
use std::time::Instant;

use signalbox_proto::model::lane::{Change, Cursor, Lane};

use super::frame::{Damage, FrameReader, FrameWriter, Kind};
use super::image::Image;
use super::records::{self, Record};
use super::seal::Seal;
use super::{Job, Place, generations, log_path, snapshot_path};
use crate::auth::{KeyBatch, PEPPER_BYTES};
use crate::config::apply::Applier;
use crate::config::chain::chain;
use crate::config::compile::{Setting, compile};
use crate::config::runtime::{Cursors, Runtime};
use crate::config::stage::{Staged, StagedChanges};

/// Where the writer goes on.
#[derive(Debug, Default)]
pub(super) struct Loaded {
    pub(super) image: Image,
    /// Where the credentials lane is on disk.
    pub(super) credentials: Cursor,
    /// Newest generation on disk, whole or not; 0: none.
    pub(super) newest: u64,
    /// Log of the newest generation to go on with, and the size of its snapshot; `None`: begin a new generation.
    pub(super) log: Option<(FrameWriter, u64)>,
}

/// A snapshot that was read.
struct Snapshot {
    cursors: Cursors,
    pepper: [u8; PEPPER_BYTES],
    image: Image,
    keys: KeyBatch,
}

/// Makes the newest state that is whole the current one.
pub(super) fn load(dir: &Path, seal: &Seal, applier: &Applier) -> Loaded {
    let started = Instant::now();
    let all = generations(dir).unwrap_or_default();
    let newest = all.first().copied().unwrap_or_default();
    for &generation in &all {
        let snapshot = match read_snapshot(dir, generation, seal) {
            Ok(snapshot) => snapshot,
            Err(damage) => {
                complain(&snapshot_path(dir, generation), &damage, applier);
                continue;
            }
        };
        let (mut runtime, mut image) = revive(snapshot, applier.setting());
        let mut log = None;
        // A newer generation that was lost began where the log of this one ends, so its log fits behind it.
        for later in generation..=newest.max(generation) {
            log = replay(dir, later, seal, &mut runtime, &mut image, applier);
        }
        let (staged, understood) = image.stage();
        runtime = compile(&runtime, staged, applier.setting()).runtime;
        if !understood {
            runtime.cursors.config = Cursor::default();
        }
        tracing::info!(
            config = runtime.cursors.config.revision,
            credentials = runtime.cursors.credentials.revision,
            agents = runtime.agents.len(),
            keys = runtime.keys.len(),
            took = ?started.elapsed(),
            "serving the last good state from disk"
        );
        let credentials = runtime.cursors.credentials;
        applier.restore(runtime);
        let size = std::fs::metadata(snapshot_path(dir, generation)).map_or(0, |metadata| metadata.len());
        let log = log.filter(|_| generation == newest && understood).map(|log| (log, size));
        return Loaded { image, credentials, newest, log };
    }
    if newest > 0 {
        tracing::error!(dir = %dir.display(), "no state on disk is whole; waiting for the control plane");
    }
    Loaded { newest, ..Loaded::default() }
}

fn complain(path: &Path, damage: &Damage, applier: &Applier) {
    applier.metrics().cache_failures.increment();
    tracing::error!(file = %path.display(), "a file of the last good state cannot be used: {}", chain(damage));
}

fn read_snapshot(dir: &Path, generation: u64, seal: &Seal) -> Result<Snapshot, Damage> {
    let path = snapshot_path(dir, generation);
    let mut reader = FrameReader::open(&path, Kind::Snapshot, generation, seal)?;
    let mut next = || -> Result<Record, Damage> {
        let body = reader.next(seal)?.ok_or(Damage::Incomplete)?;
        Record::decode(&body).ok_or(Damage::Header)
    };
    let Record::Meta { cursors, pepper } = next()? else { return Err(Damage::Header) };
    let image = Image::at(cursors.config);
    let mut snapshot = Snapshot { cursors, pepper, image, keys: KeyBatch::new() };
    let (mut plans, mut key_count) = (0, 0);
    loop {
        match next()? {
            Record::Config(changes) => changes.iter().for_each(|change| snapshot.image.put(change)),
            Record::Plan(name) => {
                let name = records::plan_name(&name).ok_or(Damage::Header)?;
                if snapshot.keys.plan(&name) != plans {
                    return Err(Damage::Header);
                }
                plans += 1;
            }
            Record::Keys(block) => {
                key_count += records::take_keys(&block, plans, &mut snapshot.keys).ok_or(Damage::Header)?;
            }
            Record::End { resources, keys } => {
                let complete = resources == snapshot.image.len() as u64 && keys == key_count;
                return if complete { Ok(snapshot) } else { Err(Damage::Incomplete) };
            }
            Record::Meta { .. } | Record::Delta(_) => return Err(Damage::Header),
        }
    }
}

/// A state with the keys of a snapshot; agents and plans follow when their deltas have been read.
fn revive(snapshot: Snapshot, setting: &Setting) -> (Runtime, Image) {
    let Snapshot { cursors, pepper, image, keys } = snapshot;
    let staged = Staged {
        lane: Lane::Credentials,
        from: 0,
        to: cursors.credentials,
        full: true,
        changes: StagedChanges::AllKeys { pepper, batch: keys },
    };
    (compile(&Runtime::default(), staged, setting).runtime, image)
}

/// Applies the deltas of a log that follow on the state. Returns the log, to go on behind its last whole record.
fn replay(
    dir: &Path,
    generation: u64,
    seal: &Seal,
    runtime: &mut Runtime,
    image: &mut Image,
    applier: &Applier,
) -> Option<FrameWriter> {
    let path = log_path(dir, generation);
    let mut reader = match FrameReader::open(&path, Kind::Log, generation, seal) {
        Ok(reader) => reader,
        Err(Damage::Io(error)) if error.kind() == std::io::ErrorKind::NotFound => return None,
        Err(damage) => {
            complain(&path, &damage, applier);
            return None;
        }
    };
    loop {
        let body = match reader.next(seal) {
            Ok(Some(body)) => body,
            Ok(None) => break,
            // The end of a log is cut off when the machine loses power: what is before it counts.
            Err(damage) => {
                complain(&path, &damage, applier);
                break;
            }
        };
        if let Some(Record::Delta(job)) = Record::decode(&body) {
            redo(job, runtime, image, applier.setting());
        }
    }
    FrameWriter::resume(&path, &reader).ok()
}

/// Applies a delta of a log if it follows on the state; one that the snapshot has already is passed over.
fn redo(job: Job, runtime: &mut Runtime, image: &mut Image, setting: &Setting) {
    match job.lane {
        Lane::Config => image.apply(&job),
        Lane::Credentials => {
            if job.full || job.place(runtime.cursors.credentials) != Place::Next {
                return;
            }
            let pepper = *runtime.keys.hasher().pepper();
            let mut staged = Staged::new(Lane::Credentials, job.from, job.to, false, pepper);
            let mut understood = true;
            for change in job.changes {
                let revision = change.revision;
                match Change::from_wire(change, Lane::Credentials) {
                    Ok(change) => staged.add(revision, change),
                    Err(_) => understood = false,
                }
            }
            if understood && !staged.full {
                *runtime = compile(runtime, staged, setting).runtime;
            }
        }
    }
}
