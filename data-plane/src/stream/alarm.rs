//! One timer for many deadlines.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::Sleep;

use crate::clock::{self, Instant};

/// Armed once and not moved with every event: when it fires early, it is armed for the rest.
#[derive(Debug)]
pub(super) struct Alarm(Pin<Box<Sleep>>);

impl Alarm {
    /// Rings at `at`.
    pub(super) fn new(at: Instant) -> Self {
        Self(Box::pin(tokio::time::sleep_until(at)))
    }

    /// Rings at `at` instead.
    pub(super) fn set(&mut self, at: Instant) {
        self.0.as_mut().reset(at);
    }

    /// Ready when it has rung, which may be before `next`: the caller looks at what is due, and asks again.
    pub(super) fn poll(&mut self, next: Instant, cx: &mut Context<'_>) -> Poll<()> {
        if self.0.is_elapsed() || self.0.deadline() > next {
            self.set(next);
        }
        self.0.as_mut().poll(cx)
    }
}

/// `start + duration`, or far away where that overflows.
pub(super) fn after(start: Instant, duration: Duration) -> Instant {
    start.checked_add(duration).unwrap_or_else(|| clock::far_future(start))
}
