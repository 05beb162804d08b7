//! Push policies in front of official agents: no spelling that one of them takes leads past the gateway.

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, grpc, http,
    http::{Connection, get, request},
    manifest::{KEYLESS_PLAN, Manifest},
    protobuf::Message,
    sdk::{Agent, Sdk},
};

/// A webhook that anybody may have.
const GOOD: &str = "https://hooks.example.com/a";
/// One that leads to the agent's own machine.
const BAD: &str = "https://127.0.0.1:8443/a";

/// One agent behind three policies.
struct Fixture {
    agent: Agent,
    gateway: DataPlane,
}

impl Fixture {
    fn start(sdk: Sdk) -> Self {
        let agent = Agent::full(sdk);
        let grpc = agent.grpc.clone().expect("an agent with every binding");
        let mut manifest = Manifest::new().keyless();
        for (id, mode) in [("pass", "PASS"), ("validate", "VALIDATE"), ("off", "OFF")] {
            let fields = format!(
                "  addresses: {{hosts: [{id}.test]}}\n  push: {{mode: PUSH_MODE_{mode}}}\n  plans: [{KEYLESS_PLAN}]\n  \
                 upstreams:\n  - url: {}\n  - url: http://{grpc}\n    bindings: [BINDING_GRPC]\n",
                agent.url
            );
            manifest = manifest.raw_agent(id, &fields);
        }
        let gateway = DataPlane::standalone(&manifest);
        let fixture = Self { agent, gateway };
        // The cards have been fetched, so that calls count alone.
        for id in ["pass", "validate", "off"] {
            fixture.card(id);
        }
        fixture
    }

    fn card(&self, id: &str) -> Value {
        get(self.gateway.address, &format!("/a2a/{id}/.well-known/agent-card.json"), &[]).json()
    }

    /// Asks over JSON-RPC; the error code of the answer, 0 without one.
    fn rpc(&self, id: &str, call: &Call, url: &str) -> i64 {
        let params = call.params.replace("URL", url);
        let body = format!(r#"{{"jsonrpc":"2.0","id":1,"method":"{}","params":{params}}}"#, call.method);
        let mut headers = vec![("connection", "close")];
        headers.extend(call.is_new.then_some(("a2a-version", "1.0")));
        let answer = http::post(self.gateway.address, &format!("/a2a/{id}"), &headers, body.as_bytes());
        let text = answer.text();
        let error = text.lines().find_map(|line| {
            let json: Value = serde_json::from_str(line.strip_prefix("data: ").unwrap_or(line)).ok()?;
            json["error"]["code"].as_i64()
        });
        error.unwrap_or(0)
    }

    /// Asks over HTTP+JSON; status and text.
    fn rest(&self, id: &str, method: &str, path: &str, is_new: bool, body: &str) -> (u16, String) {
        let mut headers = vec![("content-type", "application/json"), ("connection", "close")];
        headers.extend(is_new.then_some(("a2a-version", "1.0")));
        let target = format!("/a2a/{id}{path}");
        let sent = request(method, &target, &headers, body.as_bytes());
        let answer = Connection::open(self.gateway.address).send(&sent).response();
        (answer.status(), answer.text())
    }
}

/// A way to hand over a webhook in JSON-RPC; `URL` stands for it.
struct Call {
    is_new: bool,
    method: &'static str,
    params: String,
}

/// Every place and spelling in which a server of this generation may look.
fn calls(is_new: bool) -> Vec<Call> {
    let role = if is_new { "ROLE_USER" } else { "user" };
    let part = if is_new { json!({"text": "hi"}) } else { json!({"kind": "text", "text": "hi"}) };
    let message = json!({"messageId": "m", "role": role, "parts": [part]});
    let snake = json!({"message_id": "m", "role": role, "parts": [part]});
    let config = json!({"url": "URL", "token": "t"});
    let send =
        |message: &Value, configuration: Value| json!({"message": message, "configuration": configuration});
    let (send_method, stream_method, create_method) = if is_new {
        ("SendMessage", "SendStreamingMessage", "CreateTaskPushNotificationConfig")
    } else {
        ("message/send", "message/stream", "tasks/pushNotificationConfig/set")
    };
    let mut calls = Vec::new();
    for method in [send_method, stream_method] {
        for name in [
            "taskPushNotificationConfig",
            "task_push_notification_config",
            "pushNotificationConfig",
            "push_notification_config",
            "pushNotification",
            "push_notification",
        ] {
            calls.push((method, send(&message, json!({name: config}))));
        }
        calls.push((method, send(&snake, json!({"task_push_notification_config": config}))));
        calls.push((
            method,
            send(&message, json!({"taskPushNotificationConfig": {"pushNotificationConfig": config}})),
        ));
    }
    for params in [
        json!({"taskId": "t", "url": "URL"}),
        json!({"task_id": "t", "url": "URL", "id": "c"}),
        json!({"taskId": "t", "pushNotificationConfig": config}),
        json!({"taskId": "t", "push_notification_config": config}),
        json!({"task_id": "t", "push_notification_config": config}),
        json!({"id": "t", "pushNotificationConfig": config}),
        json!({"parent": "tasks/t", "configId": "c", "config": {"pushNotificationConfig": config}}),
    ] {
        calls.push((create_method, params));
    }
    let escaped =
        r#"{"taskId":"t","\u0075\u0072l":"URL","pushNotificationConfig":{"u\u0072l":"URL"}}"#.to_owned();
    let plain = calls.into_iter().map(|(method, params)| (method, params.to_string()));
    let all = plain.chain([(create_method, escaped)]);
    all.map(|(method, params)| Call { is_new, method, params }).collect()
}

/// Whatever the agent does with a call, the gateway lets the good webhook pass and no other.
fn json_rpc_is_held(sdk: Sdk) {
    let fixture = Fixture::start(sdk);
    let generations: &[bool] = if sdk.is_old() { &[false] } else { &[false, true] };
    let mut taken = 0;
    for call in generations.iter().flat_map(|is_new| calls(*is_new)) {
        let plainly = fixture.rpc("pass", &call, GOOD);
        assert_eq!(fixture.rpc("validate", &call, GOOD), plainly, "{} {}", call.method, call.params);
        let reached = fixture.agent.calls();
        assert_eq!(fixture.rpc("validate", &call, BAD), -32602, "{} {}", call.method, call.params);
        assert_eq!(fixture.rpc("off", &call, GOOD), -32003, "{} {}", call.method, call.params);
        assert_eq!(fixture.agent.calls(), reached, "{} {}", call.method, call.params);
        taken += usize::from(plainly != -32602);
    }
    // Else the spellings would be none that a server reads.
    assert!(taken >= 4, "the agent takes {taken} of them");
}

#[test]
fn json_rpc_to_python_1() {
    json_rpc_is_held(Sdk::Python1);
}

#[test]
fn json_rpc_to_javascript_1() {
    json_rpc_is_held(Sdk::JavaScript1);
}

#[test]
fn json_rpc_to_python_0_3() {
    json_rpc_is_held(Sdk::Python03);
}

#[test]
fn json_rpc_to_javascript_0_3() {
    json_rpc_is_held(Sdk::JavaScript03);
}

/// Path and body of every way to hand over a webhook in HTTP+JSON.
fn rest_calls(is_new: bool) -> Vec<(&'static str, String)> {
    let message = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}]});
    let old = json!({"messageId": "m", "role": "ROLE_USER", "content": [{"text": "hi"}]});
    let config = json!({"url": "URL"});
    let calls: Vec<(&str, Value)> = if is_new {
        vec![
            (
                "/message:send",
                json!({"message": message, "configuration": {"taskPushNotificationConfig": config}}),
            ),
            (
                "/message:send",
                json!({"message": message, "configuration": {"task_push_notification_config": config}}),
            ),
            (
                "/message:stream",
                json!({"message": message, "configuration": {"taskPushNotificationConfig": config}}),
            ),
            ("/tasks/t/pushNotificationConfigs", json!({"url": "URL", "taskId": "t"})),
            ("/tasks/t/pushNotificationConfigs", json!({"url": "URL", "task_id": "t", "id": "c"})),
        ]
    } else {
        vec![
            ("/v1/message:send", json!({"message": old, "configuration": {"pushNotification": config}})),
            ("/v1/message:send", json!({"request": old, "configuration": {"push_notification": config}})),
            ("/v1/message:stream", json!({"request": old, "configuration": {"pushNotification": config}})),
            ("/v1/tasks/t/pushNotificationConfigs", json!({"pushNotificationConfig": config})),
            ("/v1/tasks/t/pushNotificationConfigs", json!({"push_notification_config": config})),
            ("/v1/tasks/t/pushNotificationConfigs", json!({"config": {"pushNotificationConfig": config}})),
        ]
    };
    calls.into_iter().map(|(path, body)| (path, body.to_string())).collect()
}

fn http_json_is_held(sdk: Sdk) {
    let fixture = Fixture::start(sdk);
    let is_new = !sdk.is_old();
    for (path, body) in rest_calls(is_new) {
        let good = body.replace("URL", GOOD);
        let plainly = fixture.rest("pass", "POST", path, is_new, &good).0;
        assert_eq!(fixture.rest("validate", "POST", path, is_new, &good).0, plainly, "{path} {body}");
        let reached = fixture.agent.calls();
        let (status, text) = fixture.rest("validate", "POST", path, is_new, &body.replace("URL", BAD));
        assert!(status == 400 && text.contains("public"), "{path} {body}: {status} {text}");
        let (status, text) = fixture.rest("off", "POST", path, is_new, &good);
        assert!(status == 400 && text.contains("Push notifications"), "{path} {body}: {status} {text}");
        assert_eq!(fixture.agent.calls(), reached, "{path} {body}");
    }
    let prefix = if is_new { "" } else { "/v1" };
    for (method, path) in [
        ("GET", "/tasks/t/pushNotificationConfigs"),
        ("GET", "/tasks/t/pushNotificationConfigs/c"),
        ("DELETE", "/tasks/t/pushNotificationConfigs/c"),
    ] {
        let reached = fixture.agent.calls();
        let (status, text) = fixture.rest("off", method, &format!("{prefix}{path}"), is_new, "");
        assert!(status == 400 && text.contains("Push notifications"), "{method} {path}: {status} {text}");
        assert_eq!(fixture.agent.calls(), reached);
    }
}

#[test]
fn http_json_to_python_1() {
    http_json_is_held(Sdk::Python1);
}

#[test]
fn http_json_to_javascript_1() {
    http_json_is_held(Sdk::JavaScript1);
}

#[test]
fn http_json_to_python_0_3() {
    http_json_is_held(Sdk::Python03);
}

#[test]
fn http_json_to_javascript_0_3() {
    http_json_is_held(Sdk::JavaScript03);
}

/// The gRPC status of a call; `0` is a success.
fn ask_grpc(fixture: &Fixture, id: &str, method: &str, message: &Message) -> u32 {
    let path = format!("/lf.a2a.v1.A2AService/{method}");
    let metadata = [("a2a-version", "1.0")];
    let answer =
        grpc::call(fixture.gateway.address, &format!("{id}.test"), &path, &metadata, &message.bytes());
    answer.status().unwrap_or_else(|| panic!("no status: {answer:?}"))
}

#[test]
fn grpc_to_an_official_agent() {
    const INVALID_ARGUMENT: u32 = 3;
    const NOT_FOUND: u32 = 5;
    const FAILED_PRECONDITION: u32 = 9;
    let fixture = Fixture::start(Sdk::Python1);
    let alone = |url: &str| Message::new().text(3, "t").text(4, url);
    let embedded = |url: &str| {
        let message = Message::new().text(1, "m").number(4, 1).message(5, &Message::new().text(1, "hi"));
        let configuration = Message::new().message(2, &Message::new().text(4, url));
        Message::new().message(2, &message).message(3, &configuration)
    };
    assert_eq!(ask_grpc(&fixture, "validate", "CreateTaskPushNotificationConfig", &alone(GOOD)), NOT_FOUND);
    assert_eq!(ask_grpc(&fixture, "validate", "SendMessage", &embedded(GOOD)), 0);
    let reached = fixture.agent.calls();
    for (method, message) in
        [("CreateTaskPushNotificationConfig", alone(BAD)), ("SendMessage", embedded(BAD))]
    {
        assert_eq!(ask_grpc(&fixture, "validate", method, &message), INVALID_ARGUMENT, "{method}");
        assert_eq!(ask_grpc(&fixture, "off", method, &message), FAILED_PRECONDITION, "{method}");
    }
    for method in [
        "GetTaskPushNotificationConfig",
        "ListTaskPushNotificationConfigs",
        "DeleteTaskPushNotificationConfig",
    ] {
        assert_eq!(ask_grpc(&fixture, "off", method, &Message::new()), FAILED_PRECONDITION, "{method}");
    }
    assert_eq!(fixture.agent.calls(), reached);
}

#[test]
fn cards_promise_what_policy_leaves() {
    let fixture = Fixture::start(Sdk::JavaScript1);
    for (id, promised) in [("pass", true), ("validate", true), ("off", false)] {
        assert_eq!(fixture.card(id)["capabilities"]["pushNotifications"] == true, promised, "{id}");
    }
}
