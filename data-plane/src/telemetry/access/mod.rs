//! The access log: one JSON line for each exchange.
//!
//! A request formats its line into the buffer of its thread and goes on. A buffer that is full goes to one writer
//! thread over a bounded queue; every second the writer fetches what is left. A reader that does not keep up costs
//! lines, which are counted, never a request.

mod fields;
mod json;
mod line;
mod record;
mod redact;
mod sink;
mod stamp;
mod writer;

#[cfg(test)]
mod tests;

use std::{
    cell::Cell,
    io,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

pub(super) use fields::{Visit, visit};
pub use record::{AccessRecord, Outcome, Termination};
pub(super) use redact::clean;
use signalbox_proto::telemetry::Counter;
use sink::Sink;
use stamp::Stamp;
use writer::{Message, Writer};

/// A thread's buffer is handed over when it holds this much.
const HANDOVER_BYTES: usize = 64 * 1024;
/// Buffers that may wait for the writer: 4 MiB.
const QUEUE_BUFFERS: usize = 64;
/// Longest that `flush` waits for the writer.
const FLUSH_WAIT: Duration = Duration::from_secs(2);

/// Where the lines go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Destination {
    /// Nowhere: nothing is formatted.
    Off,
    /// The process's standard output.
    #[default]
    Stdout,
    /// A file, appended to, and opened again when it has been moved away.
    File(PathBuf),
}

/// What became of the lines.
#[derive(Debug, Default)]
pub struct AccessCounters {
    /// Handed to the destination.
    pub written: Counter,
    /// Lost: the destination did not keep up or failed.
    pub dropped: Counter,
}

/// The access log of one process. Cloning gives another handle to it; the last one to go has the rest written.
#[derive(Clone, Debug)]
pub struct AccessLog {
    shared: Option<Arc<Shared>>,
}

#[derive(Debug)]
struct Shared {
    /// One for each thread that serves requests, so that no two wait for each other.
    shards: Box<[Shard]>,
    queue: SyncSender<Message>,
    /// The end of every line: which data plane wrote it.
    suffix: Vec<u8>,
    counters: Arc<AccessCounters>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard(Mutex<Buffer>);

#[derive(Debug, Default)]
struct Buffer {
    text: Vec<u8>,
    lines: u64,
    stamp: Stamp,
}

impl AccessLog {
    /// Opens the destination and starts the writer. `region` and `data_plane` end every line.
    ///
    /// # Errors
    /// The file cannot be opened, or the thread cannot be started.
    pub fn start(
        destination: &Destination,
        region: &str,
        data_plane: &str,
        counters: Arc<AccessCounters>,
    ) -> io::Result<Self> {
        match Sink::open(destination)? {
            None => Ok(Self::off()),
            Some(sink) => Self::start_with(sink, line::suffix(region, data_plane), counters),
        }
    }

    fn start_with(sink: Sink, suffix: Vec<u8>, counters: Arc<AccessCounters>) -> io::Result<Self> {
        let (queue, messages) = sync_channel(QUEUE_BUFFERS);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let shards = (0..threads.saturating_mul(2)).map(|_| Shard::default()).collect();
        let shared = Arc::new(Shared { shards, queue, suffix, counters: Arc::clone(&counters) });
        // The writer must not keep alive what it waits to see gone.
        let writer = Writer::new(sink, messages, counters, Arc::downgrade(&shared));
        thread::Builder::new().name("access-log".to_owned()).spawn(move || writer.run())?;
        Ok(Self { shared: Some(shared) })
    }

    /// A log that writes nothing.
    pub fn off() -> Self {
        Self { shared: None }
    }

    /// Whether lines go anywhere.
    pub fn is_on(&self) -> bool {
        self.shared.is_some()
    }

    /// Formats one line. Never waits for the destination.
    pub fn log(&self, record: &AccessRecord<'_>) {
        let Some(shared) = &self.shared else { return };
        let mut buffer = shared.shard().lock();
        let Buffer { text, lines, stamp } = &mut *buffer;
        line::write(text, stamp, record, &shared.suffix);
        *lines += 1;
        if text.len() >= HANDOVER_BYTES {
            let full = std::mem::replace(text, Vec::with_capacity(HANDOVER_BYTES + HANDOVER_BYTES / 8));
            shared.hand_over(full, std::mem::take(lines));
        }
    }

    /// Waits until everything logged so far has reached the destination, at most two seconds. Blocks: not for a
    /// thread that serves requests.
    pub fn flush(&self) {
        let Some(shared) = &self.shared else { return };
        let (done, waiter) = sync_channel(1);
        // A writer that is stuck leaves no room in its queue; then there is nothing to wait for.
        if shared.queue.try_send(Message::Flush(done)).is_ok() {
            let _ = waiter.recv_timeout(FLUSH_WAIT);
        }
    }
}

impl Shared {
    /// The shard of the thread that asks.
    fn shard(&self) -> &Shard {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: Cell<usize> = Cell::new(NEXT.fetch_add(1, Relaxed));
        }
        &self.shards[NUMBER.get() % self.shards.len()]
    }

    fn hand_over(&self, text: Vec<u8>, lines: u64) {
        if let Err(
            TrySendError::Full(Message::Lines(_, lost)) | TrySendError::Disconnected(Message::Lines(_, lost)),
        ) = self.queue.try_send(Message::Lines(text, lines))
        {
            self.counters.dropped.add(lost);
        }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        for shard in &self.shards {
            let mut buffer = shard.lock();
            let (text, lines) = (std::mem::take(&mut buffer.text), std::mem::take(&mut buffer.lines));
            drop(buffer);
            self.hand_over(text, lines);
        }
    }
}

impl Shard {
    fn lock(&self) -> MutexGuard<'_, Buffer> {
        // A panic while formatting leaves at worst half a line behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
