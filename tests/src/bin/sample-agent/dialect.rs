//! How A2A 0.3 and 1.0 write the same things in the JSON-RPC binding.

use serde_json::{Value, json};

use crate::tasks::{Progress, State, Task};

/// Version of the protocol that a request speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Dialect {
    V03,
    V10,
}

/// What the agent can do, whatever a version calls it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Operation {
    CancelTask,
    GetTask,
    ListTasks,
    SendMessage,
    SendStreamingMessage,
    SubscribeToTask,
}

/// Dialect and operation of a JSON-RPC method; the names of the two versions are disjoint.
pub(crate) fn operation(method: &str) -> Option<(Dialect, Operation)> {
    let known = match method {
        "message/send" => (Dialect::V03, Operation::SendMessage),
        "message/stream" => (Dialect::V03, Operation::SendStreamingMessage),
        "tasks/get" => (Dialect::V03, Operation::GetTask),
        "tasks/cancel" => (Dialect::V03, Operation::CancelTask),
        "tasks/resubscribe" => (Dialect::V03, Operation::SubscribeToTask),
        "SendMessage" => (Dialect::V10, Operation::SendMessage),
        "SendStreamingMessage" => (Dialect::V10, Operation::SendStreamingMessage),
        "GetTask" => (Dialect::V10, Operation::GetTask),
        "ListTasks" => (Dialect::V10, Operation::ListTasks),
        "CancelTask" => (Dialect::V10, Operation::CancelTask),
        "SubscribeToTask" => (Dialect::V10, Operation::SubscribeToTask),
        _ => return None,
    };
    Some(known)
}

impl Dialect {
    /// The result of a unary SendMessage.
    pub(crate) fn send_result(self, task: &Task) -> Value {
        self.task_event(task, task.progress())
    }

    /// A task as the first event of a stream or the result of SendMessage.
    pub(crate) fn task_event(self, task: &Task, progress: Progress) -> Value {
        match self {
            Self::V03 => self.task_at(task, progress),
            Self::V10 => json!({"task": self.task_at(task, progress)}),
        }
    }

    /// A task as the result of GetTask and CancelTask.
    pub(crate) fn task(self, task: &Task) -> Value {
        self.task_at(task, task.progress())
    }

    fn task_at(self, task: &Task, progress: Progress) -> Value {
        let mut value = json!({
            "id": task.id,
            "contextId": task.context_id,
            "status": self.status(progress),
            "metadata": {"traceparent": task.traceparent},
        });
        if progress.chunks > 0 {
            let parts: Vec<_> = (0..progress.chunks).map(|chunk| self.part(&text_of(task, chunk))).collect();
            value["artifacts"] = json!([{"artifactId": artifact_id(task), "parts": parts}]);
        }
        self.with_kind(value, "task")
    }

    /// One chunk of the artifact as an event.
    pub(crate) fn artifact_event(self, task: &Task, chunk: usize) -> Value {
        let event = json!({
            "taskId": task.id,
            "contextId": task.context_id,
            "artifact": {"artifactId": artifact_id(task), "parts": [self.part(&text_of(task, chunk))]},
            "append": chunk > 0,
            "lastChunk": chunk + 1 == task.pace.chunks,
        });
        match self {
            Self::V03 => self.with_kind(event, "artifact-update"),
            Self::V10 => json!({"artifactUpdate": event}),
        }
    }

    /// A change of state as an event; ends the stream.
    pub(crate) fn status_event(self, task: &Task, progress: Progress) -> Value {
        let mut event =
            json!({"taskId": task.id, "contextId": task.context_id, "status": self.status(progress)});
        match self {
            Self::V03 => {
                event["final"] = json!(true);
                self.with_kind(event, "status-update")
            }
            Self::V10 => json!({"statusUpdate": event}),
        }
    }

    fn status(self, progress: Progress) -> Value {
        let state = match (self, progress.state) {
            (Self::V03, State::Canceled) => "canceled",
            (Self::V03, State::Completed) => "completed",
            (Self::V03, State::Working) => "working",
            (Self::V10, State::Canceled) => "TASK_STATE_CANCELED",
            (Self::V10, State::Completed) => "TASK_STATE_COMPLETED",
            (Self::V10, State::Working) => "TASK_STATE_WORKING",
        };
        json!({"state": state, "timestamp": humantime::format_rfc3339_millis(progress.changed).to_string()})
    }

    fn part(self, text: &str) -> Value {
        self.with_kind(json!({"text": text}), "text")
    }

    /// 0.3 tells shapes apart by `kind`; 1.0 has no such field.
    fn with_kind(self, mut value: Value, kind: &str) -> Value {
        if self == Self::V03 {
            value["kind"] = json!(kind);
        }
        value
    }
}

fn artifact_id(task: &Task) -> String {
    format!("{}-answer", task.id)
}

fn text_of(task: &Task, chunk: usize) -> String {
    if task.pace.chunks == 1 {
        return task.text.clone();
    }
    format!("{} ({} of {})", task.text, chunk + 1, task.pace.chunks)
}
