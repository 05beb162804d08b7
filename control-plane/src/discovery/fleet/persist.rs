//! The fleet view over restarts: loaded once, stored now and then.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use prost::Message as _;
use signalbox_proto::model::lane::Cursor;
use signalbox_proto::wire::fleet::v1 as wire;

use super::{Entry, Fleet};
use crate::error::Error;
use crate::store::{DataPlaneFacts, Store};

/// Time between two writes of what changed.
pub const FLUSH_INTERVAL: Duration = Duration::from_secs(10);

/// The entries that the store has.
pub(super) async fn load(store: &dyn Store) -> Result<BTreeMap<String, Entry>, Error> {
    let facts = store.data_planes().await.map_err(Error::store("read the data planes"))?;
    let mut entries = BTreeMap::new();
    for DataPlaneFacts { name, last_contact_time, body } in facts {
        // What cannot be read is told anew when the data plane connects.
        if let Ok(message) = wire::DataPlane::decode(body) {
            entries.insert(name, entry(message, last_contact_time));
        }
    }
    Ok(entries)
}

fn entry(message: wire::DataPlane, last_contact: SystemTime) -> Entry {
    let connect_time = message.connect_time.and_then(|time| {
        let since = Duration::new(u64::try_from(time.seconds).ok()?, u32::try_from(time.nanos).ok()?);
        SystemTime::UNIX_EPOCH.checked_add(since)
    });
    Entry {
        region: message.region,
        labels: message.labels,
        version: message.version,
        capabilities: message.capabilities.into_iter().collect(),
        connect_time,
        last_contact: Some(last_contact),
        applied: message.applied.iter().filter_map(Cursor::from_wire).collect(),
        last_refusal: message.last_refusal,
        withheld: message.withheld.into_iter().map(|held| (held.name, held.capability)).collect(),
        report: Default::default(),
        stream: None,
        dirty: false,
    }
}

impl Fleet {
    /// Stores what changed since the last time.
    ///
    /// # Errors
    ///
    /// If the store cannot be written; the changes are stored with the next ones then.
    pub async fn flush(&self) -> Result<(), Error> {
        let facts: Vec<DataPlaneFacts> = self
            .lock()
            .iter_mut()
            .filter_map(|(name, entry)| {
                std::mem::take(&mut entry.dirty).then(|| DataPlaneFacts {
                    name: name.clone(),
                    last_contact_time: entry.last_contact.unwrap_or(SystemTime::UNIX_EPOCH),
                    body: entry.to_wire(name).encode_to_vec().into(),
                })
            })
            .collect();
        if facts.is_empty() {
            return Ok(());
        }
        let names: Vec<String> = facts.iter().map(|facts| facts.name.clone()).collect();
        let stored = self.store.put_data_planes(facts).await;
        if stored.is_err() {
            let mut entries = self.lock();
            for name in names {
                entries.entry(name).or_default().dirty = true;
            }
        }
        stored.map_err(Error::store("store the data planes"))
    }
}
