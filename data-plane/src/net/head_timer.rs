//! Two times where hyper has one: how long a kept connection may be silent, and how long a request head may take.
//!
//! hyper starts its header timer when a response is complete, so one short time would close kept connections while
//! their clients still mean to use them. The timer here runs for the idle time until the first byte of the next head
//! has come, and from then for the head's own, shorter time.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Sleep, Timer, Write};

use crate::clock;

/// Reads that a connection has made; wraps around, since only change matters.
#[derive(Debug, Default)]
struct ReadCount(AtomicU32);

/// Makes the timers of one HTTP/1.1 connection.
#[derive(Debug, Clone)]
pub(super) struct HeadTimer {
    reads: Arc<ReadCount>,
    idle_timeout: Duration,
    head_timeout: Duration,
}

/// A byte stream that counts its reads.
#[derive(Debug)]
pub(super) struct CountedReads<T> {
    stream: T,
    reads: Arc<ReadCount>,
}

struct HeadSleep {
    sleep: Pin<Box<tokio::time::Sleep>>,
    timer: HeadTimer,
    reads_at_start: u32,
    has_begun: bool,
}

impl HeadTimer {
    pub(super) fn new(idle_timeout: Duration, head_timeout: Duration) -> Self {
        Self { reads: Arc::default(), idle_timeout, head_timeout }
    }

    /// The stream whose reads the timer looks at.
    pub(super) fn watch<T>(&self, stream: T) -> CountedReads<T> {
        CountedReads { stream, reads: Arc::clone(&self.reads) }
    }

    fn start(&self) -> HeadSleep {
        HeadSleep {
            sleep: Box::pin(tokio::time::sleep(self.idle_timeout)),
            timer: self.clone(),
            reads_at_start: self.reads.0.load(Ordering::Relaxed),
            has_begun: false,
        }
    }
}

impl Timer for HeadTimer {
    fn sleep(&self, _: Duration) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.start())
    }

    fn sleep_until(&self, _: Instant) -> Pin<Box<dyn Sleep>> {
        Box::pin(self.start())
    }

    fn reset(&self, sleep: &mut Pin<Box<dyn Sleep>>, _: Instant) {
        *sleep = Box::pin(self.start());
    }

    fn now(&self) -> Instant {
        clock::now().into_std()
    }
}

impl Sleep for HeadSleep {}

impl Future for HeadSleep {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        if !self.has_begun && self.timer.reads.0.load(Ordering::Relaxed) != self.reads_at_start {
            self.has_begun = true;
            let deadline = clock::now() + self.timer.head_timeout;
            self.sleep.as_mut().reset(deadline);
        }
        self.sleep.as_mut().poll(cx)
    }
}

impl<T: Read + Unpin> Read for CountedReads<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        let read = Pin::new(&mut self.stream).poll_read(cx, buffer);
        if read.is_ready() {
            // One task reads, so this needs no read-modify-write.
            let reads = self.reads.0.load(Ordering::Relaxed);
            self.reads.0.store(reads.wrapping_add(1), Ordering::Relaxed);
        }
        read
    }
}

impl<T: Write + Unpin> Write for CountedReads<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(cx, parts)
    }
}
