//! Two times where hyper has one: how long a kept connection may be silent, and how long a request head may take.
//!
//! hyper starts its header timer when a response is complete, so one short time would close kept connections while
//! their clients still mean to use them. The timer here runs for the idle time until the first byte of the next head
//! has come, and from then for the head's own, shorter time.

use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::{Duration, Instant};

use hyper::rt::{Read, ReadBufCursor, Sleep, Timer, Write};

use crate::clock;

/// What the timers of one connection share.
#[derive(Debug, Default)]
struct Shared {
    /// Reads that the connection has made; wraps around, since only change matters.
    reads: AtomicU32,
    /// The runtime's timer, kept from request to request. It stays armed for the oldest deadline, and is armed for the
    /// rest when it fires early: arming it anew for every request would cost more than looking at the clock.
    sleep: Mutex<Option<Pin<Box<tokio::time::Sleep>>>>,
}

/// Makes the timers of one HTTP/1.1 connection.
#[derive(Debug, Clone)]
pub(super) struct HeadTimer {
    shared: Arc<Shared>,
    idle_timeout: Duration,
    head_timeout: Duration,
}

/// A byte stream that counts its reads.
#[derive(Debug)]
pub(super) struct CountedReads<T> {
    stream: T,
    shared: Arc<Shared>,
}

struct HeadSleep {
    timer: HeadTimer,
    sleep: Option<Pin<Box<tokio::time::Sleep>>>,
    deadline: tokio::time::Instant,
    reads_at_start: u32,
    has_begun: bool,
}

impl HeadTimer {
    pub(super) fn new(idle_timeout: Duration, head_timeout: Duration) -> Self {
        Self { shared: Arc::default(), idle_timeout, head_timeout }
    }

    /// The stream whose reads the timer looks at.
    pub(super) fn watch<T>(&self, stream: T) -> CountedReads<T> {
        CountedReads { stream, shared: Arc::clone(&self.shared) }
    }

    fn start(&self) -> HeadSleep {
        HeadSleep {
            timer: self.clone(),
            sleep: self.shared.sleep.lock().unwrap_or_else(PoisonError::into_inner).take(),
            deadline: clock::now() + self.idle_timeout,
            reads_at_start: self.shared.reads.load(Ordering::Relaxed),
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
        if !self.has_begun && self.timer.shared.reads.load(Ordering::Relaxed) != self.reads_at_start {
            self.has_begun = true;
            self.deadline = clock::now() + self.timer.head_timeout;
        }
        let deadline = self.deadline;
        let sleep = self.sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(deadline)));
        loop {
            if sleep.is_elapsed() || sleep.deadline() > deadline {
                sleep.as_mut().reset(deadline);
            }
            ready!(sleep.as_mut().poll(cx));
            if sleep.deadline() >= deadline {
                return Poll::Ready(());
            }
        }
    }
}

impl Drop for HeadSleep {
    fn drop(&mut self) {
        *self.timer.shared.sleep.lock().unwrap_or_else(PoisonError::into_inner) = self.sleep.take();
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
            let reads = self.shared.reads.load(Ordering::Relaxed);
            self.shared.reads.store(reads.wrapping_add(1), Ordering::Relaxed);
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

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn read(timer: &HeadTimer) {
        timer.shared.reads.fetch_add(1, Ordering::Relaxed);
    }

    #[tokio::test(start_paused = true)]
    async fn a_silent_connection_gets_the_idle_time_and_a_begun_head_its_own() {
        let timer = HeadTimer::new(75 * SECOND, 10 * SECOND);
        let start = clock::now();
        Timer::sleep(&timer, SECOND).await;
        assert_eq!(clock::now() - start, 75 * SECOND);
        // A second head, on the same connection, of which a byte comes after 5 s.
        let start = clock::now();
        let mut sleep = Timer::sleep(&timer, SECOND);
        let first_byte = tokio::time::timeout(5 * SECOND, &mut sleep).await;
        assert!(first_byte.is_err());
        read(&timer);
        sleep.await;
        assert_eq!(clock::now() - start, 15 * SECOND);
    }

    #[tokio::test(start_paused = true)]
    async fn the_timer_of_the_request_before_does_not_cut_this_one_short() {
        let timer = HeadTimer::new(75 * SECOND, 10 * SECOND);
        for _ in 0..3 {
            let waiting = tokio::time::timeout(30 * SECOND, Timer::sleep(&timer, SECOND)).await;
            assert!(waiting.is_err(), "the head came in time");
        }
        let start = clock::now();
        Timer::sleep(&timer, SECOND).await;
        assert_eq!(clock::now() - start, 75 * SECOND);
    }
}
