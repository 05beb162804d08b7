//! What every data plane last said, and which stream speaks for it.

mod persist;
mod seat;
mod view;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::discovery::v1 as discovery;
use signalbox_proto::wire::fleet::v1 as wire;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::hello::Hello;
use crate::clock::Clock;
use crate::error::Error;
use crate::service::{Feed, Service};
use crate::store::Store;

pub use self::persist::FLUSH_INTERVAL;
pub use self::seat::Seat;

/// Why a stream must end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// The same data plane opened another one.
    Replaced,
    /// Its token was revoked.
    TokenRevoked,
    /// The control plane stops.
    Closing,
}

/// The data planes.
pub struct Fleet {
    entries: Mutex<BTreeMap<String, Entry>>,
    /// Counts changes, so that watchers wait for the next one.
    changes: watch::Sender<u64>,
    closing: CancellationToken,
    feed: Arc<Feed>,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
}

/// One data plane.
#[derive(Debug, Default)]
struct Entry {
    region: String,
    labels: BTreeMap<String, String>,
    version: String,
    capabilities: BTreeSet<String>,
    connect_time: Option<SystemTime>,
    last_contact: Option<SystemTime>,
    applied: BTreeMap<Lane, Cursor>,
    last_refusal: Option<wire::Refusal>,
    /// Capability that each withheld resource needs.
    withheld: BTreeMap<String, String>,
    report: discovery::Status,
    stream: Option<StreamHandle>,
    /// Whether there is something to store.
    dirty: bool,
}

/// The stream that speaks for a data plane.
#[derive(Debug)]
struct StreamHandle {
    token_id: String,
    end: watch::Sender<Option<Ended>>,
}

impl Fleet {
    /// The fleet as it was last stored, all of it disconnected.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn load(service: &Service) -> Result<Arc<Self>, Error> {
        let store = Arc::clone(service.store());
        let entries = persist::load(&*store).await?;
        Ok(Arc::new(Self {
            entries: Mutex::new(entries),
            changes: watch::Sender::new(0),
            closing: CancellationToken::new(),
            feed: Arc::clone(service.feed()),
            store,
            clock: Arc::clone(service.clock()),
        }))
    }

    /// Lets a stream speak for its data plane; the one that did so ends.
    pub fn seat(self: &Arc<Self>, hello: &Hello, token_id: &str) -> Seat {
        let (end, ended) = watch::channel(None);
        let now = self.clock.now();
        self.edit(hello.name.as_str(), |entry| {
            let handle = StreamHandle { token_id: token_id.to_owned(), end: end.clone() };
            if let Some(older) = entry.stream.replace(handle) {
                older.end.send_replace(Some(Ended::Replaced));
            }
            entry.region.clone_from(&hello.region);
            entry.labels.clone_from(&hello.labels);
            entry.version.clone_from(&hello.version);
            entry.capabilities.clone_from(&hello.capabilities);
            entry.connect_time = Some(now);
            entry.last_contact = Some(now);
            entry.applied.clone_from(&hello.cursors);
            entry.withheld.clear();
            entry.report = discovery::Status::default();
        });
        Seat::new(Arc::clone(self), hello.name.clone(), end, ended)
    }

    /// Ends every stream that a token opened.
    pub fn end_sessions_of_token(&self, token_id: &str) {
        for entry in self.lock().values() {
            if let Some(stream) = entry.stream.as_ref().filter(|stream| stream.token_id == token_id) {
                stream.end.send_replace(Some(Ended::TokenRevoked));
            }
        }
    }

    /// Ends every stream and everybody's waiting, since the control plane stops.
    pub fn close(&self) {
        self.closing.cancel();
        for stream in self.lock().values().filter_map(|entry| entry.stream.as_ref()) {
            stream.end.send_replace(Some(Ended::Closing));
        }
    }

    /// Cancelled when the control plane stops.
    pub fn closing(&self) -> CancellationToken {
        self.closing.clone()
    }

    /// Changes with every change of the fleet.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    fn edit(&self, name: &str, edit: impl FnOnce(&mut Entry)) {
        let mut entries = self.lock();
        let entry = entries.entry(name.to_owned()).or_default();
        edit(entry);
        entry.dirty = true;
        drop(entries);
        self.changes.send_modify(|count| *count += 1);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Entry>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
