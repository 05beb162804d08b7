//! HTTP+JSON in front of official agents of both generations: every path, the same as asked directly.

mod clients;
mod hostile;
mod watched;

use serde_json::{Value, json};
use system_tests::harness::{
    Agent, DataPlane, EventStream,
    events::Item,
    http::{Connection, Response, request},
    manifest::{KEYLESS_PLAN, Manifest},
    sdk::Sdk,
    wait_until,
};

/// How the agent of an SDK is spoken to.
struct Dialect {
    sdk: Sdk,
    /// Before every path.
    prefix: &'static str,
    /// The HTTP+JSON interface on the agent's own server.
    interface: &'static str,
    headers: &'static [(&'static str, &'static str)],
    /// The member of a message that holds its parts.
    parts: &'static str,
}

const DIALECTS: [Dialect; 4] = [
    Dialect {
        sdk: Sdk::Python1,
        prefix: "",
        interface: "/rest",
        headers: &[("a2a-version", "1.0")],
        parts: "parts",
    },
    Dialect {
        sdk: Sdk::JavaScript1,
        prefix: "",
        interface: "/a2a/rest",
        headers: &[("a2a-version", "1.0")],
        parts: "parts",
    },
    Dialect { sdk: Sdk::Python03, prefix: "/v1", interface: "/rest", headers: &[], parts: "content" },
    Dialect { sdk: Sdk::JavaScript03, prefix: "/v1", interface: "/a2a/rest", headers: &[], parts: "content" },
];

impl Dialect {
    fn message(&self, text: &str) -> Vec<u8> {
        let parts = json!([{ "text": text }]);
        json!({"message": {"messageId": "m-1", "role": "ROLE_USER", self.parts: parts}})
            .to_string()
            .into_bytes()
    }

    fn is_new(&self) -> bool {
        self.prefix.is_empty()
    }
}

/// An agent with a gateway before it.
struct Pair {
    dialect: &'static Dialect,
    agent: Agent,
    gateway: DataPlane,
}

impl Pair {
    fn start(dialect: &'static Dialect) -> Self {
        let agent = Agent::start(dialect.sdk);
        let manifest = Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN);
        Self { dialect, gateway: DataPlane::standalone(&manifest), agent }
    }

    fn ask(&self, method: &str, path: &str, body: &[u8]) -> Response {
        let target = format!("/a2a/echo{}{path}", self.dialect.prefix);
        send(self.gateway.address, method, &target, self.dialect.headers, body)
    }

    /// The same without the gateway.
    fn ask_directly(&self, method: &str, path: &str, body: &[u8]) -> Response {
        let address = self.agent.url["http://".len()..].parse().expect("an agent listens on an address");
        let target = format!("{}{}{path}", self.dialect.interface, self.dialect.prefix);
        send(address, method, &target, self.dialect.headers, body)
    }

    fn stream(&self, method: &str, path: &str, body: &[u8]) -> EventStream {
        let target = format!("/a2a/echo{}{path}", self.dialect.prefix);
        EventStream::ask(method, self.gateway.address, &target, self.dialect.headers, body)
    }

    /// A task that works until it is cancelled, and its stream, past the first events.
    fn working_task(&self) -> (String, EventStream) {
        let mut stream = self.stream("POST", "/message:stream", &self.dialect.message("work"));
        let mut id = None;
        loop {
            let event = stream.event();
            id = id.or_else(|| event["task"]["id"].as_str().map(str::to_owned));
            if event.to_string().contains("TASK_STATE_WORKING") {
                return (id.expect("a stream begins with its task"), stream);
            }
        }
    }
}

fn send(
    address: std::net::SocketAddr,
    method: &str,
    target: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> Response {
    let mut all = headers.to_vec();
    if method == "POST" {
        all.push(("content-type", "application/json"));
        if body.is_empty() {
            all.push(("content-length", "0"));
        }
    }
    Connection::open(address).send(&request(method, target, &all, body)).response()
}

/// The state of the task, in the spelling that both generations share.
fn state(task: &Value) -> &str {
    task["status"]["state"].as_str().unwrap_or_default()
}

fn every_operation_works(dialect: &'static Dialect) {
    let pair = Pair::start(dialect);
    let sent = pair.ask("POST", "/message:send", &dialect.message("hello"));
    assert!((200..202).contains(&sent.status()), "{}", sent.text());
    assert!(sent.text().contains("echo: hello"), "{}", sent.text());
    let media_type = |answer: &Response| answer.head.get("content-type").map(str::to_owned);
    let direct = pair.ask_directly("POST", "/message:send", &dialect.message("hello"));
    assert_eq!((sent.status(), media_type(&sent)), (direct.status(), media_type(&direct)));

    let (events, end) = pair.stream("POST", "/message:stream", &dialect.message("stream 3 10")).rest();
    assert_eq!(end, Item::End);
    let texts: Vec<String> =
        events.iter().map(Value::to_string).filter(|event| event.contains("part ")).collect();
    assert_eq!(texts.len(), 3, "{events:?}");
    assert!(
        events.last().is_some_and(|event| event.to_string().contains("TASK_STATE_COMPLETED")),
        "{events:?}"
    );
    let done = events[0]["task"]["id"].as_str().expect("a stream begins with its task").to_owned();
    let task = pair.ask("GET", &format!("/tasks/{done}?historyLength=1"), b"");
    assert_eq!((task.status(), state(&task.json())), (200, "TASK_STATE_COMPLETED"), "{}", task.text());

    let (working, mut first) = pair.working_task();
    for method in ["GET", "POST"] {
        if method == "POST" && dialect.sdk == Sdk::Python03 {
            let refused = pair.ask("POST", &format!("/tasks/{working}:subscribe"), b"");
            assert_eq!(refused.status(), 405, "the agent's own answer: {}", refused.text());
            continue;
        }
        let second = pair.stream(method, &format!("/tasks/{working}:subscribe"), b"");
        assert_eq!(second.head.status, 200);
        assert_eq!(second.head.get("content-type").map(|value| &value[..17]), Some("text/event-stream"));
    }
    let cancelled = pair.ask("POST", &format!("/tasks/{working}:cancel"), b"");
    assert!((200..203).contains(&cancelled.status()), "{}", cancelled.text());
    assert!(state(&cancelled.json()).starts_with("TASK_STATE_CANCEL"), "{}", cancelled.text());
    let (events, _) = first.rest();
    // That SDK closes its streams at a cancellation without a word.
    assert!(
        dialect.sdk == Sdk::Python03
            || events.iter().any(|event| event.to_string().contains("TASK_STATE_CANCEL")),
        "{events:?}"
    );
}

#[test]
fn every_operation_of_python_1() {
    every_operation_works(&DIALECTS[0]);
}

#[test]
fn every_operation_of_javascript_1() {
    every_operation_works(&DIALECTS[1]);
}

#[test]
fn every_operation_of_python_0_3() {
    every_operation_works(&DIALECTS[2]);
}

#[test]
fn every_operation_of_javascript_0_3() {
    every_operation_works(&DIALECTS[3]);
}

/// Errors of the agent, which differ from SDK to SDK, reach the caller byte for byte.
#[test]
fn errors_of_the_agent_pass_unchanged() {
    for dialect in &DIALECTS {
        let pair = Pair::start(dialect);
        let config = json!({"url": "https://hooks.example/a", "taskId": "nobody"}).to_string();
        for (method, path, body) in [
            ("GET", "/tasks/nobody", b"".as_slice()),
            ("GET", "/tasks/a%20b%C3%BC:x", b""),
            ("POST", "/tasks/nobody:cancel", b""),
            ("POST", "/tasks/nobody:cancel", b"{}"),
            ("GET", "/tasks/nobody/pushNotificationConfigs", b""),
            ("GET", "/tasks/nobody/pushNotificationConfigs/c", b""),
            ("DELETE", "/tasks/nobody/pushNotificationConfigs/c", b""),
            ("POST", "/tasks/nobody/pushNotificationConfigs", config.as_bytes()),
            ("POST", "/message:send", b"{\"message\":{\"unknown\":1}}"),
            ("GET", "/tasks?pageSize=1000", b""),
        ] {
            let (through, direct) = (pair.ask(method, path, body), pair.ask_directly(method, path, body));
            let place = format!("{} {method} {path}", dialect.sdk.folder());
            assert_eq!(
                through.status(),
                direct.status(),
                "{place}: {} and {}",
                through.text(),
                direct.text()
            );
            assert_eq!(through.text(), direct.text(), "{place}");
            assert_eq!(through.head.get("content-type"), direct.head.get("content-type"), "{place}");
        }
    }
}

#[test]
fn lists_and_tenants_of_1_0() {
    for dialect in DIALECTS.iter().filter(|dialect| dialect.is_new()) {
        let pair = Pair::start(dialect);
        let (events, _) = pair.stream("POST", "/message:stream", &dialect.message("stream 1 1")).rest();
        let context = events[0]["task"]["contextId"].as_str().expect("a task has a context").to_owned();
        let list = pair.ask("GET", &format!("/tasks?contextId={context}&pageSize=5"), b"");
        assert_eq!(list.status(), 200, "{}", list.text());
        assert_eq!(list.json()["tasks"].as_array().map(Vec::len), Some(1), "{}", list.text());
        // Python's server has its tenants elsewhere: what it says of this path is what the caller reads.
        let (through, direct) = (
            pair.ask("POST", "/acme/message:send", &dialect.message("hello")),
            pair.ask_directly("POST", "/acme/message:send", &dialect.message("hello")),
        );
        assert_eq!(through.status(), direct.status(), "{}", through.text());
    }
}

/// The next call of a client goes where the extended card says.
#[test]
fn extended_cards_name_the_gateway_alone() {
    for dialect in &DIALECTS {
        let agent = Agent::full(dialect.sdk);
        let manifest = Manifest::new().keyless().agent("echo", &agent.url, KEYLESS_PLAN);
        let gateway = DataPlane::standalone(&manifest);
        let mut paths = vec![if dialect.is_new() { "/extendedAgentCard" } else { "/v1/card" }];
        if dialect.sdk == Sdk::Python03 {
            paths.push("/agent/authenticatedExtendedCard");
        }
        for path in paths {
            let target = format!("/a2a/echo{path}");
            let answer = send(gateway.address, "GET", &target, dialect.headers, b"");
            let place = format!("{:?} {path}: {}", dialect.sdk, answer.text());
            assert_eq!(answer.status(), 200, "{place}");
            assert_eq!(answer.head.get("cache-control"), Some("private, no-store"), "{place}");
            assert!(answer.text().contains(&gateway.agent("echo")), "{place}");
            assert!(!answer.text().contains(&agent.url["http://".len()..]), "{place}");
        }
    }
}

/// One address behind which both generations are spoken, by servers of their own.
#[test]
fn both_generations_side_by_side() {
    let (old, new) = (Agent::start(Sdk::JavaScript03), Agent::start(Sdk::Python1));
    let fields = format!(
        "  upstreams:\n  - url: {}\n    versions: [\"0.3\"]\n  - url: {}\n    versions: [\"1.0\"]\n  plans: [{KEYLESS_PLAN}]\n",
        old.url, new.url
    );
    let gateway = DataPlane::standalone(&Manifest::new().keyless().raw_agent("echo", &fields));
    for (dialect, path) in [(&DIALECTS[3], "/v1/message:send"), (&DIALECTS[0], "/message:send")] {
        let answer = send(
            gateway.address,
            "POST",
            &format!("/a2a/echo{path}"),
            dialect.headers,
            &dialect.message("hello"),
        );
        assert!(answer.text().contains("echo: hello"), "{}", answer.text());
    }
    assert_eq!((old.calls(), new.calls()), (1, 1));
    let other = send(gateway.address, "GET", "/a2a/echo/tasks/t", &[("a2a-version", "2.0")], b"");
    assert_eq!(other.status(), 400, "{}", other.text());
    let error = &other.json()["error"];
    assert_eq!(error["details"][0]["reason"], "VERSION_NOT_SUPPORTED", "{error}");
    assert_eq!(error["details"][0]["metadata"]["supportedVersions"], "0.3, 1.0", "{error}");
}

#[test]
fn a_caller_that_leaves_a_stream_leaves_the_agent() {
    let pair = Pair::start(&DIALECTS[0]);
    let (_, stream) = pair.working_task();
    let open = || pair.gateway.metrics().sum("signalbox_streams_open", &[]);
    assert!(open() > 0.5);
    drop(stream);
    wait_until("the stream is gone", || (open() < 0.5).then_some(()));
}
