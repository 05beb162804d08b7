//! The agents and plans of the state on disk, as they came over the wire.

use std::collections::BTreeMap;

use prost::Message as _;
use signalbox_proto::model::lane::{Change, Cursor, Lane};
use signalbox_proto::wire::discovery::v1 as wire;

use super::{Job, Place};
use crate::auth::PEPPER_BYTES;
use crate::config::stage::Staged;

/// Agents and plans by name, encoded; some hundred bytes each.
#[derive(Debug, Default)]
pub(super) struct Image {
    resources: BTreeMap<String, Vec<u8>>,
    /// Where the config lane is.
    pub(super) cursor: Cursor,
}

impl Image {
    /// Nothing yet of a lane that is at `cursor`.
    pub(super) fn at(cursor: Cursor) -> Self {
        Self { cursor, ..Self::default() }
    }

    /// Takes one resource over.
    pub(super) fn put(&mut self, change: &wire::Change) {
        match &change.body {
            None | Some(wire::change::Body::Deleted(_)) => self.resources.remove(&change.name),
            Some(_) => self.resources.insert(change.name.clone(), change.encode_to_vec()),
        };
    }

    /// Takes a delta of the config lane over. After a gap the cursor claims nothing until everything comes anew.
    pub(super) fn apply(&mut self, job: &Job) {
        let place = job.place(self.cursor);
        if place == Place::Known {
            return;
        }
        if job.full {
            self.resources.clear();
        }
        for change in &job.changes {
            self.put(change);
        }
        self.cursor = if place == Place::Next { job.to } else { Cursor::default() };
    }

    pub(super) fn len(&self) -> usize {
        self.resources.len()
    }

    /// Every resource, as it came.
    pub(super) fn changes(&self) -> impl Iterator<Item = wire::Change> {
        self.resources.values().filter_map(|encoded| wire::Change::decode(encoded.as_slice()).ok())
    }

    /// Everything as one full delta, and whether all of it was understood. What this version does not understand is
    /// left out; the cursor is then no claim to hold everything up to it.
    pub(super) fn stage(&self) -> (Staged, bool) {
        let mut staged = Staged::new(Lane::Config, 0, self.cursor, true, [0; PEPPER_BYTES]);
        let mut understood = true;
        for change in self.changes() {
            let (name, revision) = (change.name.clone(), change.revision);
            match Change::from_wire(change, Lane::Config) {
                Ok(change) => staged.add(revision, change),
                Err(violations) => {
                    tracing::warn!("left {name} of the last good state out: {violations}");
                    understood = false;
                }
            }
        }
        (staged, understood)
    }
}
