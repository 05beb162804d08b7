//! One lane of one stream: a cursor, at most one delta on its way, no queue.

mod refusal;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::sync_response::Message as Outgoing;
use tokio::sync::{Semaphore, mpsc, watch};
use tonic::Status;

use self::refusal::Refusal;
use super::backoff::Backoff;
use super::capability;
use super::chunk::Chunker;
use super::fleet::Seat;
use super::session::{Outbox, send};
use crate::api::status::status;
use crate::clock::to_timestamp;
use crate::service::Feed;
use crate::service::feed::{Batch, Since};
use crate::store::Heads;

/// Changes that one delta carries at most; more follow in the next one.
pub const MAX_CHANGES_PER_DELTA: usize = 10_000;

/// Numbers the deltas of a stream.
#[derive(Clone, Debug, Default)]
pub struct Nonces(Arc<AtomicU64>);

impl Nonces {
    fn next(&self) -> u64 {
        self.0.fetch_add(1, Ordering::Relaxed) + 1
    }
}

/// A data plane's answer to a delta.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// It is enforced; what is held now.
    Ack(Option<Cursor>),
    /// It was refused.
    Nack {
        /// What is held still.
        kept: Option<Cursor>,
        /// Why.
        errors: Vec<wire::ResourceError>,
    },
}

/// Hands answers to a lane: those to the delta that is on its way, and no others.
#[derive(Clone, Debug)]
pub struct LanePorts {
    /// Nonce of the delta that is on its way; 0: none.
    awaited: Arc<AtomicU64>,
    replies: mpsc::Sender<Reply>,
}

impl LanePorts {
    /// Both ends.
    pub fn new() -> (Self, mpsc::Receiver<Reply>) {
        // One answer for one delta at a time.
        let (replies, receiver) = mpsc::channel(1);
        (Self { awaited: Arc::default(), replies }, receiver)
    }

    /// Hands over an answer; one to another delta is dropped.
    pub fn deliver(&self, nonce: u64, reply: Reply) {
        let ours = self.awaited.compare_exchange(nonce, 0, Ordering::AcqRel, Ordering::Relaxed).is_ok();
        if nonce != 0 && ours {
            // There is room, since the delta that this answers is the only one.
            let _ = self.replies.try_send(reply);
        }
    }
}

/// What a lane works with.
pub struct Context {
    /// Which lane.
    pub lane: Lane,
    /// What the data plane holds.
    pub cursor: Option<Cursor>,
    /// What it can enforce.
    pub capabilities: Arc<BTreeSet<String>>,
    /// Where changes come from.
    pub feed: Arc<Feed>,
    /// Where to tell what became of them.
    pub seat: Arc<Seat>,
    /// Turns to send everything.
    pub snapshots: Arc<Semaphore>,
    /// Where deltas go.
    pub outbox: Outbox,
    /// Numbers deltas.
    pub nonces: Nonces,
}

/// The loop of one lane.
pub struct LaneLoop {
    context: Context,
    ports: LanePorts,
    replies: mpsc::Receiver<Reply>,
    heads: watch::Receiver<Heads>,
    /// Last revision that the data plane has acknowledged; `None`: it holds nothing of this history.
    acked: Option<u64>,
    refusal: Option<Refusal>,
    backoff: Backoff,
}

/// What to send next.
enum Next {
    Batch(Batch),
    Everything,
}

impl LaneLoop {
    /// A lane at the data plane's cursor.
    pub fn new(context: Context, ports: LanePorts, replies: mpsc::Receiver<Reply>) -> Self {
        let heads = context.feed.heads();
        let epoch = context.feed.epoch();
        let acked = context.cursor.filter(|cursor| cursor.epoch == epoch).map(|cursor| cursor.revision);
        Self { context, ports, replies, heads, acked, refusal: None, backoff: Backoff::default() }
    }

    /// Sends what is new and takes the answers, until the stream ends.
    ///
    /// # Errors
    ///
    /// If the store cannot be read or the data plane has left.
    pub async fn run(mut self) -> Result<(), Status> {
        loop {
            if let Some(refusal) = self.refusal.take() {
                let changed = refusal.wait(&self.context.feed, self.context.lane, &mut self.heads).await;
                if changed.map_err(|error| status(&error))? {
                    self.backoff.reset();
                }
            }
            let next = self.next().await?;
            let nonce = self.context.nonces.next();
            self.ports.awaited.store(nonce, Ordering::Release);
            let to = match next {
                Next::Batch(batch) => self.send_batch(nonce, batch).await?,
                Next::Everything => self.send_everything(nonce).await?,
            };
            match self.replies.recv().await {
                Some(reply) => self.take(to, reply),
                None => return Ok(()),
            }
        }
    }

    /// Waits until there is something to send. Never waits for more of it.
    async fn next(&mut self) -> Result<Next, Status> {
        loop {
            let head = self.heads.borrow_and_update().of(self.context.lane);
            match self.acked {
                None => return Ok(Next::Everything),
                // The store was put back to an earlier state.
                Some(acked) if acked > head => return Ok(Next::Everything),
                Some(acked) if acked < head => {
                    let since =
                        self.context.feed.since(self.context.lane, acked, MAX_CHANGES_PER_DELTA).await;
                    match since.map_err(|error| status(&error))? {
                        Since::Nothing => {}
                        Since::Delta(batch) => return Ok(Next::Batch(batch)),
                        Since::Everything => return Ok(Next::Everything),
                    }
                }
                Some(_) => {}
            }
            self.heads
                .changed()
                .await
                .map_err(|_| Status::unavailable("the control plane is shutting down"))?;
        }
    }

    async fn send_batch(&self, nonce: u64, batch: Batch) -> Result<u64, Status> {
        let Batch { from, to, changes, commit_time, traceparent } = batch;
        let base = wire::Delta {
            from,
            to,
            traceparent: traceparent.unwrap_or_default(),
            commit_time: Some(to_timestamp(commit_time)),
            ..self.delta(nonce)
        };
        let mut chunker = Chunker::default();
        for change in &changes {
            if let Some(changes) = chunker.push(self.admit(&change.message)) {
                send(
                    &self.context.outbox,
                    Outgoing::Delta(wire::Delta { changes, more: true, ..base.clone() }),
                )
                .await?;
            }
        }
        let changes = chunker.finish();
        send(&self.context.outbox, Outgoing::Delta(wire::Delta { changes, ..base })).await?;
        Ok(to)
    }

    async fn send_everything(&self, nonce: u64) -> Result<u64, Status> {
        let _turn =
            self.context.snapshots.acquire().await.map_err(|_| Status::unavailable("shutting down"))?;
        let mut everything =
            self.context.feed.everything(self.context.lane).await.map_err(|error| status(&error))?;
        let to = everything.revision();
        let base = wire::Delta { to, full: true, ..self.delta(nonce) };
        self.context.seat.nothing_withheld(self.context.lane);
        let mut chunker = Chunker::default();
        loop {
            let page = everything.next_page().await.map_err(|error| status(&error))?;
            if page.is_empty() {
                break;
            }
            for change in page {
                if let Some(changes) = chunker.push(self.admit(&change.message)) {
                    let chunk = wire::Delta { changes, more: true, ..base.clone() };
                    send(&self.context.outbox, Outgoing::Delta(chunk)).await?;
                }
            }
        }
        let changes = chunker.finish();
        send(&self.context.outbox, Outgoing::Delta(wire::Delta { changes, ..base })).await?;
        Ok(to)
    }

    fn delta(&self, nonce: u64) -> wire::Delta {
        wire::Delta {
            lane: self.context.lane.to_wire().into(),
            nonce,
            epoch: self.context.feed.epoch().0.to_vec().into(),
            ..Default::default()
        }
    }

    /// The change as this data plane gets it.
    fn admit(&self, change: &wire::Change) -> wire::Change {
        let lacking =
            capability::required(change).filter(|needed| !self.context.capabilities.contains(*needed));
        self.context.seat.withhold(&change.name, lacking);
        match lacking {
            None => change.clone(),
            Some(_) => capability::withheld(change),
        }
    }

    /// Moves the cursor by an answer to the delta that ended at `to`.
    fn take(&mut self, to: u64, reply: Reply) {
        let (lane, epoch) = (self.context.lane, self.context.feed.epoch());
        match reply {
            // The cursor that was sent is what counts: an ACK is for the whole delta.
            Reply::Ack(_) => {
                self.acked = Some(to);
                self.backoff.reset();
                self.context.seat.applied(lane, Cursor { epoch, revision: to });
            }
            Reply::Nack { kept, errors } => {
                tracing::warn!(
                    data_plane = self.context.seat.name(),
                    lane = lane.as_str(),
                    revision = to,
                    errors = ?errors.iter().map(|e| (&e.name, &e.field, &e.reason)).collect::<Vec<_>>(),
                    "a delta was refused"
                );
                self.context.seat.refused(lane, to, &errors);
                self.acked =
                    kept.filter(|kept| kept.epoch == epoch && kept.revision > 0).map(|kept| kept.revision);
                let names =
                    errors.into_iter().map(|error| error.name).filter(|name| !name.is_empty()).collect();
                self.refusal = Some(Refusal::new(to, names, self.backoff.next()));
            }
        }
    }
}
