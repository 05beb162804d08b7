//! One lane of one stream: a cursor, at most one delta on its way, no queue.

mod refusal;
mod shipment;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::SystemTime;

use signalbox_proto::model::lane::{Cursor, Lane};
use signalbox_proto::wire::discovery::v1 as wire;
use tokio::sync::{Semaphore, mpsc, watch};
use tonic::Status;

use self::refusal::Refusal;
use self::shipment::Shipment;
use super::backoff::Backoff;
use super::fleet::Seat;
use super::session::Outbox;
use crate::api::status::status;
use crate::clock::{Clock, to_timestamp};
use crate::service::Feed;
use crate::service::feed::{Batch, Since};
use crate::store::Heads;
use crate::telemetry::{Session as Counted, change};

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
    /// Where to count them.
    pub counted: Arc<Counted>,
    /// What time it is.
    pub clock: Arc<dyn Clock>,
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
    /// Whether the data plane has once been up to date on this stream.
    live: bool,
}

/// A delta that waits for its answer.
struct Sent {
    to: u64,
    /// When `to` was committed; `None` for a delta that only catches up.
    commit_time: Option<SystemTime>,
    /// Lasts until the answer.
    span: tracing::Span,
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
        Self {
            context,
            ports,
            replies,
            heads,
            acked,
            refusal: None,
            backoff: Backoff::default(),
            live: false,
        }
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
            let sent = match next {
                Next::Batch(batch) => self.send_batch(nonce, batch).await?,
                Next::Everything => self.send_everything(nonce).await?,
            };
            match self.replies.recv().await {
                Some(reply) => self.take(&sent, reply),
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

    async fn send_batch(&self, nonce: u64, batch: Batch) -> Result<Sent, Status> {
        let Batch { from, to, changes, commit_time, traceparent } = batch;
        let lane = self.context.lane;
        let span = change::publish_span(self.context.seat.name(), lane, from, to, traceparent.as_deref());
        let mut shipment = Shipment::new(
            &self.context,
            wire::Delta {
                from,
                to,
                traceparent: traceparent.unwrap_or_default(),
                commit_time: Some(to_timestamp(commit_time)),
                ..self.delta(nonce)
            },
        );
        for change in &changes {
            shipment.add(change.message.clone()).await?;
        }
        shipment.finish().await?;
        Ok(Sent { to, commit_time: self.live.then_some(commit_time), span })
    }

    async fn send_everything(&self, nonce: u64) -> Result<Sent, Status> {
        let lane = self.context.lane;
        let _turn =
            self.context.snapshots.acquire().await.map_err(|_| Status::unavailable("shutting down"))?;
        let mut everything = self.context.feed.everything(lane).await.map_err(|error| status(&error))?;
        let to = everything.revision();
        let span = change::publish_span(self.context.seat.name(), lane, 0, to, None);
        self.context.seat.nothing_withheld(lane);
        let mut shipment = Shipment::new(&self.context, wire::Delta { to, full: true, ..self.delta(nonce) });
        loop {
            let page = everything.next_page().await.map_err(|error| status(&error))?;
            if page.is_empty() {
                break;
            }
            for change in page {
                shipment.add(change.message).await?;
            }
        }
        shipment.finish().await?;
        Ok(Sent { to, commit_time: None, span })
    }

    fn delta(&self, nonce: u64) -> wire::Delta {
        wire::Delta {
            lane: self.context.lane.to_wire().into(),
            nonce,
            epoch: self.context.feed.epoch().0.to_vec(),
            ..Default::default()
        }
    }

    /// Moves the cursor by an answer to the delta that ended at `to`.
    fn take(&mut self, sent: &Sent, reply: Reply) {
        let (lane, epoch, to) = (self.context.lane, self.context.feed.epoch(), sent.to);
        match reply {
            // The cursor that was sent is what counts: an ACK is for the whole delta.
            Reply::Ack(_) => {
                self.acked = Some(to);
                self.backoff.reset();
                self.context.seat.applied(lane, Cursor { epoch, revision: to });
                let since_commit =
                    sent.commit_time.and_then(|commit| self.context.clock.now().duration_since(commit).ok());
                self.context.counted.acknowledged(lane, to, since_commit);
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
                self.context.counted.refused(lane);
                change::fail(&sent.span, &"refused by the data plane");
                self.acked = kept.filter(|kept| kept.epoch == epoch).map(|kept| kept.revision);
                let names =
                    errors.into_iter().map(|error| error.name).filter(|name| !name.is_empty()).collect();
                self.refusal = Some(Refusal::new(to, names, self.backoff.pause()));
            }
        }
    }
}
