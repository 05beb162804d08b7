//! Every open stream of the process, so that those concerned can be ended.

use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::task::Context;

use futures_util::task::AtomicWaker;

/// Why a stream ends although the agent has not finished it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum EndReason {
    /// The credential was revoked.
    Revoked = 1,
    /// The credential or the subscription has expired.
    Expired = 2,
    /// The plan no longer opens the agent.
    PlanClosed = 3,
    /// The agent was stopped or deleted.
    AgentStopped = 4,
    /// The data plane is about to exit.
    Draining = 5,
    /// The stream has lived as long as it may.
    MaxDuration = 6,
    /// The agent was silent for too long.
    UpstreamIdle = 7,
    /// The agent's connection broke, or its stream ended inside an event.
    UpstreamLost = 8,
    /// The deadline that the caller set has passed.
    Deadline = 9,
}

impl EndReason {
    const ALL: [Self; 9] = [
        Self::Revoked,
        Self::Expired,
        Self::PlanClosed,
        Self::AgentStopped,
        Self::Draining,
        Self::MaxDuration,
        Self::UpstreamIdle,
        Self::UpstreamLost,
        Self::Deadline,
    ];

    /// The name used in metrics and logs.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::Expired => "expired",
            Self::PlanClosed => "plan_closed",
            Self::AgentStopped => "agent_stopped",
            Self::Draining => "draining",
            Self::MaxDuration => "max_duration",
            Self::UpstreamIdle => "upstream_idle",
            Self::UpstreamLost => "upstream_lost",
            Self::Deadline => "deadline",
        }
    }
}

#[derive(Debug, Default)]
struct EndState {
    /// 0: not ended; else the reason.
    reason: AtomicU8,
    waker: AtomicWaker,
}

impl EndState {
    /// The first reason stays.
    fn end(&self, reason: EndReason) -> bool {
        let is_first =
            self.reason.compare_exchange(0, reason as u8, Ordering::Release, Ordering::Relaxed).is_ok();
        self.waker.wake();
        is_first
    }

    fn reason(&self) -> Option<EndReason> {
        let reason = self.reason.load(Ordering::Acquire);
        EndReason::ALL.into_iter().find(|candidate| *candidate as u8 == reason)
    }
}

/// One open stream: what it belongs to, and whether it must end.
#[derive(Debug)]
struct Entry<T> {
    state: EndState,
    tag: T,
}

trait HasEndState: Send + Sync + std::fmt::Debug {
    fn state(&self) -> &EndState;
}

impl<T: Send + Sync + std::fmt::Debug> HasEndState for Entry<T> {
    fn state(&self) -> &EndState {
        &self.state
    }
}

/// The end of one stream, as its relay waits for it. Dropping it takes the stream out of [`OpenStreams`].
#[derive(Debug)]
pub struct EndSignal {
    entry: Option<Arc<dyn HasEndState>>,
}

impl EndSignal {
    /// A signal that never comes.
    pub fn never() -> Self {
        Self { entry: None }
    }

    /// The reason to end, if there is one.
    pub fn reason(&self) -> Option<EndReason> {
        self.entry.as_ref()?.state().reason()
    }

    /// The reason to end, or none and the task will be woken when there is one.
    pub fn poll_reason(&self, cx: &Context<'_>) -> Option<EndReason> {
        let state = self.entry.as_ref()?.state();
        // The waker first: a signal between the two is then seen by the read.
        state.waker.register(cx.waker());
        state.reason()
    }
}

/// Every open stream of the process with what it belongs to (agent, plan, consumer, key: the caller's type).
#[derive(Debug)]
pub struct OpenStreams<T> {
    entries: Mutex<Entries<T>>,
}

#[derive(Debug)]
struct Entries<T> {
    list: Vec<Weak<Entry<T>>>,
    /// Length at which streams that are gone are removed; twice what was left last time.
    purge_at: usize,
}

/// Below this many entries nothing is removed.
const PURGE_MIN: usize = 64;

impl<T: Send + Sync + std::fmt::Debug + 'static> Default for OpenStreams<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Send + Sync + std::fmt::Debug + 'static> OpenStreams<T> {
    /// No stream.
    pub fn new() -> Self {
        Self { entries: Mutex::new(Entries { list: Vec::new(), purge_at: PURGE_MIN }) }
    }

    /// Adds a stream. Whoever adds it must check **after** this that its credential still holds: a revocation that was
    /// applied before could not see the stream.
    pub fn open(&self, tag: T) -> EndSignal {
        let entry = Arc::new(Entry { state: EndState::default(), tag });
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        if entries.list.len() >= entries.purge_at {
            entries.list.retain(|entry| entry.strong_count() > 0);
            entries.purge_at = (entries.list.len() * 2).max(PURGE_MIN);
            let kept = entries.purge_at;
            entries.list.shrink_to(kept);
        }
        entries.list.push(Arc::downgrade(&entry));
        EndSignal { entry: Some(entry) }
    }

    /// Ends every stream for which `reason` gives one; returns how many were ended by this call.
    pub fn end_where(&self, mut reason: impl FnMut(&T) -> Option<EndReason>) -> usize {
        // Ended outside the lock: waking may run anything.
        let open: Vec<Arc<Entry<T>>> = {
            let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
            entries.list.iter().filter_map(Weak::upgrade).collect()
        };
        open.iter().filter(|entry| reason(&entry.tag).is_some_and(|reason| entry.state.end(reason))).count()
    }

    /// Ends every stream.
    pub fn end_all(&self, reason: EndReason) -> usize {
        self.end_where(|_| Some(reason))
    }

    /// Streams open now. Walks them all.
    pub fn count(&self) -> usize {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.list.iter().filter(|entry| entry.strong_count() > 0).count()
    }
}

#[cfg(test)]
mod tests;
