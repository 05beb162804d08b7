//! Records on their way from threads that must not wait to the one thread that may.
//!
//! A thread writes into a buffer of its own. A full one goes to the writer over a bounded queue; every second the writer
//! fetches what is left. An outlet that does not keep up costs records, which are counted.

mod writer;

use std::{
    cell::Cell,
    fmt::Debug,
    io,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering::Relaxed},
        mpsc::{SyncSender, TrySendError, sync_channel},
    },
    thread,
    time::Duration,
};

use writer::{Message, Writer};

/// Where the writer puts records. It may block, and counts itself what becomes of what it was given.
pub(super) trait Outlet: Send + 'static {
    /// Puts whole records, `count` of them.
    fn put(&mut self, records: Vec<u8>, count: u64);

    /// Called about once a second.
    fn tick(&mut self) {}
}

/// Where records are counted that never reach the outlet.
pub(super) trait Losses: Debug + Send + Sync {
    /// `records` are lost.
    fn lost(&self, records: u64);
}

/// How much may wait.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// Name of the writer's thread.
    pub(super) thread: &'static str,
    /// A thread's buffer is handed over when it holds this much.
    pub(super) handover_bytes: usize,
    /// Buffers that may wait for the writer.
    pub(super) queue_buffers: usize,
}

/// The buffers of all threads, each with a state `S` that formatting keeps between two records. The last handle to go has
/// the rest written.
#[derive(Debug)]
pub(super) struct Buffers<S: Debug + Default + Send + 'static>(Arc<Shared<S>>);

impl<S: Debug + Default + Send + 'static> Clone for Buffers<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<S: Debug + Default + Send + 'static> {
    /// One for each thread that serves requests, so that no two wait for each other.
    shards: Box<[Shard<S>]>,
    queue: SyncSender<Message>,
    limits: Limits,
    losses: Arc<dyn Losses>,
}

#[derive(Debug, Default)]
#[repr(align(128))]
struct Shard<S>(Mutex<Buffer<S>>);

#[derive(Debug, Default)]
struct Buffer<S> {
    records: Vec<u8>,
    count: u64,
    state: S,
}

impl<S: Debug + Default + Send + 'static> Buffers<S> {
    /// Starts the writer.
    ///
    /// # Errors
    /// The thread cannot be started.
    pub(super) fn start(outlet: impl Outlet, limits: Limits, losses: Arc<dyn Losses>) -> io::Result<Self> {
        let (queue, messages) = sync_channel(limits.queue_buffers);
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let shards = (0..threads.saturating_mul(2)).map(|_| Shard::default()).collect();
        let shared = Arc::new(Shared { shards, queue, limits, losses });
        // The writer must not keep alive what it waits to see gone.
        let writer = Writer::new(outlet, messages, Arc::downgrade(&shared));
        thread::Builder::new().name(limits.thread.to_owned()).spawn(move || writer.run())?;
        Ok(Self(shared))
    }

    /// Has one record written by `write`, which may only append. Never waits for the outlet.
    pub(super) fn push(&self, write: impl FnOnce(&mut Vec<u8>, &mut S)) {
        let Shared { limits, .. } = &*self.0;
        let mut buffer = self.0.shard().lock();
        let Buffer { records, count, state } = &mut *buffer;
        write(records, state);
        *count += 1;
        if records.len() >= limits.handover_bytes {
            let room = limits.handover_bytes + limits.handover_bytes / 8;
            let full = std::mem::replace(records, Vec::with_capacity(room));
            self.0.hand_over(full, std::mem::take(count));
        }
    }

    /// Waits until everything pushed so far has been put, `wait` at most. Blocks: not for a thread that serves requests.
    pub(super) fn flush(&self, wait: Duration) {
        let (done, waiter) = sync_channel(1);
        // A writer that is stuck leaves no room in its queue; then there is nothing to wait for.
        if self.0.queue.try_send(Message::Flush(done)).is_ok() {
            let _ = waiter.recv_timeout(wait);
        }
    }
}

impl<S: Debug + Default + Send + 'static> Shared<S> {
    /// The shard of the thread that asks.
    fn shard(&self) -> &Shard<S> {
        static NEXT: AtomicUsize = AtomicUsize::new(0);
        thread_local! {
            static NUMBER: Cell<usize> = Cell::new(NEXT.fetch_add(1, Relaxed));
        }
        &self.shards[NUMBER.get() % self.shards.len()]
    }

    fn hand_over(&self, records: Vec<u8>, count: u64) {
        if let Err(
            TrySendError::Full(Message::Records(_, lost))
            | TrySendError::Disconnected(Message::Records(_, lost)),
        ) = self.queue.try_send(Message::Records(records, count))
        {
            self.losses.lost(lost);
        }
    }
}

impl<S: Debug + Default + Send + 'static> Drop for Shared<S> {
    fn drop(&mut self) {
        for shard in &self.shards {
            let mut buffer = shard.lock();
            let (records, count) = (std::mem::take(&mut buffer.records), std::mem::take(&mut buffer.count));
            drop(buffer);
            self.hand_over(records, count);
        }
    }
}

impl<S> Shard<S> {
    fn lock(&self) -> MutexGuard<'_, Buffer<S>> {
        // A panic while formatting leaves at worst half a record behind.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
