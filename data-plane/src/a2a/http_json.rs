//! The HTTP+JSON binding: which operation a method and a path ask for, and what query and body say.
//!
//! Paths without prefix are those of 1.0 (A2A 1.0 §11.3), with at most one tenant before them; those below `/v1` are of
//! 0.3. Nothing is normalised: a path goes on to the agent as it came, so only those are taken that every server reads in
//! the same way, be its router exact, blind to case, or one that decodes before it looks.

use std::borrow::Cow;

use http::Method;

use super::operation::{Naming, Operation};

mod body;
mod path;
mod query;
#[cfg(test)]
mod tests;

pub use body::{Body, read_body};
pub use query::{context_id, without_version};

use path::{Form, Reading};

/// What a method and a path ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// The canonical operation.
    pub operation: Operation,
    /// The generation of the path.
    pub naming: Naming,
    /// Method and path with names for what varies, such as `GET /tasks/{id}`: one of a few, for logs.
    pub label: &'static str,
    /// What the request carries besides its head.
    pub body: Body,
    /// Whether the path hangs from the server's own base and not from its HTTP+JSON interface: the extended card of 0.2.
    pub is_below_server: bool,
    task: Option<Span>,
}

/// Part of a path: byte offsets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

/// Why a method and a path ask for nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss {
    /// No such path, or one that servers may read differently. Never forwarded.
    Nowhere,
    /// The path is known, for other methods.
    Method {
        /// The generation of the path.
        naming: Naming,
        /// The methods that it is for, as in `Allow`.
        allow: String,
    },
}

impl Route {
    /// The task that the path names, decoded: for telemetry only. `path` is what was classified.
    pub fn task_id<'a>(&self, path: &'a str) -> Option<Cow<'a, str>> {
        let Span { start, end } = self.task?;
        path::decode(path.get(start..end)?)
    }
}

/// Reads a method and the raw path below an agent's address, which begins with a slash.
///
/// # Errors
/// Why it asks for nothing.
pub fn classify(method: &Method, path: &str) -> Result<Route, Miss> {
    let raw = path::segments(path).ok_or(Miss::Nowhere)?;
    let reading = path::exact(&raw).ok_or(Miss::Nowhere)?;
    let others = path::loose(&raw).ok_or(Miss::Nowhere)?;
    let Some(row) = ROWS.iter().find(|row| row.fits(reading, method)) else {
        let (naming, allow) = (reading.naming, allow(reading));
        return Err(Miss::Method { naming, allow });
    };
    let differs = |other: &Reading| {
        let found = ROWS.iter().find(|row| row.fits(*other, method));
        found.is_some_and(|found| found.operation != row.operation || !other.is_same(&reading))
    };
    if others.iter().any(differs) {
        return Err(Miss::Nowhere);
    }
    let start = |segment: &str| segment.as_ptr().addr() - path.as_ptr().addr();
    let task = reading.task.and_then(|task| {
        let segment = raw.get(task.segment)?;
        let start = start(segment);
        Some(Span { start, end: start + segment.len() - task.verb_bytes })
    });
    Ok(Route {
        operation: row.operation,
        naming: reading.naming,
        label: row.label,
        body: body_of(row),
        is_below_server: reading.form == Form::OldCard,
        task,
    })
}

fn body_of(row: &Row) -> Body {
    match (row.method, row.operation) {
        ("POST", Operation::CancelTask | Operation::SubscribeToTask) => Body::Optional,
        ("POST", _) => Body::Required,
        _ => Body::None,
    }
}

fn allow(reading: Reading) -> String {
    let rows = ROWS.iter().filter(|row| row.form == reading.form && row.naming == reading.naming);
    rows.map(|row| row.method).collect::<Vec<_>>().join(", ")
}

/// A method at a path.
struct Row {
    naming: Naming,
    form: Form,
    method: &'static str,
    operation: Operation,
    label: &'static str,
}

impl Row {
    fn fits(&self, reading: Reading, method: &Method) -> bool {
        self.naming == reading.naming && self.form == reading.form && *method == self.method
    }
}

macro_rules! rows {
    ($($naming:ident $form:ident $method:literal $path:literal $operation:ident;)*) => {
        &[$(Row {
            naming: Naming::$naming,
            form: Form::$form,
            method: $method,
            operation: Operation::$operation,
            label: concat!($method, " ", $path),
        }),*]
    };
}

/// A2A 1.0 §11.3; A2A 0.3 §3.5.6 and its protocol buffers, whose annotations say GET for subscribing, as those of 1.0 do,
/// and `task` for creating webhooks.
const ROWS: &[Row] = rows! {
    V10 Send "POST" "/message:send" SendMessage;
    V10 Stream "POST" "/message:stream" SendStreamingMessage;
    V10 Task "GET" "/tasks/{id}" GetTask;
    V10 Tasks "GET" "/tasks" ListTasks;
    V10 Cancel "POST" "/tasks/{id}:cancel" CancelTask;
    V10 Subscribe "GET" "/tasks/{id}:subscribe" SubscribeToTask;
    V10 Subscribe "POST" "/tasks/{id}:subscribe" SubscribeToTask;
    V10 Configs "GET" "/tasks/{id}/pushNotificationConfigs" ListTaskPushNotificationConfigs;
    V10 Configs "POST" "/tasks/{id}/pushNotificationConfigs" CreateTaskPushNotificationConfig;
    V10 Config "GET" "/tasks/{id}/pushNotificationConfigs/{id}" GetTaskPushNotificationConfig;
    V10 Config "DELETE" "/tasks/{id}/pushNotificationConfigs/{id}" DeleteTaskPushNotificationConfig;
    V10 Card "GET" "/extendedAgentCard" GetExtendedAgentCard;
    V03 Send "POST" "/v1/message:send" SendMessage;
    V03 Stream "POST" "/v1/message:stream" SendStreamingMessage;
    V03 Task "GET" "/v1/tasks/{id}" GetTask;
    V03 Tasks "GET" "/v1/tasks" ListTasks;
    V03 Cancel "POST" "/v1/tasks/{id}:cancel" CancelTask;
    V03 Subscribe "GET" "/v1/tasks/{id}:subscribe" SubscribeToTask;
    V03 Subscribe "POST" "/v1/tasks/{id}:subscribe" SubscribeToTask;
    V03 Configs "GET" "/v1/tasks/{id}/pushNotificationConfigs" ListTaskPushNotificationConfigs;
    V03 Configs "POST" "/v1/tasks/{id}/pushNotificationConfigs" CreateTaskPushNotificationConfig;
    V03 MistypedConfigs "POST" "/v1/task/{id}/pushNotificationConfigs" CreateTaskPushNotificationConfig;
    V03 Config "GET" "/v1/tasks/{id}/pushNotificationConfigs/{id}" GetTaskPushNotificationConfig;
    V03 Config "DELETE" "/v1/tasks/{id}/pushNotificationConfigs/{id}" DeleteTaskPushNotificationConfig;
    V03 Card "GET" "/v1/card" GetExtendedAgentCard;
    V03 OldCard "GET" "/agent/authenticatedExtendedCard" GetExtendedAgentCard;
};
