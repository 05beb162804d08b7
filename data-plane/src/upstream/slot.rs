//! The connections that one worker keeps to one endpoint identity.

use std::sync::Arc;
use std::time::Duration;

use super::http1::Http1Connection;
use super::http2::{Http2Connection, StreamPlace};
use crate::clock::Instant;

/// Kept connections. All decisions are made here; the pool only locks and looks up.
#[derive(Debug)]
pub(super) struct Slot {
    /// Oldest first; used from the end, so that a falling load lets the rest grow old and close.
    idle: Vec<(Http1Connection, Instant)>,
    shared: Vec<(Http2Connection, Instant)>,
    /// What the last connection negotiated; `None` before the first.
    pub(super) speaks_http2: Option<bool>,
    /// When a connection was last taken, kept or opened.
    used: Instant,
    /// Connections that could not be opened.
    pub(super) failures: u64,
    /// Held while a shared connection is being opened, so that a burst opens one, not one each.
    pub(super) opening: Arc<tokio::sync::Mutex<()>>,
}

impl Slot {
    pub(super) fn new(now: Instant) -> Self {
        Self {
            idle: Vec::new(),
            shared: Vec::new(),
            speaks_http2: None,
            used: now,
            failures: 0,
            opening: Arc::default(),
        }
    }

    /// Whether nothing is kept and nobody has asked for this long: the endpoint is probably gone.
    pub(super) fn is_unused(&self, now: Instant, timeout: Duration) -> bool {
        let is_empty = self.idle.is_empty() && self.shared.is_empty();
        is_empty
            && Arc::strong_count(&self.opening) == 1
            && now.saturating_duration_since(self.used) >= timeout
    }

    /// The HTTP/1.1 connection that was used last, unless it is closed or has been idle for too long.
    pub(super) fn take_idle(&mut self, now: Instant, idle_timeout: Duration) -> Option<Http1Connection> {
        self.used = now;
        while let Some((mut connection, since)) = self.idle.pop() {
            let idle = now.saturating_duration_since(since);
            if idle >= idle_timeout {
                // All that are left have been idle for longer.
                self.idle.clear();
                return None;
            }
            if connection.is_alive(idle) {
                return Some(connection);
            }
        }
        None
    }

    /// Keeps an HTTP/1.1 connection whose exchange is complete; closes it where too many are kept.
    pub(super) fn keep(&mut self, connection: Http1Connection, now: Instant, idle_max: usize) {
        self.used = now;
        if self.idle.len() < idle_max {
            self.idle.push((connection, now));
        }
    }

    /// A place on the least loaded HTTP/2 connection that has one.
    pub(super) fn take_place(&mut self, now: Instant) -> Option<(Http2Connection, StreamPlace)> {
        self.shared.retain(|(connection, _)| !connection.is_closed());
        let (connection, used) =
            self.shared.iter_mut().min_by_key(|(connection, _)| connection.streams_open())?;
        let place = connection.take_place()?;
        *used = now;
        Some((connection.clone(), place))
    }

    /// A place on the least loaded HTTP/2 connection, where the stream may have to wait, if `shared_max` are open.
    pub(super) fn force_place(&mut self, shared_max: usize) -> Option<(Http2Connection, StreamPlace)> {
        if self.shared.len() < shared_max {
            return None;
        }
        let (connection, _) = self.shared.iter().min_by_key(|(connection, _)| connection.streams_open())?;
        Some((connection.clone(), connection.force_place()))
    }

    /// Adds a fresh HTTP/2 connection.
    pub(super) fn add_shared(&mut self, connection: Http2Connection, now: Instant) {
        self.used = now;
        self.shared.push((connection, now));
    }

    /// Closes what is closed or has been idle for too long.
    pub(super) fn sweep(&mut self, now: Instant, idle_timeout: Duration, shared_idle_timeout: Duration) {
        self.idle.retain_mut(|(connection, since)| {
            let idle = now.saturating_duration_since(*since);
            idle < idle_timeout && connection.is_alive(idle)
        });
        self.idle.shrink_to(self.idle.len() * 2);
        for (connection, used) in &mut self.shared {
            if connection.streams_open() > 0 {
                *used = now;
            }
        }
        self.shared.retain(|(connection, used)| {
            !connection.is_closed() && now.saturating_duration_since(*used) < shared_idle_timeout
        });
    }

    /// Connections kept: HTTP/1.1 idle, HTTP/2 open.
    pub(super) fn kept(&self) -> (usize, usize) {
        (self.idle.len(), self.shared.len())
    }
}
