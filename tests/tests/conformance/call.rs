//! The operations of A2A as requests of each binding and version.

use serde_json::{Value, json};
use system_tests::harness::{
    grpc::{self, GrpcStream},
    http::{Connection, Response, request},
    protobuf::Message,
};

use crate::{
    agents::{Binding, Target},
    compare::{grpc_outcome, http_outcome},
};

/// The JSON-RPC id of every call.
pub(crate) const ID: i64 = 7;
/// The id of the one push notification config.
pub(crate) const CONFIG: &str = "config-1";
/// A webhook that nothing listens at.
pub(crate) const WEBHOOK: &str = "https://hooks.example.com/a2a";

/// An operation with what it is about.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Operation<'task> {
    /// Sends a text and waits for the outcome.
    Send(&'task str),
    /// Sends a text and does not wait.
    Start(&'task str),
    /// Sends a text for a stream of events.
    Stream(&'task str),
    Get(&'task str),
    /// The tasks of a context.
    List(&'task str),
    Cancel(&'task str),
    Subscribe(&'task str),
    /// By GET, which HTTP+JSON has too.
    SubscribeByGet(&'task str),
    CreateConfig(&'task str),
    GetConfig(&'task str),
    ListConfigs(&'task str),
    DeleteConfig(&'task str),
    ExtendedCard,
}

impl Operation<'_> {
    /// Its canonical name.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Send(_) | Self::Start(_) => "SendMessage",
            Self::Stream(_) => "SendStreamingMessage",
            Self::Get(_) => "GetTask",
            Self::List(_) => "ListTasks",
            Self::Cancel(_) => "CancelTask",
            Self::Subscribe(_) | Self::SubscribeByGet(_) => "SubscribeToTask",
            Self::CreateConfig(_) => "CreateTaskPushNotificationConfig",
            Self::GetConfig(_) => "GetTaskPushNotificationConfig",
            Self::ListConfigs(_) => "ListTaskPushNotificationConfigs",
            Self::DeleteConfig(_) => "DeleteTaskPushNotificationConfig",
            Self::ExtendedCard => "GetExtendedAgentCard",
        }
    }
}

/// A request of one binding.
#[derive(Debug, Clone)]
pub(crate) enum Call {
    Http { method: &'static str, path: String, body: Option<Value>, is_stream: bool },
    Grpc { path: String, message: Vec<u8> },
}

/// An operation as a request of a binding and a version.
pub(crate) fn call(binding: Binding, version: &str, operation: Operation<'_>) -> Call {
    let modern = version == "1.0";
    match (binding, modern) {
        (Binding::JsonRpc, true) => json_rpc(operation.name(), &params_1(operation), is_stream(operation)),
        (Binding::JsonRpc, false) => {
            json_rpc(name_0_3(operation), &params_0_3(operation), is_stream(operation))
        }
        (Binding::HttpJson, true) => http_json("", operation, &body_1(operation)),
        (Binding::HttpJson, false) => http_json("/v1", operation, &body_0_3(operation)),
        (Binding::Grpc, true) => grpc_1(operation),
        (Binding::Grpc, false) => grpc_0_3(operation),
    }
}

fn is_stream(operation: Operation<'_>) -> bool {
    matches!(operation, Operation::Stream(_) | Operation::Subscribe(_) | Operation::SubscribeByGet(_))
}

/// A JSON-RPC request.
pub(crate) fn json_rpc(method: &str, params: &Value, is_stream: bool) -> Call {
    let body = json!({"jsonrpc": "2.0", "id": ID, "method": method, "params": params});
    Call::Http { method: "POST", path: String::new(), body: Some(body), is_stream }
}

fn message_1(text: &str) -> Value {
    json!({"messageId": "message-1", "role": "ROLE_USER", "parts": [{"text": text}]})
}

fn params_1(operation: Operation<'_>) -> Value {
    use Operation as Op;
    match operation {
        Op::Send(text) | Op::Stream(text) => json!({"message": message_1(text)}),
        Op::Start(text) => {
            json!({"message": message_1(text), "configuration": {"returnImmediately": true}})
        }
        Op::Get(task) | Op::Cancel(task) | Op::Subscribe(task) | Op::SubscribeByGet(task) => {
            json!({"id": task})
        }
        Op::List(context) => json!({"contextId": context}),
        Op::CreateConfig(task) => json!({"taskId": task, "id": CONFIG, "url": WEBHOOK}),
        Op::GetConfig(task) | Op::DeleteConfig(task) => json!({"taskId": task, "id": CONFIG}),
        Op::ListConfigs(task) => json!({"taskId": task}),
        Op::ExtendedCard => json!({}),
    }
}

fn name_0_3(operation: Operation<'_>) -> &'static str {
    match operation {
        Operation::Send(_) | Operation::Start(_) => "message/send",
        Operation::Stream(_) => "message/stream",
        Operation::Get(_) => "tasks/get",
        Operation::List(_) => "tasks/list",
        Operation::Cancel(_) => "tasks/cancel",
        Operation::Subscribe(_) | Operation::SubscribeByGet(_) => "tasks/resubscribe",
        Operation::CreateConfig(_) => "tasks/pushNotificationConfig/set",
        Operation::GetConfig(_) => "tasks/pushNotificationConfig/get",
        Operation::ListConfigs(_) => "tasks/pushNotificationConfig/list",
        Operation::DeleteConfig(_) => "tasks/pushNotificationConfig/delete",
        Operation::ExtendedCard => "agent/getAuthenticatedExtendedCard",
    }
}

fn params_0_3(operation: Operation<'_>) -> Value {
    use Operation as Op;
    let message = |text: &str| json!({"kind": "message", "messageId": "message-1", "role": "user", "parts": [{"kind": "text", "text": text}]});
    match operation {
        Op::Send(text) => json!({"message": message(text), "configuration": {"blocking": true}}),
        Op::Stream(text) => json!({"message": message(text)}),
        Op::Start(text) => json!({"message": message(text), "configuration": {"blocking": false}}),
        Op::Get(task) | Op::Cancel(task) | Op::Subscribe(task) | Op::SubscribeByGet(task) => {
            json!({"id": task})
        }
        Op::List(context) => json!({"contextId": context}),
        Op::CreateConfig(task) => {
            json!({"taskId": task, "pushNotificationConfig": {"id": CONFIG, "url": WEBHOOK}})
        }
        Op::GetConfig(task) | Op::DeleteConfig(task) => {
            json!({"id": task, "pushNotificationConfigId": CONFIG})
        }
        Op::ListConfigs(task) => json!({"id": task}),
        Op::ExtendedCard => json!({}),
    }
}

fn http_json(prefix: &str, operation: Operation<'_>, body: &Value) -> Call {
    use Operation as Op;
    let configs = |task: &str| format!("/tasks/{task}/pushNotificationConfigs");
    let (method, path) = match operation {
        Op::Send(_) | Op::Start(_) => ("POST", "/message:send".to_owned()),
        Op::Stream(_) => ("POST", "/message:stream".to_owned()),
        Op::Get(task) => ("GET", format!("/tasks/{task}")),
        Op::List(context) => ("GET", format!("/tasks?contextId={context}")),
        Op::Cancel(task) => ("POST", format!("/tasks/{task}:cancel")),
        Op::Subscribe(task) => ("POST", format!("/tasks/{task}:subscribe")),
        Op::SubscribeByGet(task) => ("GET", format!("/tasks/{task}:subscribe")),
        Op::CreateConfig(task) => ("POST", configs(task)),
        Op::GetConfig(task) => ("GET", format!("{}/{CONFIG}", configs(task))),
        Op::ListConfigs(task) => ("GET", configs(task)),
        Op::DeleteConfig(task) => ("DELETE", format!("{}/{CONFIG}", configs(task))),
        Op::ExtendedCard if prefix.is_empty() => ("GET", "/extendedAgentCard".to_owned()),
        Op::ExtendedCard => ("GET", "/card".to_owned()),
    };
    let body = (method == "POST").then(|| body.clone());
    Call::Http { method, path: format!("{prefix}{path}"), body, is_stream: is_stream(operation) }
}

fn body_1(operation: Operation<'_>) -> Value {
    match operation {
        Operation::Send(_) | Operation::Start(_) | Operation::Stream(_) | Operation::CreateConfig(_) => {
            params_1(operation)
        }
        _ => json!({}),
    }
}

fn body_0_3(operation: Operation<'_>) -> Value {
    let message =
        |text: &str| json!({"messageId": "message-1", "role": "ROLE_USER", "content": [{"text": text}]});
    match operation {
        Operation::Send(text) => json!({"message": message(text), "configuration": {"blocking": true}}),
        Operation::Start(text) => json!({"message": message(text), "configuration": {"blocking": false}}),
        Operation::Stream(text) => json!({"message": message(text)}),
        Operation::CreateConfig(task) => {
            let name = format!("tasks/{task}/pushNotificationConfigs/{CONFIG}");
            let config = json!({"name": name, "pushNotificationConfig": {"id": CONFIG, "url": WEBHOOK}});
            json!({"parent": format!("tasks/{task}"), "configId": CONFIG, "config": config})
        }
        _ => json!({}),
    }
}

/// The enum value `ROLE_USER`.
const ROLE_USER: u64 = 1;

/// A message of 1.0 or 0.3 with one text part: the fields have the same numbers.
pub(crate) fn grpc_message(text: &str) -> Message {
    Message::new().text(1, "message-1").number(4, ROLE_USER).message(5, &Message::new().text(1, text))
}

fn grpc_1(operation: Operation<'_>) -> Call {
    use Operation as Op;
    let message = match operation {
        Op::Send(text) | Op::Stream(text) => Message::new().message(2, &grpc_message(text)),
        Op::Start(text) => {
            let immediately = Message::new().number(4, 1);
            Message::new().message(2, &grpc_message(text)).message(3, &immediately)
        }
        Op::Get(task) | Op::Cancel(task) | Op::Subscribe(task) | Op::SubscribeByGet(task) => {
            Message::new().text(2, task)
        }
        Op::List(context) => Message::new().text(2, context),
        Op::CreateConfig(task) => Message::new().text(2, CONFIG).text(3, task).text(4, WEBHOOK),
        Op::GetConfig(task) | Op::DeleteConfig(task) => Message::new().text(2, task).text(3, CONFIG),
        Op::ListConfigs(task) => Message::new().text(1, task),
        Op::ExtendedCard => Message::new(),
    };
    Call::Grpc { path: format!("/lf.a2a.v1.A2AService/{}", operation.name()), message: message.bytes() }
}

fn grpc_0_3(operation: Operation<'_>) -> Call {
    use Operation as Op;
    let name = |task: &str| format!("tasks/{task}");
    let config = |task: &str| format!("tasks/{task}/pushNotificationConfigs/{CONFIG}");
    let (method, message) = match operation {
        Op::Send(text) | Op::Start(text) => {
            let blocking = Message::new().number(4, u64::from(matches!(operation, Op::Send(_))));
            ("SendMessage", Message::new().message(1, &grpc_message(text)).message(2, &blocking))
        }
        Op::Stream(text) => ("SendStreamingMessage", Message::new().message(1, &grpc_message(text))),
        Op::Get(task) => ("GetTask", Message::new().text(1, &name(task))),
        Op::List(_) => ("ListTasks", Message::new()),
        Op::Cancel(task) => ("CancelTask", Message::new().text(1, &name(task))),
        Op::Subscribe(task) | Op::SubscribeByGet(task) => {
            ("TaskSubscription", Message::new().text(1, &name(task)))
        }
        Op::CreateConfig(task) => {
            let inner = Message::new().text(1, CONFIG).text(2, WEBHOOK);
            let whole = Message::new().text(1, &config(task)).message(2, &inner);
            let create = Message::new().text(1, &name(task)).text(2, CONFIG).message(3, &whole);
            ("CreateTaskPushNotificationConfig", create)
        }
        Op::GetConfig(task) => ("GetTaskPushNotificationConfig", Message::new().text(1, &config(task))),
        Op::DeleteConfig(task) => ("DeleteTaskPushNotificationConfig", Message::new().text(1, &config(task))),
        Op::ListConfigs(task) => ("ListTaskPushNotificationConfig", Message::new().text(1, &name(task))),
        Op::ExtendedCard => ("GetAgentCard", Message::new()),
    };
    Call::Grpc { path: format!("/a2a.v1.A2AService/{method}"), message: message.bytes() }
}

/// An answer of any binding.
#[derive(Debug, Clone)]
pub(crate) enum Answer {
    Http(Response),
    Grpc(grpc::Answer),
}

impl Answer {
    /// The answer as JSON, to be compared.
    pub(crate) fn outcome(&self) -> Value {
        match self {
            Self::Http(answer) => http_outcome(answer),
            Self::Grpc(answer) => grpc_outcome(answer),
        }
    }

    /// The answer over HTTP.
    pub(crate) fn http(self) -> Response {
        match self {
            Self::Http(answer) => answer,
            Self::Grpc(answer) => panic!("no answer over HTTP: {answer:?}"),
        }
    }

    /// The answer over gRPC.
    pub(crate) fn grpc(self) -> grpc::Answer {
        match self {
            Self::Grpc(answer) => answer,
            Self::Http(answer) => panic!("no answer over gRPC: {}", answer.text()),
        }
    }

    /// Whether it is neither a refusal nor an error.
    pub(crate) fn is_success(&self) -> bool {
        match self {
            Self::Http(answer) => {
                answer.status() < 300
                    && serde_json::from_slice::<Value>(&answer.body)
                        .map_or(true, |body| body["error"].is_null())
            }
            Self::Grpc(answer) => answer.status() == Some(0),
        }
    }
}

impl Target {
    /// Headers that every call of the version carries.
    pub(crate) fn version_header(&self) -> Option<(&'static str, &'static str)> {
        (self.version == "1.0").then_some(("a2a-version", "1.0"))
    }

    /// Makes a call of an operation and reads its whole answer.
    pub(crate) fn run(&self, operation: Operation<'_>) -> Answer {
        self.send(&call(self.binding, self.version, operation), &[])
    }

    /// Makes a call and reads its whole answer.
    pub(crate) fn send(&self, call: &Call, headers: &[(&str, &str)]) -> Answer {
        match call {
            Call::Http { .. } => Answer::Http(self.open_http(call, headers).response()),
            Call::Grpc { .. } => Answer::Grpc(self.open_grpc(call, headers).whole()),
        }
    }

    /// Sends any bytes over HTTP below the interface and reads the whole answer.
    pub(crate) fn bytes(&self, method: &str, below: &str, headers: &[(&str, &str)], body: &[u8]) -> Response {
        let mut all = vec![("host", self.authority.as_str())];
        all.extend(self.version_header());
        if !body.is_empty() && !headers.iter().any(|(name, _)| *name == "content-type") {
            all.push(("content-type", "application/json"));
        }
        all.extend_from_slice(headers);
        let target = format!("{}{below}", self.path);
        let mut connection = Connection::open(self.address);
        connection.send(&request(method, if target.is_empty() { "/" } else { &target }, &all, body));
        connection.response()
    }

    /// Its name in a failure and in evidence.
    pub(crate) fn label(&self) -> String {
        format!("{} {}", self.binding.name(), self.version)
    }

    /// Sends a call over HTTP, whose answer is still to be read.
    pub(crate) fn open_http(&self, call: &Call, headers: &[(&str, &str)]) -> Connection {
        let Call::Http { method, path, body, is_stream } = call else { panic!("a call over gRPC") };
        let mut all = vec![("host", self.authority.as_str())];
        all.extend(self.version_header());
        all.push(("accept", if *is_stream { "text/event-stream" } else { "application/json" }));
        if body.is_some() {
            all.push(("content-type", "application/json"));
        }
        for (name, value) in headers {
            all.retain(|(known, _)| known != name);
            if !value.is_empty() {
                all.push((name, value));
            }
        }
        let target = format!("{}{path}", self.path);
        let target = if target.starts_with('/') { target } else { format!("/{target}") };
        let body = body.as_ref().map(ToString::to_string).unwrap_or_default();
        let mut connection = Connection::open(self.address);
        connection.send(&request(method, &target, &all, body.as_bytes()));
        connection
    }

    /// Opens a call over gRPC, whose answer is still to be read.
    pub(crate) fn open_grpc(&self, call: &Call, metadata: &[(&str, &str)]) -> GrpcStream {
        let Call::Grpc { path, message } = call else { panic!("a call over HTTP") };
        let mut all: Vec<_> = self.version_header().into_iter().collect();
        for (name, value) in metadata {
            all.retain(|(known, _)| known != name);
            if !value.is_empty() {
                all.push((name, value));
            }
        }
        GrpcStream::open(self.address, &self.authority, path, &all, message)
    }
}

/// Task id and context id that an answer names.
pub(crate) fn task_of(answer: &Answer) -> Option<(String, String)> {
    match answer {
        Answer::Http(response) => match http_outcome(response) {
            Value::Object(outcome) => outcome.values().find_map(find_task),
            _ => None,
        },
        Answer::Grpc(answer) => {
            let at = |path: &[u64]| {
                answer
                    .messages
                    .iter()
                    .find_map(|message| system_tests::harness::protobuf::text_at(message, path))
            };
            Some((at(&[1, 1])?, at(&[1, 2])?))
        }
    }
}

/// The first task inside a value: an object with an id, a context and a status.
fn find_task(value: &Value) -> Option<(String, String)> {
    match value {
        Value::Object(object) => {
            let text = |name: &str| object.get(name).and_then(Value::as_str).map(str::to_owned);
            match (text("id"), text("contextId"), object.contains_key("status")) {
                (Some(id), Some(context), true) => Some((id, context)),
                _ => object.values().find_map(find_task),
            }
        }
        Value::Array(list) => list.iter().find_map(find_task),
        _ => None,
    }
}
