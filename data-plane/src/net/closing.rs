//! The request to close, as the connections of one worker see it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Poll, Waker};

/// Set once. Asking costs one load, so that connections can ask whenever they run.
#[derive(Debug, Default)]
pub(super) struct Closing {
    is_set: AtomicBool,
    waiting: Mutex<Waiting>,
}

#[derive(Debug, Default)]
struct Waiting {
    wakers: Vec<Option<Waker>>,
    free: Vec<usize>,
}

/// One task that hears of the request. It registers its waker once, not every time it runs.
#[derive(Debug)]
pub(super) struct CloseSignal {
    closing: Arc<Closing>,
    key: Option<usize>,
}

impl Closing {
    pub(super) fn set(&self) {
        // The flag first: whoever registers after the wake-up reads it.
        self.is_set.store(true, Ordering::SeqCst);
        let wakers = {
            let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            waiting.wakers.iter_mut().filter_map(Option::take).collect::<Vec<_>>()
        };
        wakers.into_iter().for_each(Waker::wake);
    }

    /// A signal for one task.
    pub(super) fn signal(self: &Arc<Self>) -> CloseSignal {
        CloseSignal { closing: Arc::clone(self), key: None }
    }

    /// Waits for the request. Cancellation safe.
    pub(super) async fn wait(self: &Arc<Self>) {
        let mut signal = self.signal();
        std::future::poll_fn(|cx| if signal.is_set(cx.waker()) { Poll::Ready(()) } else { Poll::Pending })
            .await;
    }
}

impl CloseSignal {
    /// Whether the request has come; if not, the task is woken when it does. Must be asked by one task only.
    pub(super) fn is_set(&mut self, waker: &Waker) -> bool {
        if self.key.is_none() {
            let mut waiting = self.closing.waiting.lock().unwrap_or_else(PoisonError::into_inner);
            let key = waiting.free.pop().unwrap_or_else(|| {
                waiting.wakers.push(None);
                waiting.wakers.len() - 1
            });
            waiting.wakers[key] = Some(waker.clone());
            self.key = Some(key);
        }
        self.closing.is_set.load(Ordering::SeqCst)
    }
}

impl Drop for CloseSignal {
    fn drop(&mut self) {
        let Some(key) = self.key else { return };
        let mut waiting = self.closing.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        waiting.wakers[key] = None;
        waiting.free.push(key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_who_wait_are_woken_and_places_are_used_again() {
        let closing = Arc::new(Closing::default());
        for _ in 0..100 {
            assert!(!closing.signal().is_set(Waker::noop()));
        }
        assert_eq!(closing.waiting.lock().unwrap().wakers.len(), 1);
        let wait = |closing: &Arc<Closing>| {
            let closing = Arc::clone(closing);
            tokio::spawn(async move { closing.wait().await })
        };
        let waiting = [wait(&closing), wait(&closing)];
        tokio::task::yield_now().await;
        closing.set();
        for task in waiting {
            task.await.unwrap();
        }
        closing.wait().await;
    }
}
