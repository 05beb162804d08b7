//! How long an HTTP/2 connection has had no exchange: its PINGs keep it alive, so they say nothing about its use.

use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::clock::{self, Instant};

/// The exchanges of one connection.
#[derive(Debug)]
pub(super) struct Activity(Mutex<State>);

#[derive(Debug)]
struct State {
    open: usize,
    /// When the last exchange ended, or the connection began.
    since: Instant,
}

/// One exchange, from its request head to the end of its response body.
#[derive(Debug)]
pub(super) struct Busy(Arc<Activity>);

/// A response body that ends its exchange when it is dropped.
#[derive(Debug)]
pub(super) struct BusyBody<B> {
    body: B,
    _busy: Busy,
}

impl Activity {
    pub(super) fn new() -> Arc<Self> {
        Arc::new(Self(Mutex::new(State { open: 0, since: clock::now() })))
    }

    /// Begins an exchange.
    pub(super) fn begin(self: &Arc<Self>) -> Busy {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).open += 1;
        Busy(Arc::clone(self))
    }

    /// Waits until there has been no exchange for this long.
    pub(super) async fn idle_for(&self, timeout: Duration) {
        loop {
            let since = {
                let state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                if state.open == 0 { state.since } else { clock::now() }
            };
            let deadline = since + timeout;
            if clock::now() >= deadline {
                return;
            }
            tokio::time::sleep_until(deadline).await;
        }
    }
}

impl Busy {
    /// Ties the exchange to its response body.
    pub(super) fn with<B>(self, body: B) -> BusyBody<B> {
        BusyBody { body, _busy: self }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        let mut state = self.0.0.lock().unwrap_or_else(PoisonError::into_inner);
        state.open -= 1;
        state.since = clock::now();
    }
}

impl<B: Body<Data = Bytes> + Unpin> Body for BusyBody<B> {
    type Data = Bytes;
    type Error = B::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, B::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[tokio::test(start_paused = true)]
    async fn idle_time_counts_from_the_end_of_the_last_exchange() {
        let start = clock::now();
        let activity = Activity::new();
        let first = activity.begin();
        let waiting = Arc::clone(&activity);
        let idle = tokio::spawn(async move {
            waiting.idle_for(10 * SECOND).await;
            clock::now() - start
        });
        tokio::time::sleep(25 * SECOND).await;
        let second = activity.begin();
        drop(first);
        tokio::time::sleep(12 * SECOND).await;
        drop(second);
        assert_eq!(idle.await.unwrap(), 47 * SECOND);
    }
}
