//! The fleet as callers see it.

use std::collections::BTreeMap;
use std::ops::Bound;

use signalbox_proto::model::lane::{Cursor, Epoch, Lane};
use signalbox_proto::wire::fleet::v1 as wire;

use super::{Entry, Fleet};
use crate::clock::to_timestamp;
use crate::store::Heads;

impl Fleet {
    /// One data plane.
    pub fn get(&self, name: &str) -> Option<wire::DataPlane> {
        let heads = self.heads();
        self.lock().get(name).map(|entry| self.view(name, entry, heads))
    }

    /// Data planes in the order of their names, after `after`, at most `limit`.
    pub fn list(&self, after: &str, limit: usize) -> Vec<wire::DataPlane> {
        let heads = self.heads();
        let entries = self.lock();
        let range = entries.range::<str, _>((Bound::Excluded(after), Bound::Unbounded));
        range.take(limit).map(|(name, entry)| self.view(name, entry, heads)).collect()
    }

    /// Looks at every data plane that is connected: its name, region and what it enforces. Cheap, unlike a list.
    pub(in crate::discovery) fn each_connected(
        &self,
        mut look: impl FnMut(&str, &str, &BTreeMap<Lane, Cursor>),
    ) {
        for (name, entry) in &*self.lock() {
            if entry.stream.is_some() {
                look(name, &entry.region, &entry.applied);
            }
        }
    }

    /// The history that counts.
    pub(in crate::discovery) fn epoch(&self) -> Epoch {
        self.feed.epoch()
    }

    fn heads(&self) -> Heads {
        *self.feed.heads().borrow()
    }

    fn view(&self, name: &str, entry: &Entry, heads: Heads) -> wire::DataPlane {
        let epoch = self.feed.epoch();
        let heads = Lane::ALL.map(|lane| Cursor { epoch, revision: heads.of(lane) }.to_wire(lane));
        wire::DataPlane { heads: heads.to_vec(), ..entry.to_wire(name) }
    }
}

impl Entry {
    /// Everything but the heads.
    pub(super) fn to_wire(&self, name: &str) -> wire::DataPlane {
        let withheld = |(name, capability): (&String, &String)| wire::Withheld {
            name: name.clone(),
            capability: capability.clone(),
        };
        wire::DataPlane {
            name: name.to_owned(),
            region: self.region.clone(),
            labels: self.labels.clone(),
            version: self.version.clone(),
            connected: self.stream.is_some(),
            ready: self.stream.is_some() && self.report.ready,
            connect_time: self.connect_time.map(to_timestamp),
            last_contact_time: self.last_contact.map(to_timestamp),
            applied: self.applied.iter().map(|(lane, cursor)| cursor.to_wire(*lane)).collect(),
            heads: Vec::new(),
            last_refusal: self.last_refusal.clone(),
            withheld: self.withheld.iter().map(withheld).collect(),
            open_streams: self.report.open_streams,
            open_connections: self.report.open_connections,
            requests_total: self.report.requests_total,
            capabilities: self.capabilities.iter().cloned().collect(),
        }
    }
}
