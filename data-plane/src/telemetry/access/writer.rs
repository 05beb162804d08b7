//! The one thread that may block on the destination.

use std::{
    sync::{
        Arc, Weak,
        mpsc::{Receiver, RecvTimeoutError, SyncSender},
    },
    time::Duration,
};

use super::{AccessCounters, QUEUE_BUFFERS, Shared, sink::Sink};

/// Longest that a line waits for its buffer to fill.
const HANDOVER_INTERVAL: Duration = Duration::from_secs(1);

/// What the writer is sent.
#[derive(Debug)]
pub(super) enum Message {
    /// A full buffer and how many lines it holds.
    Lines(Vec<u8>, u64),
    /// Write everything, then answer.
    Flush(SyncSender<()>),
}

pub(super) struct Writer {
    sink: Sink,
    messages: Receiver<Message>,
    counters: Arc<AccessCounters>,
    shared: Weak<Shared>,
}

impl Writer {
    pub(super) fn new(
        sink: Sink,
        messages: Receiver<Message>,
        counters: Arc<AccessCounters>,
        shared: Weak<Shared>,
    ) -> Self {
        Self { sink, messages, counters, shared }
    }

    /// Writes until the log is gone.
    pub(super) fn run(mut self) {
        loop {
            match self.messages.recv_timeout(HANDOVER_INTERVAL) {
                Ok(message) => self.handle(message),
                Err(RecvTimeoutError::Timeout) => {
                    self.collect();
                    self.sink.reopen_if_moved();
                }
                Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Lines(text, lines) => self.write(&text, lines),
            Message::Flush(done) => {
                self.collect();
                // Whoever asked may have stopped waiting.
                let _ = done.try_send(());
            }
        }
    }

    /// Writes what waits in the queue and in the buffers of all threads.
    fn collect(&mut self) {
        let Some(shared) = self.shared.upgrade() else { return };
        let mut flushes = Vec::new();
        for shard in &shared.shards {
            let mut waiting = Vec::new();
            {
                // While the lock is held no newer line of this thread enters the queue, so its order is kept.
                let mut buffer = shard.lock();
                for message in self.messages.try_iter().take(QUEUE_BUFFERS) {
                    match message {
                        Message::Lines(text, lines) => waiting.push((text, lines)),
                        Message::Flush(done) => flushes.push(done),
                    }
                }
                waiting.push((std::mem::take(&mut buffer.text), std::mem::take(&mut buffer.lines)));
            }
            for (text, lines) in waiting {
                self.write(&text, lines);
            }
        }
        // Flushes that came meanwhile asked for lines of shards that are already done, or about to be forgotten.
        for done in flushes {
            self.handle(Message::Flush(done));
        }
    }

    fn write(&mut self, text: &[u8], lines: u64) {
        if lines == 0 {
            return;
        }
        match self.sink.write(text) {
            Ok(()) => self.counters.written.add(lines),
            Err(_) => self.counters.dropped.add(lines),
        }
    }
}
