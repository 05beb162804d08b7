//! One delta on its way: chunk after chunk, as the data plane may get it.

use prost::Message as _;
use signalbox_proto::wire::discovery::v1 as wire;
use signalbox_proto::wire::discovery::v1::sync_response::Message as Outgoing;
use tonic::Status;

use super::Context;
use crate::discovery::capability;
use crate::discovery::chunk::Chunker;
use crate::discovery::session::send;

/// A delta that is being sent.
pub(super) struct Shipment<'a> {
    context: &'a Context,
    /// The delta without its changes.
    base: wire::Delta,
    chunker: Chunker,
    bytes: usize,
}

impl<'a> Shipment<'a> {
    pub(super) fn new(context: &'a Context, base: wire::Delta) -> Self {
        Self { context, base, chunker: Chunker::default(), bytes: 0 }
    }

    /// Adds a change; sends a chunk if it is full.
    pub(super) async fn add(&mut self, change: wire::Change) -> Result<(), Status> {
        let change = self.admit(change);
        match self.chunker.push(change) {
            Some(changes) => self.send(wire::Delta { changes, more: true, ..self.base.clone() }).await,
            None => Ok(()),
        }
    }

    /// Sends the last chunk.
    pub(super) async fn finish(mut self) -> Result<(), Status> {
        let changes = std::mem::take(&mut self.chunker).finish();
        let last = wire::Delta { changes, ..self.base.clone() };
        self.send(last).await?;
        self.context.counted.sent(self.context.lane, self.bytes, self.base.full);
        Ok(())
    }

    async fn send(&mut self, delta: wire::Delta) -> Result<(), Status> {
        self.bytes += delta.encoded_len();
        send(&self.context.outbox, Outgoing::Delta(delta)).await
    }

    /// The change as this data plane gets it.
    fn admit(&self, change: wire::Change) -> wire::Change {
        // Credentials go to everybody, and are not looked up in the fleet view.
        if !capability::may_be_withheld(&change) {
            return change;
        }
        let lacking = capability::lacking(&change, &self.context.capabilities);
        self.context.seat.withhold(&change.name, lacking);
        match lacking {
            None => change,
            Some(_) => capability::withheld(&change),
        }
    }
}
