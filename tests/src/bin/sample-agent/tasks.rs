//! Tasks and their progress, independent of who watches.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, SystemTime},
};

use tokio::sync::watch;
use uuid::Uuid;

/// Tasks that are remembered; the oldest is forgotten first.
const TASKS_MAX: usize = 10_000;

/// How an answer is cut up and spread over time.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Pace {
    /// Chunks of the one artifact.
    pub(crate) chunks: usize,
    /// Time before each chunk.
    pub(crate) interval: Duration,
}

/// What a task is doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum State {
    Canceled,
    Completed,
    Working,
}

/// How far a task is: the chunks that are out, and its state.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Progress {
    pub(crate) chunks: usize,
    pub(crate) state: State,
    pub(crate) changed: SystemTime,
}

/// One task.
pub(crate) struct Task {
    pub(crate) id: String,
    pub(crate) context_id: String,
    /// Text that comes back.
    pub(crate) text: String,
    /// `traceparent` of the request that made it.
    pub(crate) traceparent: Option<String>,
    pub(crate) pace: Pace,
    progress: watch::Sender<Progress>,
}

impl Task {
    /// A task that is working.
    pub(crate) fn new(
        context_id: Option<String>,
        text: String,
        traceparent: Option<String>,
        pace: Pace,
    ) -> Self {
        let progress = Progress { chunks: 0, state: State::Working, changed: SystemTime::now() };
        Self {
            id: Uuid::new_v4().to_string(),
            context_id: context_id.unwrap_or_else(|| Uuid::new_v4().to_string()),
            text,
            traceparent,
            pace,
            progress: watch::Sender::new(progress),
        }
    }

    /// How far it is.
    pub(crate) fn progress(&self) -> Progress {
        *self.progress.borrow()
    }

    /// Tells each change from now on; a slow watcher sees the latest only.
    pub(crate) fn watch(&self) -> watch::Receiver<Progress> {
        self.progress.subscribe()
    }

    /// Puts the chunks out one by one, then completes; ends early when the task is canceled.
    pub(crate) async fn work(&self) {
        for _ in 0..self.pace.chunks {
            tokio::time::sleep(self.pace.interval).await;
            if !self.advance(|progress| progress.chunks += 1) {
                return;
            }
        }
        self.advance(|progress| progress.state = State::Completed);
    }

    /// Completes at once with everything in one answer.
    pub(crate) fn complete(&self) {
        self.advance(|progress| {
            progress.chunks = self.pace.chunks;
            progress.state = State::Completed;
        });
    }

    /// Cancels it; false when it had ended already.
    pub(crate) fn cancel(&self) -> bool {
        self.advance(|progress| progress.state = State::Canceled)
    }

    fn advance(&self, change: impl FnOnce(&mut Progress)) -> bool {
        self.progress.send_if_modified(|progress| {
            let working = progress.state == State::Working;
            if working {
                change(progress);
                progress.changed = SystemTime::now();
            }
            working
        })
    }
}

/// The tasks of this process.
#[derive(Default)]
pub(crate) struct Tasks {
    inner: Mutex<Inner>,
}

#[derive(Default)]
struct Inner {
    by_id: HashMap<String, Arc<Task>>,
    in_order: VecDeque<String>,
}

impl Tasks {
    /// Remembers a task.
    pub(crate) fn add(&self, task: Task) -> Arc<Task> {
        let task = Arc::new(task);
        let mut inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.by_id.insert(task.id.clone(), Arc::clone(&task));
        inner.in_order.push_back(task.id.clone());
        if inner.in_order.len() > TASKS_MAX
            && let Some(oldest) = inner.in_order.pop_front()
        {
            inner.by_id.remove(&oldest);
        }
        task
    }

    /// The task with this id.
    pub(crate) fn get(&self, id: &str) -> Option<Arc<Task>> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner).by_id.get(id).cloned()
    }

    /// The newest tasks, at most `count`.
    pub(crate) fn newest(&self, count: usize) -> Vec<Arc<Task>> {
        let inner = self.inner.lock().unwrap_or_else(PoisonError::into_inner);
        inner.in_order.iter().rev().take(count).filter_map(|id| inner.by_id.get(id).cloned()).collect()
    }
}
