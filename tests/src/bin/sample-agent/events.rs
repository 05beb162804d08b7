//! The events of one task, as server-sent events.

use std::{collections::VecDeque, convert::Infallible, sync::Arc};

use bytes::Bytes;
use futures_util::{Stream, stream};
use hyper::body::Frame;
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::{
    dialect::Dialect,
    tasks::{Progress, State, Task},
};

/// One client that follows one task.
struct Follower {
    task: Arc<Task>,
    dialect: Dialect,
    /// JSON-RPC id of the request, which every event carries.
    id: Value,
    changes: watch::Receiver<Progress>,
    chunks_sent: usize,
    ready: VecDeque<Value>,
    ended: bool,
}

/// A task as it is now, then each of its events until it ends.
pub(crate) fn follow(
    task: Arc<Task>,
    dialect: Dialect,
    id: Value,
) -> impl Stream<Item = Result<Frame<Bytes>, Infallible>> {
    let mut changes = task.watch();
    let now = *changes.borrow_and_update();
    let ready = VecDeque::from([dialect.task_event(&task, now)]);
    let ended = now.state != State::Working;
    let follower = Follower { task, dialect, id, changes, chunks_sent: now.chunks, ready, ended };
    stream::unfold(follower, |mut follower| async move {
        let event = follower.next().await?;
        Some((Ok(Frame::data(event)), follower))
    })
}

impl Follower {
    async fn next(&mut self) -> Option<Bytes> {
        while self.ready.is_empty() {
            if self.ended || self.changes.changed().await.is_err() {
                return None;
            }
            let progress = *self.changes.borrow_and_update();
            self.queue(progress);
        }
        let result = self.ready.pop_front()?;
        let response = json!({"jsonrpc": "2.0", "id": self.id, "result": result});
        Some(Bytes::from(format!("data: {response}\n\n")))
    }

    fn queue(&mut self, progress: Progress) {
        for chunk in self.chunks_sent..progress.chunks {
            self.ready.push_back(self.dialect.artifact_event(&self.task, chunk));
        }
        self.chunks_sent = progress.chunks;
        if progress.state != State::Working {
            self.ready.push_back(self.dialect.status_event(&self.task, progress));
            self.ended = true;
        }
    }
}
