//! A1 to A6: who may do what, and what nobody sees.

use serde_json::{Value, json};
use system_tests::harness::{
    Upstream,
    http::{Connection, get},
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    protobuf::Message,
    upstream::{Request, Then, hang, write},
};

use crate::{
    agents::{Binding, CARD, Fixture, Kind, OLD_CARD, Target, new_api_key},
    call::{Answer, Call, Operation, call, grpc_message, json_rpc, task_of},
    errors::assert_reason,
    record::statement,
    scripted::{Script, Scripted, well_behaved, well_behaved_grpc},
};

/// Every operation once.
const OPERATIONS: [Operation<'static>; 12] = [
    Operation::Send("x"),
    Operation::Stream("x"),
    Operation::Get("t"),
    Operation::List("c"),
    Operation::Cancel("t"),
    Operation::Subscribe("t"),
    Operation::SubscribeByGet("t"),
    Operation::CreateConfig("t"),
    Operation::GetConfig("t"),
    Operation::ListConfigs("t"),
    Operation::DeleteConfig("t"),
    Operation::ExtendedCard,
];

/// The operations that a binding has in a version.
fn operations(target: &Target) -> impl Iterator<Item = Operation<'static>> {
    let (rest, old) = (target.binding == Binding::HttpJson, target.version == "0.3");
    OPERATIONS.into_iter().filter(move |operation| match operation {
        Operation::SubscribeByGet(_) => rest,
        Operation::List(_) => !old,
        _ => true,
    })
}

fn none_arrived(scripted: &Scripted) {
    let requests = scripted.http.requests();
    let calls: Vec<_> = requests.iter().filter(|request| !request.is_card()).collect();
    assert!(
        calls.is_empty() && scripted.grpc.calls().is_empty(),
        "a refused call reached the agent: {calls:?}"
    );
}

#[test]
fn a1_every_path_asks_for_a_credential() {
    statement("A1", |evidence| {
        let (key, sha256) = new_api_key();
        let manifest = Manifest::new().api_key().consumer_with_key("shop", KEY_PLAN, &sha256);
        let scripted = Script::new().plan(manifest, KEY_PLAN).start();
        let mut count = 0;
        for target in scripted.targets() {
            for operation in operations(&target) {
                let call = call(target.binding, target.version, operation);
                let label = format!("{} {}", target.label(), operation.name());
                assert_reason(&target, &target.send(&call, &[]), "UNAUTHENTICATED", &label);
                count += 1;
            }
        }
        none_arrived(&scripted);
        for path in [CARD, OLD_CARD] {
            assert_eq!(scripted.through().card(path, "1.0").status(), 200);
        }
        for target in scripted.targets() {
            let call = call(target.binding, target.version, Operation::Send("x"));
            assert!(target.send(&call, &[("x-api-key", &key)]).is_success(), "{}", target.label());
        }
        evidence.add(format!("{count} calls without a key, every operation over 3 bindings in 2 versions, refused as UNAUTHENTICATED before the agent; the public card is served, and calls with the key too"));
    });
}

#[test]
fn a2_operation_lists() {
    statement("A2", |evidence| {
        let allowed = ["SendMessage", "GetTask"];
        let plan = format!("  keyless: {{}}\n  operations: [{}]\n", allowed.join(", "));
        let scripted = Script::new().plan(Manifest::new().plan(KEYLESS_PLAN, &plan), KEYLESS_PLAN).start();
        let (mut passed, mut refused) = (0, 0);
        for target in scripted.targets() {
            for operation in operations(&target) {
                let label = format!("{} {}", target.label(), operation.name());
                let answer = target.run(operation);
                if allowed.contains(&operation.name()) {
                    assert!(answer.is_success(), "{label}: {answer:?}");
                    passed += 1;
                } else {
                    assert_reason(&target, &answer, "UNSUPPORTED_OPERATION", &label);
                    refused += 1;
                }
            }
        }
        // Names of 0.1 and 0.2, and the alias address of streams.
        let old = scripted.target(Binding::JsonRpc, "0.3");
        for name in [
            "tasks/sendSubscribe",
            "tasks/pushNotification/set",
            "tasks/pushNotification/get",
            "message/stream",
        ] {
            let answer = old.send(&json_rpc(name, &json!({"id": "t", "taskId": "t"}), false), &[]);
            assert_reason(&old, &answer, "UNSUPPORTED_OPERATION", name);
            refused += 1;
        }
        let aliased = old.bytes(
            "POST",
            "/message/stream",
            &[],
            br#"{"jsonrpc":"2.0","id":7,"method":"message/send","params":{"message":{}}}"#,
        );
        assert_reason(&old, &Answer::Http(aliased), "UNSUPPORTED_OPERATION", "the alias");
        refused += 1;
        assert!(old.send(&json_rpc("tasks/send", &json!({"id": "t"}), false), &[]).is_success());
        passed += 1;
        let arrived = scripted.http.requests().iter().filter(|request| !request.is_card()).count()
            + scripted.grpc.calls().len();
        assert_eq!(arrived, passed, "a refused call reached the agent");
        evidence.add(format!("a list of SendMessage and GetTask: {passed} calls pass and {refused} are answered UNSUPPORTED_OPERATION, over 3 bindings with the names of 0.1 to 1.0"));
    });
}

/// Operations on a task, with which a caller must not get at somebody else's.
fn of_a_task(task: &str) -> [Operation<'_>; 7] {
    [
        Operation::Get(task),
        Operation::Cancel(task),
        Operation::Subscribe(task),
        Operation::CreateConfig(task),
        Operation::GetConfig(task),
        Operation::ListConfigs(task),
        Operation::DeleteConfig(task),
    ]
}

#[test]
fn a3_ownership() {
    statement("A3", |evidence| {
        let kinds = [Kind::Python1, Kind::JavaScript03];
        let (owner, other) = (new_api_key(), new_api_key());
        let (mut refused, mut passed, mut targets) = (0, 0, 0);
        for policy in ["KNOWN", "STRICT"] {
            let consumers = [("owner", KEY_PLAN, &*owner.1), ("other", KEY_PLAN, &*other.1)];
            let manifest = Manifest::new().api_key().consumers(&consumers);
            let fields = format!("  taskOwnership: TASK_OWNERSHIP_{policy}\n");
            let fixture = Fixture::start_with(&kinds, manifest, KEY_PLAN, &fields, &[]);
            for kind in kinds {
                for binding in Binding::ALL {
                    let target = fixture.through(kind).target(binding, kind.versions()[0]);
                    let target = target.expect("the card names the interface");
                    let counts = kept_apart(&target, &owner.0, &other.0, policy == "STRICT");
                    (passed, refused) = (passed + counts.0, refused + counts.1);
                    targets += 1;
                }
            }
        }
        evidence.add(format!("two consumers of two SDK agents, {targets} of policy, agent and binding: {refused} calls on the other's task or context, unary and streamed, are TASK_NOT_FOUND or, for lists, UNSUPPORTED_OPERATION; {passed} of the owner pass"));
    });
}

/// Begins tasks as one consumer and tries to get at them as another; counts what passed and what was refused.
fn kept_apart(target: &Target, owner: &str, other: &str, is_strict: bool) -> (usize, usize) {
    let (owner, other) = ([("x-api-key", owner)], [("x-api-key", other)]);
    let run = |operation: Operation<'_>, key: &[(&str, &str)]| {
        target.send(&call(target.binding, target.version, operation), key)
    };
    let (mut passed, mut refused) = (0, 0);
    for begin in [Operation::Send("stream 1 1"), Operation::Stream("stream 1 1")] {
        let begun = run(begin, &owner);
        let (task, context) = task_of(&begun).unwrap_or_else(|| panic!("{}: {begun:?}", target.label()));
        for operation in of_a_task(&task) {
            let label = format!("{} {}", target.label(), operation.name());
            assert_reason(target, &run(operation, &other), "TASK_NOT_FOUND", &label);
            refused += 1;
        }
        let follow = follow_up(target, &context);
        assert_reason(target, &target.send(&follow, &other), "TASK_NOT_FOUND", &target.label());
        let mut own = vec![run(Operation::Get(&task), &owner), target.send(&follow, &owner)];
        refused += 1;
        if target.version == "1.0" {
            let label = target.label();
            assert_reason(target, &run(Operation::List(&context), &other), "UNSUPPORTED_OPERATION", &label);
            refused += 1;
            own.push(run(Operation::List(&context), &owner));
        }
        for answer in own {
            assert!(answer.is_success(), "{}: {answer:?}", target.label());
            passed += 1;
        }
    }
    let unseen = run(Operation::Get("unseen"), &owner);
    if is_strict {
        assert_reason(target, &unseen, "TASK_NOT_FOUND", &target.label());
    } else {
        assert!(!unseen.is_success(), "the agent itself does not know it: {unseen:?}");
    }
    (passed, refused)
}

/// A message in a context.
fn follow_up(target: &Target, context: &str) -> Call {
    let mut call = call(target.binding, target.version, Operation::Send("again"));
    match &mut call {
        Call::Http { body: Some(body), .. } => {
            let params = if target.binding == Binding::JsonRpc { &mut body["params"] } else { body };
            params["message"]["contextId"] = json!(context);
        }
        Call::Http { .. } => panic!("a send has a body"),
        Call::Grpc { message, .. } => {
            let field = if target.version == "1.0" { 2 } else { 1 };
            let said = grpc_message("again").text(2, context);
            *message = Message::new().message(field, &said).bytes();
        }
    }
    call
}

/// Webhooks that nobody may hand over.
const FORBIDDEN: [&str; 8] = [
    "http://hooks.example.com/a2a",
    "https://127.0.0.1/hook",
    "https://[::1]/hook",
    "https://10.1.2.3/hook",
    "https://169.254.169.254/latest/meta-data",
    "https://[::ffff:192.168.0.1]/hook",
    "https://localhost/hook",
    "https://denied.example.com/hook",
];

#[test]
fn a4_webhooks() {
    statement("A4", |evidence| {
        let push = "  push:\n    mode: PUSH_MODE_VALIDATE\n    deniedHosts: [denied.example.com]\n";
        let scripted = Script::new().fields(push).start();
        let mut count = 0;
        for target in scripted.targets() {
            for url in FORBIDDEN {
                for (place, call) in webhook_calls(&target, url) {
                    let label = format!("{} {url} {place}", target.label());
                    assert_refused_webhook(&target, &target.send(&call, &[]), &label);
                    count += 1;
                }
            }
        }
        none_arrived(&scripted);
        let mut passed = 0;
        for target in scripted.targets() {
            for (place, call) in webhook_calls(&target, "https://hooks.example.com/a2a") {
                let answer = target.send(&call, &[]);
                assert!(answer.is_success(), "{} {place}: {answer:?}", target.label());
                passed += 1;
            }
        }
        evidence.add(format!("{count} calls with {} forbidden URLs, in their own operation and embedded in a send, camelCase and snake_case, over 3 bindings in 2 versions: refused; {passed} with a public https URL pass", FORBIDDEN.len()));
        redirects_are_not_followed();
        evidence.add("an agent's redirect is not followed, for calls and for cards");
    });
}

fn assert_refused_webhook(target: &Target, answer: &Answer, label: &str) {
    let shown = answer.outcome();
    match answer {
        Answer::Http(response) if target.binding == Binding::JsonRpc => {
            assert_eq!((response.status(), response.error_code()), (200, -32602), "{label}: {shown}");
        }
        Answer::Http(response) => assert_eq!(response.status(), 400, "{label}: {shown}"),
        Answer::Grpc(answer) => assert_eq!(answer.status(), Some(3), "{label}: {shown}"),
    }
}

/// Every way to hand over a webhook.
fn webhook_calls(target: &Target, url: &str) -> Vec<(&'static str, Call)> {
    if target.binding == Binding::Grpc {
        return grpc_webhook_calls(target.version, url);
    }
    let http = |body: Value, method: &str, path: &str| match target.binding {
        Binding::JsonRpc => json_rpc(method, &body, false),
        _ => Call::Http { method: "POST", path: path.to_owned(), body: Some(body), is_stream: false },
    };
    if target.version == "1.0" {
        let message = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "x"}]});
        let (create, send) = ("CreateTaskPushNotificationConfig", "SendMessage");
        let (at, sent) = ("/tasks/t/pushNotificationConfigs", "/message:send");
        return vec![
            ("create", http(json!({"taskId": "t", "id": "c", "url": url}), create, at)),
            (
                "embedded",
                http(
                    json!({"message": message, "configuration": {"taskPushNotificationConfig": {"url": url}}}),
                    send,
                    sent,
                ),
            ),
            (
                "embedded in snake_case",
                http(
                    json!({"message": message, "configuration": {"task_push_notification_config": {"url": url}}}),
                    send,
                    sent,
                ),
            ),
        ];
    }
    let rest = target.binding == Binding::HttpJson;
    let message = if rest {
        json!({"messageId": "m", "role": "ROLE_USER", "content": [{"text": "x"}]})
    } else {
        json!({"kind": "message", "messageId": "m", "role": "user", "parts": [{"kind": "text", "text": "x"}]})
    };
    let config = json!({"id": "c", "url": url});
    let (set, send) = ("tasks/pushNotificationConfig/set", "message/send");
    let (at, sent) = ("/v1/tasks/t/pushNotificationConfigs", "/v1/message:send");
    let (camel, snake) = if rest {
        ("pushNotification", "push_notification")
    } else {
        ("pushNotificationConfig", "push_notification_config")
    };
    let create = |name: &str| {
        let mut inner = json!({"taskId": "t"});
        inner[name] = config.clone();
        if rest { json!({"configId": "c", "config": inner}) } else { inner }
    };
    vec![
        ("create", http(create("pushNotificationConfig"), set, at)),
        ("create in snake_case", http(create("push_notification_config"), set, at)),
        ("embedded", http(json!({"message": message, "configuration": {camel: config}}), send, sent)),
        (
            "embedded in snake_case",
            http(json!({"message": message, "configuration": {snake: config}}), send, sent),
        ),
    ]
}

fn grpc_webhook_calls(version: &str, url: &str) -> Vec<(&'static str, Call)> {
    let grpc = |path: &str, message: Message| Call::Grpc { path: path.to_owned(), message: message.bytes() };
    let said = grpc_message("x");
    if version == "1.0" {
        let config = Message::new().text(2, "c").text(3, "t").text(4, url);
        let send = Message::new().message(2, &said).message(3, &Message::new().message(2, &config));
        return vec![
            ("create", grpc("/lf.a2a.v1.A2AService/CreateTaskPushNotificationConfig", config)),
            ("embedded", grpc("/lf.a2a.v1.A2AService/SendMessage", send)),
        ];
    }
    let config = Message::new().text(1, "c").text(2, url);
    let whole = Message::new().text(1, "tasks/t/pushNotificationConfigs/c").message(2, &config);
    let create = Message::new().text(1, "tasks/t").text(2, "c").message(3, &whole);
    let send = Message::new().message(1, &said).message(2, &Message::new().message(2, &config));
    vec![
        ("create", grpc("/a2a.v1.A2AService/CreateTaskPushNotificationConfig", create)),
        ("embedded", grpc("/a2a.v1.A2AService/SendMessage", send)),
    ]
}

fn redirects_are_not_followed() {
    let elsewhere = Upstream::well_behaved();
    let to = elsewhere.url();
    let redirecting = Upstream::start(move |_, stream| {
        write(
            stream,
            format!("HTTP/1.1 307 Temporary Redirect\r\nlocation: {to}/\r\ncontent-length: 0\r\n\r\n")
                .as_bytes(),
        );
        Then::Keep
    });
    let manifest = Manifest::new().keyless().agent("echo", &redirecting.url(), KEYLESS_PLAN);
    let gateway = system_tests::harness::DataPlane::standalone(&manifest);
    let body = br#"{"jsonrpc":"2.0","id":1,"method":"SendMessage","params":{}}"#;
    let called =
        system_tests::harness::http::post(gateway.address, "/a2a/echo", &[("a2a-version", "1.0")], body);
    let card = get(gateway.address, "/a2a/echo/.well-known/agent-card.json", &[]);
    for got in [called, card] {
        assert!(!(300..400).contains(&got.status()), "{}", got.status());
        assert_eq!(got.head.get("location"), None);
    }
    assert_eq!(elsewhere.requests().len(), 0, "a redirect was followed");
}

#[test]
fn a5_credentials_stay_where_they_belong() {
    statement("A5", |evidence| {
        const SECRET: &str = "upstream-secret-4711";
        let secrets = tempfile::tempdir().expect("a temporary folder");
        std::fs::write(secrets.path().join("card-token"), SECRET).expect("a temporary file can be written");
        let (key, sha256) = new_api_key();
        let manifest = Manifest::new().api_key().consumer_with_key("shop", KEY_PLAN, &sha256);
        let fields = "  card:\n    fetchCredential:\n      scheme: Bearer\n      secret: card-token\n";
        let folder = secrets.path().display().to_string();
        let scripted = Script::new()
            .plan(manifest, KEY_PLAN)
            .fields(fields)
            .options(&["--secrets-dir", &folder, "--log", "debug"])
            .start();
        let targets = scripted.targets();
        let mut seen = format!("{:?}", scripted.through().card(CARD, "1.0"));
        let wrong = format!("{}x", &key[..key.len() - 1]);
        for target in &targets {
            for headers in [
                [("x-api-key", key.as_str())],
                [("authorization", &format!("Bearer {key}"))],
                [("x-api-key", &wrong)],
            ] {
                let answer =
                    target.send(&call(target.binding, target.version, Operation::Send("x")), &headers);
                seen.push_str(&format!("{answer:?}"));
            }
        }
        let fetches: Vec<_> = scripted.http.requests().into_iter().filter(Request::is_card).collect();
        let bearer = format!("Bearer {SECRET}");
        assert!(
            !fetches.is_empty() && fetches.iter().all(|fetch| fetch.header("authorization") == Some(&bearer)),
            "{fetches:?}"
        );
        let calls = format!("{:?}{:?}", scripted.http.calls(), scripted.grpc.calls());
        let own = &key[key.len() - 40..];
        assert!(!calls.contains(own), "the caller's key reached the agent");
        assert!(!calls.contains(SECRET), "the card's credential was sent with a call");
        assert!(!seen.contains(SECRET), "the card's credential reached a caller");
        scripted.gateway.assert_calls("echo", 2 * targets.len());
        let mut gateway = scripted.gateway;
        gateway.terminate();
        let log = gateway.process.log();
        assert!(log.contains("\"a2a.operation\""), "no access log: {log}");
        assert!(
            !log.contains(own) && !log.contains(&wrong[wrong.len() - 40..]) && !log.contains(SECRET),
            "a secret is in a log"
        );
        evidence.add(format!("{} calls with right and wrong keys in both headers, over 3 bindings in 2 versions, and a card fetched with a credential of its own: no secret in the logs down to debug, at the agent or at the caller", 3 * targets.len()));
    });
}

#[test]
fn a6_limits() {
    statement("A6", |evidence| {
        let limits = "  limits:\n    maxBodyBytes: 100000\n    unaryTimeout: 1s\n";
        let scripted = Script::new()
            .fields(limits)
            .http(|request, stream| {
                if request.method == "GET"
                    || request.json()["method"] == "GetTask"
                    || request.json()["method"] == "tasks/get"
                {
                    hang(stream)
                } else {
                    well_behaved(request, stream)
                }
            })
            .grpc(|call, reply| {
                if call.method() == "GetTask" {
                    reply.wait_until_cancelled()
                } else {
                    well_behaved_grpc(call, reply)
                }
            })
            .options(&["--head-timeout", "500ms"])
            .start();
        let long = "x".repeat(200_000);
        let targets = scripted.targets();
        for target in &targets {
            assert_reason(target, &target.run(Operation::Send(&long)), "BODY_TOO_LARGE", &target.label());
            assert_reason(target, &target.run(Operation::Get("t")), "UPSTREAM_TIMEOUT", &target.label());
            if target.binding != Binding::Grpc {
                let (open, close) = ("[".repeat(200), "]".repeat(200));
                let deep = if target.binding == Binding::JsonRpc {
                    format!(
                        r#"{{"jsonrpc":"2.0","id":7,"method":"{}","params":{{"message":{{"metadata":{{"x":{open}{close}}}}}}}}}"#,
                        if target.version == "1.0" { "SendMessage" } else { "message/send" }
                    )
                } else {
                    format!(r#"{{"message":{{"metadata":{{"x":{open}{close}}}}}}}"#)
                };
                let path = match (target.binding, target.version) {
                    (Binding::JsonRpc, _) => "",
                    (_, "1.0") => "/message:send",
                    _ => "/v1/message:send",
                };
                let got = target.bytes("POST", path, &[], deep.as_bytes());
                assert_reason(target, &Answer::Http(got), "TOO_DEEP", &target.label());
            }
        }
        evidence
            .add(format!("{} of binding and version: 413, nesting, a timeout of the agent", targets.len()));
        let mut slow = Connection::open(scripted.gateway.address);
        slow.send(b"POST /a2a/echo HTTP/1.1\r\nhost: x\r\n");
        if let Some(head) = slow.head() {
            assert_eq!(head.status, 408);
        }
        evidence.add("a request head that does not end");
        rate_limited();
        evidence
            .add("a rate over its limit is 429 with Retry-After, or 8, counted over all bindings together");
    });
}

fn rate_limited() {
    let plan =
        "  keyless: {}\n  rateLimits:\n  - name: calls\n    requests: 1\n    period: 3600s\n    burst: 3\n";
    let scripted = Script::new().plan(Manifest::new().plan(KEYLESS_PLAN, plan), KEYLESS_PLAN).start();
    let targets = scripted.targets();
    for target in targets.iter().step_by(2) {
        assert!(target.run(Operation::Send("x")).is_success(), "{}", target.label());
    }
    for target in &targets {
        let answer = target.run(Operation::Send("x"));
        assert_reason(target, &answer, "RATE_LIMITED", &target.label());
        if let Answer::Http(response) = answer {
            assert!(response.head.get("retry-after").is_some(), "{}", target.label());
        }
    }
}
