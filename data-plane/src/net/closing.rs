//! The request to close, as the connections of one worker see it.

use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::Notify;
use tokio::sync::futures::Notified;

/// Set once. Asking costs one load, so that connections can ask whenever they run.
#[derive(Debug, Default)]
pub(super) struct Closing {
    is_set: AtomicBool,
    notify: Notify,
}

impl Closing {
    pub(super) fn set(&self) {
        // The flag first: whoever registers after the wake-up reads it.
        self.is_set.store(true, Ordering::SeqCst);
        self.notify.notify_waiters();
    }

    pub(super) fn is_set(&self) -> bool {
        self.is_set.load(Ordering::SeqCst)
    }

    /// Wakes the task that polled it, once, when the request comes.
    pub(super) fn notified(&self) -> Notified<'_> {
        self.notify.notified()
    }

    /// Waits for the request. Cancellation safe.
    pub(super) async fn wait(&self) {
        let notified = self.notify.notified();
        if !self.is_set() {
            notified.await;
        }
    }
}
