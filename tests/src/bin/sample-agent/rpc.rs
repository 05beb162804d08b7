//! JSON-RPC: what is asked, and what is answered.

#[cfg(test)]
mod tests;

use std::{sync::Arc, time::Duration};

use serde::Deserialize;
use serde_json::{Value, json};

use crate::{
    dialect::{Dialect, Operation, operation},
    tasks::{Pace, Task, Tasks},
};

/// Most tasks in one answer to ListTasks.
const PAGE_TASKS_MAX: usize = 50;
const TASK_NOT_FOUND: i64 = -32001;
const TASK_NOT_CANCELABLE: i64 = -32002;
const UNSUPPORTED_OPERATION: i64 = -32004;
const PARSE_ERROR: i64 = -32700;
const METHOD_NOT_FOUND: i64 = -32601;
const INVALID_PARAMS: i64 = -32602;

/// The agent: its card and its tasks.
pub(crate) struct Agent {
    /// The card as bytes, ready to serve.
    pub(crate) card: String,
    pace: Pace,
    tasks: Tasks,
}

/// What goes back.
pub(crate) enum Answer {
    /// One JSON document.
    Unary(Value),
    /// The events of a task in a dialect, each with this JSON-RPC id.
    Stream(Arc<Task>, Dialect, Value),
}

#[derive(Deserialize)]
struct Request {
    #[serde(default)]
    id: Value,
    method: String,
    #[serde(default)]
    params: Value,
}

/// Code and message of a JSON-RPC error.
type Refusal = (i64, &'static str);

impl Agent {
    /// An agent without tasks.
    pub(crate) fn new(card: &Value, pace: Pace) -> Self {
        Self { card: card.to_string(), pace, tasks: Tasks::default() }
    }

    /// Answers one request; `traceparent` is the header it came with.
    pub(crate) fn answer(&self, body: &[u8], traceparent: Option<String>) -> Answer {
        let request: Request = match serde_json::from_slice(body) {
            Ok(request) => request,
            Err(error) => return Answer::Unary(failure(&Value::Null, PARSE_ERROR, &error.to_string())),
        };
        let Some((dialect, operation)) = operation(&request.method) else {
            return Answer::Unary(failure(&request.id, METHOD_NOT_FOUND, "method not found"));
        };
        let done = self.perform(dialect, operation, &request, traceparent);
        done.unwrap_or_else(|(code, message)| Answer::Unary(failure(&request.id, code, message)))
    }

    fn perform(
        &self,
        dialect: Dialect,
        operation: Operation,
        request: &Request,
        traceparent: Option<String>,
    ) -> Result<Answer, Refusal> {
        let success = |result| Answer::Unary(json!({"jsonrpc": "2.0", "id": request.id, "result": result}));
        match operation {
            Operation::SendMessage => {
                let task = self.start(&request.params, traceparent)?;
                task.complete();
                Ok(success(dialect.send_result(&task)))
            }
            Operation::SendStreamingMessage => {
                let task = self.start(&request.params, traceparent)?;
                let worker = Arc::clone(&task);
                tokio::spawn(async move { worker.work().await });
                Ok(Answer::Stream(task, dialect, request.id.clone()))
            }
            Operation::GetTask => {
                let task = self.find(&request.params)?;
                Ok(success(dialect.task(&task)))
            }
            Operation::ListTasks => Ok(success(self.list(dialect))),
            Operation::CancelTask => {
                let task = self.find(&request.params)?;
                if !task.cancel() {
                    return Err((TASK_NOT_CANCELABLE, "task has ended already"));
                }
                Ok(success(dialect.task(&task)))
            }
            Operation::SubscribeToTask => {
                let task = self.find(&request.params)?;
                if task.progress().state != crate::tasks::State::Working {
                    return Err((UNSUPPORTED_OPERATION, "task has ended already"));
                }
                Ok(Answer::Stream(task, dialect, request.id.clone()))
            }
        }
    }

    fn start(&self, params: &Value, traceparent: Option<String>) -> Result<Arc<Task>, Refusal> {
        let message = params.get("message").ok_or((INVALID_PARAMS, "params.message is missing"))?;
        let parts = message
            .get("parts")
            .and_then(Value::as_array)
            .ok_or((INVALID_PARAMS, "message.parts is missing"))?;
        let texts: Vec<_> =
            parts.iter().filter_map(|part| part.get("text").and_then(Value::as_str)).collect();
        let context = message.get("contextId").and_then(Value::as_str).filter(|id| !id.is_empty());
        let pace = asked_pace(message, self.pace);
        Ok(self.tasks.add(Task::new(context.map(str::to_owned), texts.join(" "), traceparent, pace)))
    }

    fn find(&self, params: &Value) -> Result<Arc<Task>, Refusal> {
        let id = params.get("id").and_then(Value::as_str).ok_or((INVALID_PARAMS, "params.id is missing"))?;
        self.tasks.get(id).ok_or((TASK_NOT_FOUND, "task not found"))
    }

    fn list(&self, dialect: Dialect) -> Value {
        let tasks: Vec<_> = self.tasks.newest(PAGE_TASKS_MAX).iter().map(|task| dialect.task(task)).collect();
        json!({"totalSize": tasks.len(), "pageSize": PAGE_TASKS_MAX, "nextPageToken": "", "tasks": tasks})
    }
}

/// The pace that a message's metadata asks for, else the agent's own.
fn asked_pace(message: &Value, own: Pace) -> Pace {
    let number =
        |name: &str| message.get("metadata").and_then(|metadata| metadata.get(name)).and_then(Value::as_f64);
    // 1.0 JSON may carry any number as a float; the conversion saturates.
    let whole = |name: &str| number(name).map(|value| value as u64);
    Pace {
        chunks: whole("chunks").and_then(|chunks| usize::try_from(chunks).ok()).unwrap_or(own.chunks),
        interval: whole("intervalMs").map_or(own.interval, Duration::from_millis),
    }
}

fn failure(id: &Value, code: i64, message: &str) -> Value {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}})
}
