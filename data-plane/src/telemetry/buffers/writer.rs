//! The one thread that may block on the outlet.

use std::{
    fmt::Debug,
    sync::{
        Weak,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::{Duration, Instant},
};

use super::{Outlet, Shared};

/// Longest that a record waits for its buffer to fill.
const HANDOVER_INTERVAL: Duration = Duration::from_secs(1);

/// What the writer is sent.
#[derive(Debug)]
pub(super) enum Message {
    /// A full buffer and how many records it holds.
    Records(Vec<u8>, u64),
    /// Put everything, then answer.
    Flush(SyncSender<()>),
}

pub(super) struct Writer<O, S: Debug + Default + Send + 'static> {
    outlet: O,
    messages: Receiver<Message>,
    shared: Weak<Shared<S>>,
}

impl<O: Outlet, S: Debug + Default + Send + 'static> Writer<O, S> {
    pub(super) fn new(outlet: O, messages: Receiver<Message>, shared: Weak<Shared<S>>) -> Self {
        Self { outlet, messages, shared }
    }

    /// Writes until the buffers are gone.
    pub(super) fn run(mut self) {
        let mut due = Instant::now() + HANDOVER_INTERVAL;
        loop {
            let left = due.saturating_duration_since(Instant::now());
            // Buffers that fill quickly must not keep those waiting that do not.
            let message = if left.is_zero() {
                Err(RecvTimeoutError::Timeout)
            } else {
                self.messages.recv_timeout(left)
            };
            match message {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {
                    self.collect();
                    self.outlet.tick();
                    due = Instant::now() + HANDOVER_INTERVAL;
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Records(records, count) => self.put(records, count),
            Message::Flush(done) => {
                self.collect();
                // Whoever asked may have stopped waiting.
                let _ = done.try_send(());
            }
        }
    }

    /// Puts what waits in the queue and in the buffers of all threads.
    fn collect(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut flushes = Vec::new();
        for shard in &shared.shards {
            let mut waiting = Vec::new();
            {
                // While the lock is held no newer record of this thread enters the queue, so its order is kept.
                let mut buffer = shard.lock();
                for message in self.messages.try_iter().take(shared.limits.queue_buffers) {
                    match message {
                        Message::Records(records, count) => waiting.push((records, count)),
                        Message::Flush(done) => flushes.push(done),
                    }
                }
                waiting.push((std::mem::take(&mut buffer.records), std::mem::take(&mut buffer.count)));
            }
            for (records, count) in waiting {
                self.put(records, count);
            }
        }
        // Flushes that came meanwhile ask for records of shards that are already done.
        for done in flushes {
            self.handle(Message::Flush(done));
        }
    }

    fn put(&mut self, records: Vec<u8>, count: u64) {
        if count > 0 {
            self.outlet.put(records, count);
        }
    }
}
