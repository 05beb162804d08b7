//! Threads that serve connections, each with a runtime of its own.

use std::error::Error;
use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::JoinHandle;

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tokio::sync::{Notify, OwnedSemaphorePermit, mpsc};

use super::closing::Closing;
use super::connection;
use super::listener::ListenerShared;

/// Connections on their way to one worker.
const HANDOVER_MAX: usize = 256;
/// Threads that a worker may use for what blocks: name resolution.
const BLOCKING_THREADS_MAX: usize = 8;

/// The protocol of a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionProtocol {
    /// HTTP/1.0 or HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// What is known of a connection before its first request.
#[derive(Debug, Clone)]
pub struct ConnectionInfo {
    /// The listener's index, as given to [`Listener::bind`](super::listener::Listener::bind).
    pub listener: usize,
    /// The client, or the proxy before it.
    pub peer_address: SocketAddr,
    /// The address that the client connected to.
    pub local_address: SocketAddr,
    /// Whether it is encrypted.
    pub is_tls: bool,
    /// The host named in the TLS handshake.
    pub server_name: Option<Box<str>>,
    /// What is spoken.
    pub protocol: ConnectionProtocol,
}

/// What answers requests. One value per worker, made on the worker's thread.
pub trait Handler: Send + Sync + 'static {
    /// The body of its responses. An error in it breaks the response off.
    type Body: Body<Data = Bytes, Error: Into<Box<dyn Error + Send + Sync>>> + Send + Unpin + 'static;

    /// Answers one request. The future is dropped when the client leaves.
    fn handle(
        self: Arc<Self>,
        request: Request<Incoming>,
        connection: Arc<ConnectionInfo>,
    ) -> impl Future<Output = Response<Self::Body>> + Send;
}

/// One connection, accepted and on its way to a worker.
#[derive(Debug)]
pub(super) struct Accepted {
    pub(super) stream: std::net::TcpStream,
    pub(super) peer_address: SocketAddr,
    pub(super) listener: Arc<ListenerShared>,
    pub(super) place: Place,
}

/// A place among the open connections; dropping it frees the place and the permit.
#[derive(Debug)]
pub(super) struct Place {
    worker: Arc<WorkerShared>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.worker.open.fetch_sub(1, Ordering::Release);
        self.worker.closed.notify_one();
    }
}

#[derive(Debug)]
struct WorkerShared {
    open: AtomicUsize,
    closing: Arc<Closing>,
    stop: Notify,
    /// Told at every end of a connection; shared by all workers.
    closed: Arc<Notify>,
}

#[derive(Debug)]
struct Worker {
    sender: mpsc::Sender<Accepted>,
    shared: Arc<WorkerShared>,
    thread: Option<JoinHandle<()>>,
}

/// The worker threads. Dropping it ends them and with them every connection.
#[derive(Debug)]
pub struct Workers {
    workers: Vec<Worker>,
    closed: Arc<Notify>,
}

impl Workers {
    /// Starts `count` threads, at least one. `make_handler` is called once on each, inside its runtime, with the
    /// worker's number.
    ///
    /// # Errors
    /// A thread or its runtime cannot be made.
    pub fn start<H, F>(count: usize, make_handler: F) -> io::Result<Self>
    where
        H: Handler,
        F: Fn(usize) -> H + Send + Sync + 'static,
    {
        let closed = Arc::new(Notify::new());
        let make_handler = Arc::new(make_handler);
        let start = |index| Worker::start(index, Arc::clone(&closed), Arc::clone(&make_handler));
        let workers = (0..count.max(1)).map(start).collect::<io::Result<_>>()?;
        Ok(Self { workers, closed })
    }

    /// Number of workers.
    pub fn count(&self) -> usize {
        self.workers.len()
    }

    /// Connections open now.
    pub fn open_connections(&self) -> usize {
        self.workers.iter().map(|worker| worker.shared.open.load(Ordering::Acquire)).sum()
    }

    /// Asks every connection to close after its exchange: `Connection: close` or GOAWAY; idle ones close at once.
    pub fn close(&self) {
        for worker in &self.workers {
            worker.shared.closing.set();
        }
    }

    /// Waits until no connection is open. For one waiter at a time.
    pub async fn idle(&self) {
        while self.open_connections() > 0 {
            self.closed.notified().await;
        }
    }

    /// Takes a place on the worker with the fewest connections.
    pub(super) fn take_place(&self, permit: OwnedSemaphorePermit) -> (Place, &mpsc::Sender<Accepted>) {
        let fewest = self.workers.iter().min_by_key(|worker| worker.shared.open.load(Ordering::Relaxed));
        #[expect(clippy::expect_used, reason = "start makes at least one")]
        let worker = fewest.expect("there is a worker");
        worker.shared.open.fetch_add(1, Ordering::Relaxed);
        (Place { worker: Arc::clone(&worker.shared), _permit: permit }, &worker.sender)
    }
}

impl Drop for Workers {
    fn drop(&mut self) {
        for worker in &self.workers {
            worker.shared.stop.notify_one();
        }
        for worker in &mut self.workers {
            if let Some(thread) = worker.thread.take()
                && thread.join().is_err()
            {
                tracing::error!("a worker thread panicked");
            }
        }
    }
}

impl Worker {
    fn start<H, F>(index: usize, closed: Arc<Notify>, make_handler: Arc<F>) -> io::Result<Self>
    where
        H: Handler,
        F: Fn(usize) -> H + Send + Sync + 'static,
    {
        let (sender, receiver) = mpsc::channel(HANDOVER_MAX);
        let shared = Arc::new(WorkerShared {
            open: AtomicUsize::new(0),
            closing: Arc::default(),
            stop: Notify::new(),
            closed,
        });
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .max_blocking_threads(BLOCKING_THREADS_MAX)
            .build()?;
        let worker = Arc::clone(&shared);
        let thread = std::thread::Builder::new().name(format!("worker-{index}")).spawn(move || {
            runtime.block_on(run(receiver, &worker, || make_handler(index)));
            // Tasks are dropped here; a name resolution that hangs must not hold up the exit.
            runtime.shutdown_background();
        })?;
        Ok(Self { sender, shared, thread: Some(thread) })
    }
}

async fn run<H: Handler>(
    mut receiver: mpsc::Receiver<Accepted>,
    worker: &WorkerShared,
    make_handler: impl FnOnce() -> H,
) {
    let handler = Arc::new(make_handler());
    loop {
        let accepted = tokio::select! {
            biased;
            () = worker.stop.notified() => return,
            accepted = receiver.recv() => accepted,
        };
        let Some(accepted) = accepted else { return };
        let Accepted { stream, peer_address, listener, place } = accepted;
        match TcpStream::from_std(stream) {
            Ok(stream) => {
                let closing = Arc::clone(&worker.closing);
                let handler = Arc::clone(&handler);
                tokio::spawn(connection::establish(stream, peer_address, listener, place, handler, closing));
            }
            Err(error) => tracing::warn!(%error, "an accepted connection cannot be served"),
        }
    }
}
