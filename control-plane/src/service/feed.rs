//! What was committed, announced inside the process: newest revisions to wait for, and recent changes to send.
//!
//! A discovery session waits on [`Feed::heads`] and then asks [`Feed::since`] with its own cursor. As long as the ring of
//! recent revisions reaches back to that cursor, no session touches the store, and each change is decoded, given its
//! keyed digest and encoded once for all of them.

mod ring;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use bytes::Bytes;
use prost::Message as _;
use signalbox_proto::key::Pepper;
use signalbox_proto::model::consumer::KeySha256;
use signalbox_proto::model::lane::{Epoch, Lane};
use signalbox_proto::wire::discovery::v1 as wire;
use tokio::sync::watch;

use self::ring::Ring;
use crate::error::Error;
use crate::store::{Heads, RevisionChanges, Snapshot, Store, StoreError};

/// Changes read from the store at a time when the ring has to catch up.
const CATCH_UP_CHANGES: usize = 10_000;

/// One resource put or deleted, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    /// As a message.
    pub message: wire::Change,
    /// As bytes.
    pub encoded: Bytes,
}

/// One revision of a lane, ready to be sent.
#[derive(Clone, Debug, PartialEq)]
pub struct Revision {
    /// Its number.
    pub revision: u64,
    /// When it was committed.
    pub commit_time: SystemTime,
    /// W3C traceparent of the commit.
    pub traceparent: Option<String>,
    /// What it changed; may be empty.
    pub changes: Vec<Arc<Change>>,
}

/// What a reader at some revision lacks.
#[derive(Clone, Debug, PartialEq)]
pub enum Since {
    /// Nothing.
    Nothing,
    /// These changes.
    Delta(Batch),
    /// More than the log remembers, or the reader's revision is not of this history: everything.
    Everything,
}

/// The changes between two revisions, the newest one of each resource only.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// After this revision.
    pub from: u64,
    /// Up to and including this one; it may be short of the head.
    pub to: u64,
    /// In the order of their revisions.
    pub changes: Vec<Arc<Change>>,
    /// When `to` was committed.
    pub commit_time: SystemTime,
    /// W3C traceparent of the commit at `to`.
    pub traceparent: Option<String>,
}

/// Announces commits.
pub struct Feed {
    store: Arc<dyn Store>,
    pepper: Pepper,
    heads: watch::Sender<Heads>,
    rings: Mutex<BTreeMap<Lane, Ring>>,
    /// Held while the ring catches up, so that revisions enter it in order.
    catching_up: tokio::sync::Mutex<()>,
}

impl Feed {
    /// A feed that stands at the store's heads.
    ///
    /// # Errors
    ///
    /// If the heads cannot be read.
    pub async fn start(store: Arc<dyn Store>) -> Result<Arc<Self>, Error> {
        let heads = store.heads().await.map_err(Error::store("read the heads"))?;
        let rings = Lane::ALL.into_iter().map(|lane| (lane, Ring::at(heads.of(lane)))).collect();
        let pepper = Pepper::new(&store.identity().key_pepper);
        Ok(Arc::new(Self {
            store,
            pepper,
            heads: watch::Sender::new(heads),
            rings: Mutex::new(rings),
            catching_up: tokio::sync::Mutex::new(()),
        }))
    }

    /// The newest revisions, and each change of them, at once after the commit.
    pub fn heads(&self) -> watch::Receiver<Heads> {
        self.heads.subscribe()
    }

    /// The history that revisions belong to.
    pub fn epoch(&self) -> Epoch {
        self.store.identity().epoch
    }

    /// The pepper of the digests that are sent.
    pub fn key_pepper(&self) -> [u8; 32] {
        self.store.identity().key_pepper
    }

    /// Tells everybody of a commit. Commits may be announced in any order; they are told in that of their revisions.
    pub(super) async fn announce(&self, lanes: Vec<(Lane, RevisionChanges)>) {
        let mut late = Vec::new();
        for (lane, changes) in lanes {
            let prepared = self.prepare(changes);
            let entered = match prepared {
                Ok(revision) => self.with_ring(lane, |ring| ring.push(revision)),
                Err(error) => {
                    tracing::error!(error = %error.internal(), "a change cannot be announced");
                    false
                }
            };
            if !entered {
                late.push(lane);
            }
        }
        for lane in late {
            if let Err(error) = self.catch_up(lane).await {
                // Nobody is told of this commit now; the next one catches up on both.
                tracing::error!(error = %error.internal(), "the feed cannot catch up");
            }
        }
        self.tell();
    }

    /// Enters what the store has beyond the ring.
    async fn catch_up(&self, lane: Lane) -> Result<(), Error> {
        let _turn = self.catching_up.lock().await;
        loop {
            let head = self.with_ring(lane, |ring| ring.head());
            let page = match self.store.changes(lane, head, CATCH_UP_CHANGES).await {
                Ok(page) => page,
                Err(StoreError::Compacted { floor }) => {
                    self.with_ring(lane, |ring| *ring = Ring::at(floor));
                    continue;
                }
                Err(error) => return Err(Error::store("read the change log")(error)),
            };
            if page.revisions.is_empty() {
                return Ok(());
            }
            for revision in page.revisions {
                let revision = self.prepare(revision)?;
                self.with_ring(lane, |ring| ring.push(revision));
            }
        }
    }

    fn tell(&self) {
        let rings = self.lock();
        let mut heads = Heads::default();
        for (lane, ring) in &*rings {
            heads = heads.with(*lane, ring.head());
        }
        // Inside the lock, so that heads are told in order.
        self.heads.send_if_modified(|told| std::mem::replace(told, heads) != heads);
    }

    /// What a reader that has applied `after` lacks, at most about `max_changes` of it at a time.
    ///
    /// # Errors
    ///
    /// If the store is needed and cannot be read.
    pub async fn since(&self, lane: Lane, after: u64, max_changes: usize) -> Result<Since, Error> {
        if let Some(since) = self.with_ring(lane, |ring| ring.since(after, max_changes)) {
            return Ok(since);
        }
        match self.store.changes(lane, after, max_changes).await {
            Ok(page) => {
                let revisions: Result<Vec<_>, _> =
                    page.revisions.into_iter().map(|revision| self.prepare(revision)).collect();
                Ok(ring::batch(after, revisions?.iter()).map_or(Since::Everything, Since::Delta))
            }
            Err(StoreError::Compacted { .. }) => Ok(Since::Everything),
            Err(error) => Err(Error::store("read the change log")(error)),
        }
    }

    /// Everything of a lane as of one revision.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn everything(&self, lane: Lane) -> Result<Everything<'_>, Error> {
        let snapshot = self.store.snapshot(lane).await.map_err(Error::store("open a snapshot"))?;
        Ok(Everything { feed: self, snapshot })
    }

    fn prepare(&self, revision: RevisionChanges) -> Result<Arc<Revision>, Error> {
        let RevisionChanges { revision, commit_time, traceparent, changes } = revision;
        let changes = changes
            .into_iter()
            .map(|(name, body)| self.change(name, revision, body).map(Arc::new))
            .collect::<Result<_, _>>()?;
        Ok(Arc::new(Revision { revision, commit_time, traceparent, changes }))
    }

    /// Completes a stored record: name, revision, and the keyed digest in place of the hash.
    fn change(&self, name: String, revision: u64, body: Option<Bytes>) -> Result<Change, Error> {
        let mut body = match body {
            Some(bytes) => {
                wire::Change::decode(bytes)
                    .map_err(|error| Error::Internal {
                        doing: "read a stored change",
                        source: Box::new(error),
                    })?
                    .body
            }
            None => Some(wire::change::Body::Deleted(wire::Deleted {})),
        };
        if let Some(wire::change::Body::Key(key)) = &mut body {
            let sha256 = <[u8; 32]>::try_from(key.digest.as_ref())
                .map_err(|_| Error::defect("read a stored change", "the hash of a key has not 32 bytes"))?;
            key.digest = Bytes::copy_from_slice(&self.pepper.digest(&KeySha256(sha256)).0);
        }
        let message = wire::Change { name, revision, body };
        let encoded = message.encode_to_vec().into();
        Ok(Change { message, encoded })
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Lane, Ring>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_ring<T>(&self, lane: Lane, f: impl FnOnce(&mut Ring) -> T) -> T {
        f(self.lock().entry(lane).or_insert_with(|| Ring::at(0)))
    }
}

/// Everything of a lane as of one revision, in pages.
pub struct Everything<'a> {
    feed: &'a Feed,
    snapshot: Box<dyn Snapshot>,
}

impl Everything<'_> {
    /// The revision.
    pub fn revision(&self) -> u64 {
        self.snapshot.revision()
    }

    /// The next changes; empty at the end.
    ///
    /// # Errors
    ///
    /// If the store cannot be read.
    pub async fn next_page(&mut self) -> Result<Vec<Change>, Error> {
        let page = self.snapshot.next_page().await.map_err(Error::store("read a snapshot"))?;
        page.into_iter()
            .map(|record| self.feed.change(record.name, record.revision, Some(record.body)))
            .collect()
    }
}
