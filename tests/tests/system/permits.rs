//! Operation and skill permits in front of an official agent: the same in every binding and generation.

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, grpc, http,
    http::{Connection, request},
    manifest::{KEYLESS_PLAN, Manifest},
    protobuf::Message,
    sdk::{Agent, Sdk},
};

const FAILED_PRECONDITION: u32 = 9;

struct Fixture {
    agent: Agent,
    gateway: DataPlane,
}

impl Fixture {
    fn start(of_plan: &str, of_agent: &str) -> Self {
        let agent = Agent::full(Sdk::Python1);
        let grpc = agent.grpc.clone().expect("an agent with every binding");
        let fields = format!(
            "  addresses: {{hosts: [echo.test]}}\n  plans: [{KEYLESS_PLAN}]\n  upstreams:\n  - url: {}\n  \
             - url: http://{grpc}\n    bindings: [BINDING_GRPC]\n{of_agent}",
            agent.url
        );
        let plan = format!("  keyless: {{}}\n{of_plan}");
        let gateway =
            DataPlane::standalone(&Manifest::new().plan(KEYLESS_PLAN, &plan).raw_agent("echo", &fields));
        Self { agent, gateway }
    }

    fn rpc(&self, version: Option<&str>, method: &str, params: &Value) -> Value {
        let body = json!({"jsonrpc": "2.0", "id": "x", "method": method, "params": params}).to_string();
        let mut headers = vec![("connection", "close")];
        headers.extend(version.map(|version| ("a2a-version", version)));
        let answer = http::post(self.gateway.address, "/a2a/echo", &headers, body.as_bytes());
        assert_eq!(answer.status(), 200, "{}", answer.text());
        answer.json()
    }

    fn rest(&self, method: &str, path: &str, body: &str) -> (u16, String) {
        let headers = [("content-type", "application/json"), ("connection", "close"), ("a2a-version", "1.0")];
        let sent = request(method, &format!("/a2a/echo{path}"), &headers, body.as_bytes());
        let answer = Connection::open(self.gateway.address).send(&sent).response();
        (answer.status(), answer.text())
    }

    fn grpc(&self, method: &str, message: &Message) -> u32 {
        let path = format!("/lf.a2a.v1.A2AService/{method}");
        let metadata = [("a2a-version", "1.0")];
        let answer = grpc::call(self.gateway.address, "echo.test", &path, &metadata, &message.bytes());
        answer.status().unwrap_or_else(|| panic!("no status: {answer:?}"))
    }

    /// The operation, outcome and error of the next call in the access log.
    fn logged(&mut self) -> (String, String, String) {
        loop {
            let line = self.gateway.process.json_line().expect("the data plane runs");
            let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
            if text("a2a.operation") != "GetAgentCard" {
                return (text("a2a.operation"), text("outcome"), text("error"));
            }
        }
    }
}

#[test]
fn an_operation_list_means_the_same_in_every_binding_and_generation() {
    let mut fixture = Fixture::start("  operations: [SendMessage, GetTask]\n", "");
    let task = json!({"id": "t"});
    let denied =
        |operation: &str| (operation.to_owned(), "denied".to_owned(), "UNSUPPORTED_OPERATION".to_owned());
    for (version, method, operation) in [
        (None, "tasks/cancel", "CancelTask"),
        (Some("1.0"), "CancelTask", "CancelTask"),
        (None, "tasks/resubscribe", "SubscribeToTask"),
        (Some("1.0"), "GetExtendedAgentCard", "GetExtendedAgentCard"),
        (None, "agent/getAuthenticatedExtendedCard", "GetExtendedAgentCard"),
        (None, "acme/special", "unknown"),
    ] {
        let answer = fixture.rpc(version, method, &task);
        assert_eq!((&answer["error"]["code"], &answer["id"]), (&json!(-32004), &json!("x")), "{answer}");
        assert_eq!(fixture.logged(), denied(operation));
    }
    for (method, path, operation) in [
        ("POST", "/tasks/t:cancel", "CancelTask"),
        ("GET", "/tasks", "ListTasks"),
        ("GET", "/extendedAgentCard", "GetExtendedAgentCard"),
    ] {
        let (status, text) = fixture.rest(method, path, "");
        assert!(status == 400 && text.contains("UNSUPPORTED_OPERATION"), "{path}: {status} {text}");
        assert_eq!(fixture.logged(), denied(operation));
    }
    for method in ["CancelTask", "ListTasks", "SubscribeToTask", "GetExtendedAgentCard"] {
        assert_eq!(fixture.grpc(method, &Message::new().text(2, "t")), FAILED_PRECONDITION, "{method}");
        assert_eq!(fixture.logged(), denied(method));
    }
    assert_eq!(fixture.agent.calls(), 0);

    // What the list opens is the agent's to answer: it does not know the task.
    assert_eq!(fixture.rpc(None, "tasks/get", &task)["error"]["code"], -32001);
    assert_eq!(fixture.rpc(Some("1.0"), "GetTask", &task)["error"]["code"], -32001);
    assert_eq!(fixture.rest("GET", "/tasks/t", "").0, 404);
    assert_eq!(fixture.grpc("GetTask", &Message::new().text(2, "t")), 5);
    assert_eq!(fixture.agent.calls(), 4);
}

#[test]
fn a_skill_list_means_the_same_in_every_binding_and_generation() {
    let selector = "  skillSelector: {messageMetadata: [/skill]}\n";
    let fixture = Fixture::start("  skills: [echo, other]\n", selector);
    let message = |skill: Option<&str>| {
        let metadata = skill.map_or(json!({}), |skill| json!({"skill": skill}));
        json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}], "metadata": metadata})
    };
    let grpc_message = |skill: Option<&str>| {
        let entry = |skill: &str| {
            let value = Message::new().text(3, skill);
            Message::new().message(1, &Message::new().text(1, "skill").message(2, &value))
        };
        let sent = Message::new().text(1, "m").number(4, 1).message(5, &Message::new().text(1, "hi"));
        let sent = skill.map_or(sent.clone(), |skill| sent.message(6, &entry(skill)));
        Message::new().message(2, &sent)
    };
    let old = |skill: Option<&str>| {
        let mut message = message(skill);
        message["role"] = json!("user");
        message["parts"] = json!([{"kind": "text", "text": "hi"}]);
        json!({"message": message})
    };
    for skill in [None, Some("delete")] {
        let new = json!({"message": message(skill)});
        assert_eq!(fixture.rpc(Some("1.0"), "SendMessage", &new)["error"]["code"], -32004);
        assert_eq!(fixture.rpc(None, "message/send", &old(skill))["error"]["code"], -32004);
        assert_eq!(fixture.rest("POST", "/message:send", &new.to_string()).0, 400);
        assert_eq!(fixture.grpc("SendMessage", &grpc_message(skill)), FAILED_PRECONDITION);
    }
    let two = json!({"message": {"messageId": "m", "role": "ROLE_USER", "parts": [], "metadata": {"skill": ["echo", "other"]}}});
    assert_eq!(fixture.rpc(Some("1.0"), "SendMessage", &two)["error"]["code"], -32004);
    assert_eq!(fixture.agent.calls(), 0);

    let new = json!({"message": message(Some("echo"))});
    assert_eq!(fixture.rpc(Some("1.0"), "SendMessage", &new)["error"], Value::Null);
    assert_eq!(fixture.rpc(None, "message/send", &old(Some("echo")))["error"], Value::Null);
    assert!(fixture.rest("POST", "/message:send", &new.to_string()).1.contains("echo: hi"));
    assert_eq!(fixture.grpc("SendMessage", &grpc_message(Some("echo"))), 0);
    assert_eq!(fixture.agent.calls(), 4);
}

#[test]
fn a_standalone_data_plane_says_where_skills_only_filter_the_card() {
    let fixture = Fixture::start("  skills: [echo]\n", "");
    let log = fixture.gateway.process.log();
    assert!(log.contains("skill_selector") && log.contains("only filter what the card shows"), "{log}");
}
