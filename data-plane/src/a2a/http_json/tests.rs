use http::Method;
use proptest::prelude::*;

use super::path::decode;
use super::*;
use crate::error::Code;

fn ask(method: &str, path: &str) -> Result<Route, Miss> {
    classify(&method.parse().unwrap(), path)
}

/// The label and the task of what is asked, or what the path is for, or nothing.
fn read(method: &str, path: &str) -> String {
    match ask(method, path) {
        Ok(route) => match route.task_id(path) {
            Some(task) => format!("{} [{task}]", route.label),
            None => route.label.to_owned(),
        },
        Err(Miss::Method { allow, .. }) => format!("allow {allow}"),
        Err(Miss::Nowhere) => "nowhere".to_owned(),
    }
}

#[test]
fn every_operation_of_both_generations_has_its_path() {
    for (method, path, label) in [
        ("POST", "/message:send", "POST /message:send"),
        ("POST", "/message:stream", "POST /message:stream"),
        ("GET", "/tasks", "GET /tasks"),
        ("GET", "/tasks/t-1", "GET /tasks/{id} [t-1]"),
        ("POST", "/tasks/t-1:cancel", "POST /tasks/{id}:cancel [t-1]"),
        ("POST", "/tasks/t-1:subscribe", "POST /tasks/{id}:subscribe [t-1]"),
        ("GET", "/tasks/t-1:subscribe", "GET /tasks/{id}:subscribe [t-1]"),
        ("POST", "/tasks/t-1/pushNotificationConfigs", "POST /tasks/{id}/pushNotificationConfigs [t-1]"),
        ("GET", "/tasks/t-1/pushNotificationConfigs", "GET /tasks/{id}/pushNotificationConfigs [t-1]"),
        ("GET", "/tasks/t-1/pushNotificationConfigs/c", "GET /tasks/{id}/pushNotificationConfigs/{id} [t-1]"),
        (
            "DELETE",
            "/tasks/t-1/pushNotificationConfigs/c",
            "DELETE /tasks/{id}/pushNotificationConfigs/{id} [t-1]",
        ),
    ] {
        assert_eq!(read(method, path), label);
        assert_eq!(read(method, &format!("/acme{path}")), label);
        let (verb, rest) = label.split_once(' ').unwrap();
        assert_eq!(read(method, &format!("/v1{path}")), format!("{verb} /v1{rest}"));
        assert_eq!(ask(method, path).unwrap().naming, Naming::V10);
        assert_eq!(ask(method, &format!("/v1{path}")).unwrap().naming, Naming::V03);
    }
    assert_eq!(read("GET", "/extendedAgentCard"), "GET /extendedAgentCard");
    assert_eq!(read("GET", "/acme/extendedAgentCard"), "GET /extendedAgentCard");
    assert_eq!(read("GET", "/v1/card"), "GET /v1/card");
    assert_eq!(read("GET", "/agent/authenticatedExtendedCard"), "GET /agent/authenticatedExtendedCard");
    let mistyped = "/v1/task/t/pushNotificationConfigs";
    assert_eq!(read("POST", mistyped), "POST /v1/task/{id}/pushNotificationConfigs [t]");
    let operations: std::collections::HashSet<_> = ROWS.iter().map(|row| row.operation).collect();
    assert_eq!(operations.len(), Operation::ALL.len(), "every operation has a path");
}

#[test]
fn other_methods_learn_which_ones_are_right() {
    for (method, path, allow) in [
        ("GET", "/message:send", "POST"),
        ("HEAD", "/tasks/t", "GET"),
        ("PUT", "/tasks", "GET"),
        ("post", "/message:send", "POST"),
        ("GET", "/tasks/t:cancel", "POST"),
        ("DELETE", "/v1/tasks/t:subscribe", "GET, POST"),
        ("PATCH", "/acme/tasks/t/pushNotificationConfigs", "GET, POST"),
        ("POST", "/tasks/t/pushNotificationConfigs/c", "GET, DELETE"),
        ("GET", "/v1/task/t/pushNotificationConfigs", "POST"),
        ("POST", "/v1/card", "GET"),
        // Not a message to a tenant called `tasks`.
        ("POST", "/tasks/message:send", "GET"),
    ] {
        assert_eq!(read(method, path), format!("allow {allow}"), "{method} {path}");
    }
}

#[test]
fn ids_are_what_stands_between_the_separators() {
    for (path, expected) in [
        ("/tasks/message:send", "GET /tasks/{id} [message:send]"),
        ("/tasks/a:b:subscribe", "GET /tasks/{id}:subscribe [a:b]"),
        ("/tasks/a:subscribe:subscribe", "GET /tasks/{id}:subscribe [a:subscribe]"),
        ("/tasks/a:cancel:x", "GET /tasks/{id} [a:cancel:x]"),
        ("/tasks/a%20b%2Bc+d", "GET /tasks/{id} [a b+c+d]"),
        ("/tasks/%C3%BC", "GET /tasks/{id} [ü]"),
        ("/tasks/a%253Asubscribe", "GET /tasks/{id} [a%3Asubscribe]"),
        ("/tasks/x%3Acancel", "GET /tasks/{id} [x:cancel]"),
        ("/tasks/a:cancel/pushNotificationConfigs", "GET /tasks/{id}/pushNotificationConfigs [a:cancel]"),
        ("/message:send/tasks/t", "GET /tasks/{id} [t]"),
        ("/a%2Db/tasks/t", "GET /tasks/{id} [t]"),
        ("/agent/tasks", "GET /tasks"),
    ] {
        assert_eq!(read("GET", path), expected, "{path}");
    }
}

/// Each of these means something else to a router that is blind to case, that decodes first, or that tries tenants first.
#[test]
fn paths_that_could_be_read_in_two_ways_lead_nowhere() {
    for (method, path) in [
        ("GET", "/tasks/a%3Asubscribe"),
        ("GET", "/tasks/a:Subscribe"),
        ("GET", "/tasks/a:subscrib%65"),
        ("GET", "/tasks/extendedAgentCard"),
        ("GET", "/tasks/tasks"),
        ("GET", "/tasks/Tasks"),
        ("GET", "/tasks/tasks/pushNotificationConfigs"),
        ("GET", "/Tasks/extendedAgentCard"),
        ("GET", "/%74asks/extendedAgentCard"),
        ("POST", "/V1/message:send"),
        ("POST", "/%761/message:send"),
        ("GET", "/V1/card"),
    ] {
        assert_eq!(read(method, path), "nowhere", "{method} {path}");
    }
}

#[test]
fn unknown_paths_lead_nowhere() {
    for path in [
        "",
        "/",
        "//",
        "tasks",
        "/tasks/",
        "/tasks//t",
        "//tasks",
        "/acme//tasks",
        "/a/b/tasks",
        "/acme",
        "/card",
        "/acme/card",
        "/v1",
        "/v1/extendedAgentCard",
        "/v1/acme/tasks",
        "/acme/v1/tasks",
        "/v1/v1/tasks",
        "/v2/x",
        "/Tasks",
        "/tasks/:subscribe/x",
        "/tasks/t/pushnotificationconfigs",
        "/tasks/t/pushNotificationConfigs/c/x",
        "/task/t/pushNotificationConfigs",
        "/message:Send",
        "/message%3Asend",
        "/message:send:stream",
        "/message",
        "/.well-known/tasks",
        "/%2Ewell-known/tasks",
        "/tasks/t;v=1",
        "/acme;x/tasks",
        "/tasks/%2F",
        "/tasks/a%2fb",
        "/tasks/a%5Cb",
        "/tasks/%00",
        "/tasks/..",
        "/tasks/%2e%2E",
        "/tasks/%",
        "/tasks/%4",
        "/tasks/%zz",
        "/tasks/%FF",
        "/agent/authenticatedExtendedCard/x",
        "/acme/agent/authenticatedExtendedCard",
    ] {
        for method in ["GET", "POST", "DELETE"] {
            assert_eq!(read(method, path), "nowhere", "{method} {path}");
        }
    }
    assert_eq!(read("POST", "/tasks/:cancel"), "allow GET", "a verb of no task");
}

#[test]
fn the_context_is_read_from_the_query_unless_it_names_two() {
    for (query, context) in [
        ("contextId=c", Some("c")),
        ("pageSize=1&context_id=a%20b", Some("a b")),
        ("contextId=c&contextId=c", Some("c")),
        ("contextId=c&context_id=d", None),
        ("contextId=c&contextId=%FF", None),
        ("contextid", Some("")),
        ("", None),
    ] {
        assert_eq!(context_id(query).as_deref(), context, "{query}");
    }
}

#[test]
fn the_query_goes_on_without_the_version() {
    for (query, rest) in [
        ("", None),
        ("A2A-Version=1.0", None),
        ("a=b&A2A-Version=1.0&c=%zz&a2a%2Dversion=1.0&d", Some("a=b&c=%zz&d")),
        ("historyLength=1", Some("historyLength=1")),
        ("x=A2A-Version", Some("x=A2A-Version")),
    ] {
        assert_eq!(without_version(query).as_deref(), rest, "{query}");
    }
}

fn body<'a>(path: &'a str, body: &'a str) -> Result<crate::a2a::Call<'a>, Code> {
    let route = ask("POST", path).unwrap();
    read_body(&route, path, None, body.as_bytes()).map_err(|error| error.code())
}

#[test]
fn facts_are_found_in_every_spelling() {
    for text in [
        r#"{"message":{"taskId":"t","contextId":"c"},"configuration":{"blocking":false,"pushNotification":{}}}"#,
        r#"{"request":{"task_id":"t","context_id":"c"},"configuration":{"blocking":false,"push_notification":{}}}"#,
        r#"{"message":{"task_id":"t","contextId":"c"},"configuration":{"returnImmediately":true,"taskPushNotificationConfig":{}}}"#,
        r#"{"message":{"task\u0049d":"t","contextId":"c"},"configuration":{"return_immediately":true,"task_push_notification_config":{}}}"#,
    ] {
        for path in ["/message:send", "/v1/message:send", "/acme/message:stream"] {
            let call = body(path, text).unwrap();
            assert_eq!(
                (call.task_id.as_deref(), call.context_id.as_deref()),
                (Some("t"), Some("c")),
                "{text}"
            );
            assert!(!call.waits && call.has_push_config, "{text}");
        }
    }
    let call = body("/message:send", r#"{"message":{"messageId":"m"}}"#).unwrap();
    assert!(call.is_blocking_send() && !call.has_push_config && call.task_id.is_none());
    assert_eq!((call.binding, &*call.method), (super::super::Binding::HttpJson, "POST /message:send"));
}

#[test]
fn the_task_is_that_of_the_path() {
    let call =
        body("/tasks/a%20b/pushNotificationConfigs", r#"{"taskId":"other","url":"https://u"}"#).unwrap();
    assert_eq!(call.task_id.as_deref(), Some("a b"));
    assert!(call.has_push_config);
    for text in ["", " null\n", "{}", r#"{"metadata":{"a":1,"A":2}}"#] {
        let call = body("/v1/tasks/t:cancel", text).unwrap();
        assert_eq!((call.operation, call.task_id.as_deref()), (Operation::CancelTask, Some("t")));
    }
    let path = "/tasks";
    let call = read_body(&ask("GET", path).unwrap(), path, Some("contextId=c"), b"").unwrap();
    assert_eq!(call.context_id.as_deref(), Some("c"));
}

#[test]
fn bodies_that_readers_could_read_differently_are_refused() {
    let deep = format!("{}1{}", "{\"a\":".repeat(101), "}".repeat(101));
    for (text, code) in [
        ("", Code::ParseError),
        ("null", Code::InvalidRequest),
        ("[{}]", Code::InvalidRequest),
        ("{} {}", Code::ParseError),
        ("{}x", Code::ParseError),
        ("{", Code::ParseError),
        ("\u{feff}{}", Code::ParseError),
        (r#"{"message":{},"request":{}}"#, Code::DuplicateKey),
        (r#"{"request":{},"message":null}"#, Code::DuplicateKey),
        (r#"{"message":{},"message":{}}"#, Code::DuplicateKey),
        (r#"{"message":{"taskId":"a","task_id":"b"}}"#, Code::DuplicateKey),
        (r#"{"message":{"taskId":"a","t\u0061skId":"b"}}"#, Code::DuplicateKey),
        (r#"{"message":{"parts":[{"text":"a","text":"b"}]}}"#, Code::DuplicateKey),
        (r#"{"message":[]}"#, Code::InvalidParams),
        (r#"{"Message":{}}"#, Code::InvalidParams),
        (r#"{"message":{"taskId":7}}"#, Code::InvalidParams),
        (r#"{"message":7,"x":{"y":1,"y":2}}"#, Code::DuplicateKey),
        (r#"{"message":7} x"#, Code::ParseError),
        (&deep, Code::TooDeep),
    ] {
        assert_eq!(body("/message:send", text).unwrap_err(), code, "{text}");
    }
    let route = ask("POST", "/message:send").unwrap();
    assert_eq!(read_body(&route, "", None, b"{\"a\":\"\xff\"}").unwrap_err().code(), Code::ParseError);
    let route = ask("GET", "/tasks/t").unwrap();
    assert_eq!(read_body(&route, "/tasks/t", None, b"{}").unwrap_err().code(), Code::InvalidRequest);
    assert!(
        body("/message:send", r#"{"Request":{}}"#).is_err(),
        "a reader blind to case takes it for the message"
    );
}

fn segment() -> impl Strategy<Value = String> {
    prop_oneof![
        Just("tasks".to_owned()),
        Just("message:send".to_owned()),
        Just("message:stream".to_owned()),
        Just("extendedAgentCard".to_owned()),
        Just("pushNotificationConfigs".to_owned()),
        Just("v1".to_owned()),
        Just("card".to_owned()),
        Just("task".to_owned()),
        "[a-z]{1,3}(:(cancel|subscribe|send))?",
        "[a-zA-Z0-9.%:;_-]{0,6}",
    ]
}

/// Case changed and bytes escaped, as an attacker would.
fn disguise(segment: &str, bits: u64) -> String {
    let mut bits = bits;
    let mut text = String::new();
    for byte in segment.bytes() {
        match bits & 7 {
            0 => text.push_str(&format!("%{byte:02x}")),
            1 => text.push(char::from(byte).to_ascii_uppercase()),
            _ => text.push(char::from(byte)),
        }
        bits = bits.rotate_right(3) ^ 0x5a;
    }
    text
}

/// A router that decodes and ignores case, and tries tenants first or last.
fn as_a_lax_server(method: &Method, path: &str, tenants_first: bool) -> Option<(Operation, Option<String>)> {
    let decoded: Vec<String> = path
        .strip_prefix('/')?
        .split('/')
        .map(|segment| decode(segment).map(|s| s.into_owned()))
        .collect::<Option<_>>()?;
    let plain = |segments: &[String]| {
        let literals: Vec<String> = segments.iter().map(|segment| segment.to_lowercase()).collect();
        let names: Vec<&str> = literals.iter().map(String::as_str).collect();
        let verb = |verb: &str| {
            let id = segments.get(1)?;
            id.to_lowercase()
                .ends_with(verb)
                .then(|| id[..id.len() - verb.len()].to_owned())
                .filter(|id| !id.is_empty())
        };
        let task = || segments.get(1).cloned();
        match (method.as_str(), &names[..]) {
            ("POST", ["message:send"]) => Some((Operation::SendMessage, None)),
            ("POST", ["message:stream"]) => Some((Operation::SendStreamingMessage, None)),
            ("POST", ["tasks", _]) if verb(":cancel").is_some() => {
                Some((Operation::CancelTask, verb(":cancel")))
            }
            ("GET" | "POST", ["tasks", _]) if verb(":subscribe").is_some() => {
                Some((Operation::SubscribeToTask, verb(":subscribe")))
            }
            ("GET", ["tasks"]) => Some((Operation::ListTasks, None)),
            ("GET", ["tasks", _]) => Some((Operation::GetTask, task())),
            ("GET", ["tasks", _, "pushnotificationconfigs"]) => {
                Some((Operation::ListTaskPushNotificationConfigs, task()))
            }
            ("POST", ["tasks", _, "pushnotificationconfigs"]) => {
                Some((Operation::CreateTaskPushNotificationConfig, task()))
            }
            ("GET", ["tasks", _, "pushnotificationconfigs", _]) => {
                Some((Operation::GetTaskPushNotificationConfig, task()))
            }
            ("DELETE", ["tasks", _, "pushnotificationconfigs", _]) => {
                Some((Operation::DeleteTaskPushNotificationConfig, task()))
            }
            ("GET", ["extendedagentcard"]) => Some((Operation::GetExtendedAgentCard, None)),
            _ => None,
        }
    };
    let with_tenant = || decoded.get(1..).and_then(plain);
    if tenants_first {
        with_tenant().or_else(|| plain(&decoded))
    } else {
        plain(&decoded).or_else(with_tenant)
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn no_server_reads_a_path_otherwise(
        method in prop::sample::select(vec![Method::GET, Method::POST, Method::DELETE]),
        segments in prop::collection::vec((segment(), any::<u64>()), 1..6),
        plain in prop::collection::vec(any::<bool>(), 6),
    ) {
        let path: String = segments.iter().zip(&plain).map(|((segment, bits), plain)| {
            if *plain { format!("/{segment}") } else { format!("/{}", disguise(segment, *bits)) }
        }).collect();
        if let Ok(route) = classify(&method, &path) && route.naming == Naming::V10 {
            let ours = (route.operation, route.task_id(&path).map(Cow::into_owned));
            for tenants_first in [false, true] {
                prop_assert_eq!(as_a_lax_server(&method, &path, tenants_first), Some(ours.clone()), "{}", path);
            }
        }
    }

    #[test]
    fn any_id_that_is_escaped_comes_back(id in "[^/\\\\\0]{1,40}") {
        let escaped: String = id.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let path = format!("/acme/tasks/{escaped}/pushNotificationConfigs");
        let is_dots = matches!(&*id, "." | "..");
        match classify(&Method::POST, &path) {
            Ok(route) => {
                let read = route.task_id(&path);
                prop_assert_eq!(read.as_deref(), Some(&*id));
            }
            Err(miss) => prop_assert!(is_dots, "{:?}", miss),
        }
    }

    #[test]
    fn any_text_is_survived(path in "\\PC{0,60}", body in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = classify(&Method::GET, &path);
        let _ = context_id(&path);
        let _ = without_version(&path);
        let route = ask("POST", "/message:send").unwrap();
        let _ = read_body(&route, "/message:send", None, &body);
    }
}
