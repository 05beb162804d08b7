//! E1 to E4: errors of the gateway and of the agent.

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Value, json};
use system_tests::harness::{
    Agent, Client, DataPlane,
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    protobuf,
    sdk::Sdk,
    upstream::{Then, answer, hang, write},
};

use crate::{
    agents::{Binding, Fixture, Kind, Target, new_api_key},
    call::{Answer, Call, Operation, call, task_of},
    compare::Comparison,
    record::statement,
    scripted::{ECHO, Script, Scripted},
};

/// What an error is in each binding.
struct Row {
    reason: &'static str,
    /// HTTP status and code.
    json_rpc: (u16, i64),
    http_json: u16,
    grpc: u32,
}

const fn row(reason: &'static str, json_rpc: (u16, i64), http_json: u16, grpc: u32) -> Row {
    Row { reason, json_rpc, http_json, grpc }
}

/// The errors of A2A, and those of an intermediary as clients understand them.
const TABLE: &[Row] = &[
    row("UNAUTHENTICATED", (401, -32000), 401, 16),
    row("INVALID_CREDENTIAL", (401, -32000), 401, 16),
    row("PERMISSION_DENIED", (403, -32000), 403, 7),
    row("RATE_LIMITED", (429, -32000), 429, 8),
    row("BODY_TOO_LARGE", (413, -32600), 413, 8),
    row("UPSTREAM_UNAVAILABLE", (503, -32603), 503, 14),
    row("UPSTREAM_RESET", (502, -32603), 502, 14),
    row("UPSTREAM_TIMEOUT", (504, -32603), 504, 4),
    row("INVALID_AGENT_RESPONSE", (200, -32006), 500, 13),
    row("VERSION_NOT_SUPPORTED", (200, -32009), 400, 9),
    row("TASK_NOT_FOUND", (200, -32001), 404, 5),
    row("UNSUPPORTED_OPERATION", (200, -32004), 400, 9),
    row("PUSH_NOTIFICATION_NOT_SUPPORTED", (200, -32003), 400, 9),
    row("INVALID_PARAMS", (200, -32602), 400, 3),
    row("PARSE_ERROR", (200, -32700), 400, 3),
    row("INVALID_REQUEST", (200, -32600), 400, 3),
    row("TOO_DEEP", (200, -32600), 400, 3),
    row("METHOD_NOT_FOUND", (200, -32601), 404, 12),
];
/// Codes that 0.3 does not know are -32603 for its callers.
const NOT_IN_0_3: [i64; 2] = [-32008, -32009];

/// The `ErrorInfo` of an error, where the binding and the version have it: reason and metadata.
pub(crate) fn error_info(target: &Target, answer: &Answer) -> Value {
    match answer {
        Answer::Http(response) => {
            let body = response.json();
            match (target.binding, target.version) {
                (Binding::JsonRpc, "1.0") => body["error"]["data"][0].clone(),
                (Binding::JsonRpc, _) => body["error"]["data"].clone(),
                (_, "1.0") => body["error"]["details"][0].clone(),
                _ => body["data"].clone(),
            }
        }
        Answer::Grpc(answer) => {
            let details = answer.word("grpc-status-details-bin").unwrap_or_default().trim_end_matches('=');
            let status = STANDARD_NO_PAD.decode(details).unwrap_or_default();
            json!({
                "@type": protobuf::text_at(&status, &[3, 1]),
                "reason": protobuf::text_at(&status, &[3, 2, 1]),
                "metadata": protobuf::read(&status)["3"][0]["2"],
            })
        }
    }
}

/// Checks that an answer is an error of a reason, as its binding and version have it.
#[track_caller]
pub(crate) fn assert_reason(target: &Target, answer: &Answer, reason: &str, label: &str) {
    let row = TABLE.iter().find(|row| row.reason == reason).expect("the error is in the table");
    let info = error_info(target, answer);
    let shown = answer.outcome();
    assert_eq!(info["reason"], reason, "{label}: {shown}");
    if target.version == "1.0" || target.binding == Binding::Grpc {
        assert_eq!(info["@type"], "type.googleapis.com/google.rpc.ErrorInfo", "{label}: {shown}");
    }
    match answer {
        Answer::Http(response) if target.binding == Binding::JsonRpc => {
            let known = target.version == "1.0" || !NOT_IN_0_3.contains(&row.json_rpc.1);
            let code = if known { row.json_rpc.1 } else { -32603 };
            assert_eq!(
                (response.status(), response.error_code()),
                (row.json_rpc.0, code),
                "{label}: {shown}"
            );
            assert_eq!(response.json()["jsonrpc"], "2.0", "{label}: {shown}");
        }
        Answer::Http(response) => {
            assert_eq!(response.status(), row.http_json, "{label}: {shown}");
            let body = response.json();
            let message = if target.version == "1.0" { &body["error"]["message"] } else { &body["message"] };
            assert!(message.as_str().is_some_and(|text| !text.is_empty()), "{label}: {shown}");
        }
        Answer::Grpc(answer) => {
            assert_eq!((answer.http_status, answer.status()), (200, Some(row.grpc)), "{label}: {shown}");
        }
    }
    if row.json_rpc.0 == 401
        && let Answer::Http(response) = answer
    {
        assert!(response.head.get("www-authenticate").is_some(), "{label}: {shown}");
    }
}

/// Checks one refusal over all bindings and versions; gives how many there were.
fn refused_everywhere(
    scripted: &Scripted,
    reason: &str,
    headers: &[(&str, &str)],
    call: impl Fn(&Target) -> Call,
) -> usize {
    let targets = scripted.targets();
    for target in &targets {
        assert_reason(target, &target.send(&call(target), headers), reason, &target.label());
    }
    targets.len()
}

fn send(target: &Target) -> Call {
    call(target.binding, target.version, Operation::Send("hello"))
}

/// An agent that does not answer calls, but in its own way.
fn failing(
    fields: &str,
    http: fn(&mut std::net::TcpStream) -> Then,
    grpc: fn(&mut system_tests::harness::grpc::Reply),
) -> Scripted {
    Script::new().fields(fields).http(move |_, stream| http(stream)).grpc(move |_, reply| grpc(reply)).start()
}

#[test]
fn e1_the_gateways_own_errors() {
    statement("E1", |evidence| {
        let mut reasons = vec![
            "UNAUTHENTICATED",
            "INVALID_CREDENTIAL",
            "PERMISSION_DENIED",
            "RATE_LIMITED",
            "BODY_TOO_LARGE",
        ];
        let mut count = refused_callers();
        let hung = failing("  limits:\n    sendTimeout: 1s\n", hang, |reply| reply.wait_until_cancelled());
        count += refused_everywhere(&hung, "UPSTREAM_TIMEOUT", &[], send);
        let reset = failing("", |_| Then::Close, |reply| reply.reset());
        count += refused_everywhere(&reset, "UPSTREAM_RESET", &[], send);
        let garbage = failing(
            "",
            |stream| {
                write(stream, &answer("200 OK", "text/html", b"<html>It works!</html>"));
                Then::Keep
            },
            |reply| {
                reply.bytes(b"\0\0\0\0\x02\xff\xff");
                reply.end(&[("grpc-status", "0")]);
            },
        );
        for target in garbage.targets().iter().filter(|target| target.binding != Binding::Grpc) {
            assert_reason(
                target,
                &target.send(&send(target), &[]),
                "INVALID_AGENT_RESPONSE",
                &target.label(),
            );
            count += 1;
        }
        reasons.extend(["UPSTREAM_TIMEOUT", "UPSTREAM_RESET", "INVALID_AGENT_RESPONSE"]);
        count += unreachable();
        reasons.push("UPSTREAM_UNAVAILABLE");
        evidence.add(format!("{count} errors over 3 bindings in 2 versions: {}", reasons.join(", ")));
        let count = understood_by_clients();
        evidence.add(format!(
            "{count} pairs of SDK client (Python, JavaScript, Rust) and binding report UNAUTHENTICATED as what it is"
        ));
    });
}

fn refused_callers() -> usize {
    let (key, sha256) = new_api_key();
    let (foreign, foreign_sha256) = new_api_key();
    let other = "organizations/default/plans/other";
    let plan =
        "  apiKey: {}\n  rateLimits:\n  - name: calls\n    requests: 1\n    period: 3600s\n    burst: 7\n";
    let manifest = Manifest::new().plan(KEY_PLAN, plan).plan(other, "  apiKey: {}\n");
    let manifest = manifest.consumers(&[("shop", KEY_PLAN, &sha256), ("guest", other, &foreign_sha256)]);
    let keyed = Script::new().plan(manifest, KEY_PLAN).fields("  limits:\n    maxBodyBytes: 1000\n").start();
    let (key, foreign) = ([("x-api-key", key.as_str())], [("x-api-key", foreign.as_str())]);
    let mut count = refused_everywhere(&keyed, "UNAUTHENTICATED", &[], send);
    let wrong = "sbx_nonsense";
    count += refused_everywhere(&keyed, "INVALID_CREDENTIAL", &[("x-api-key", wrong)], send);
    count += refused_everywhere(&keyed, "PERMISSION_DENIED", &foreign, send);
    let long = "x".repeat(2000);
    count += refused_everywhere(&keyed, "BODY_TOO_LARGE", &key, |target| {
        call(target.binding, target.version, Operation::Send(&long))
    });
    // The burst of seven is spent: six refusals above counted, and this is the seventh.
    let first = keyed.target(Binding::JsonRpc, "1.0");
    let _ = first.send(&send(&first), &key);
    count + refused_everywhere(&keyed, "RATE_LIMITED", &key, send)
}

fn unreachable() -> usize {
    let scripted = Script::new().start();
    let targets = scripted.targets();
    let gone = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let nowhere = gone.local_addr().expect("an address").to_string();
    drop(gone);
    // The cards stay known; the servers are gone.
    let fields =
        crate::agents::upstreams(ECHO, &format!("http://{nowhere}"), Some(&nowhere), KEYLESS_PLAN, "");
    let manifest = Manifest::new().keyless().raw_agent(ECHO, &fields);
    let gateway = DataPlane::standalone(&manifest);
    for target in &targets {
        let mut moved = target.clone();
        moved.address = gateway.address;
        let answer = moved.send(&send(&moved), &[]);
        assert_reason(&moved, &answer, "UPSTREAM_UNAVAILABLE", &moved.label());
    }
    targets.len()
}

/// Every client over every binding without the key that it would need; gives how many there are.
fn understood_by_clients() -> usize {
    let agent = Agent::full(Sdk::JavaScript1);
    let grpc = agent.grpc.as_deref().expect("the agent serves gRPC");
    let manifest = Manifest::new().api_key().agent_with_grpc(ECHO, &agent.url, grpc, KEY_PLAN);
    let gateway = DataPlane::standalone(&manifest);
    let bindings = Binding::ALL.map(Binding::name);
    let mut count = 0;
    for sdk in Sdk::ALL.into_iter().chain([Sdk::Rust]) {
        let client = Client::new(sdk, &gateway.own_host()).bindings(&bindings);
        let records = client.grpc(Some(&gateway.authority())).run(&["refused"]);
        assert_eq!(records.len(), bindings.len(), "{records:?}");
        for record in records {
            let told = record["error"].to_string();
            let names_it = ["401", "UNAUTHENTICATED", "needs a credential"];
            assert!(names_it.iter().any(|name| told.contains(name)), "{sdk:?}: {record}");
            count += 1;
        }
    }
    count
}

#[test]
fn e2_the_agents_errors() {
    statement("E2", |evidence| {
        let fixture = Fixture::start(&Kind::ALL);
        let mut comparison = Comparison::default();
        for kind in Kind::ALL {
            for (binding, version) in Binding::ALL
                .into_iter()
                .flat_map(|binding| kind.versions().iter().map(move |version| (binding, *version)))
            {
                let [direct, through] = [fixture.direct(kind), fixture.through(kind)].map(|side| {
                    let target = side.target(binding, version).expect("the card names the interface");
                    let done = target.run(Operation::Send("stream 1 1"));
                    let task = task_of(&done).expect("a task").0;
                    let unknown = "00000000-0000-4000-8000-000000000000";
                    let errors = [
                        Operation::Get(unknown),
                        Operation::Cancel(unknown),
                        Operation::Cancel(&task),
                        Operation::Send("fail"),
                    ];
                    errors.map(|operation| (operation.name(), target.run(operation).outcome()))
                });
                for ((name, direct), (_, through)) in direct.iter().zip(&through) {
                    comparison.add(
                        "call",
                        &format!("{} {} {version} {name}", kind.id(), binding.name()),
                        direct,
                        through,
                    );
                }
            }
        }
        let count = comparison.finish(evidence);
        evidence.add(format!(
            "{count} errors of {} SDK agents over all their bindings as direct",
            Kind::ALL.len()
        ));
        let count = scripted_errors();
        evidence.add(format!("{count} scripted answers from 200 to 503 byte for byte, Retry-After and WWW-Authenticate with them"));
    });
}

/// Answers of an agent that have to pass as they are.
const ANSWERS: [(&str, &str, &str); 6] = [
    (
        "200 OK",
        "",
        r#"{"jsonrpc":"2.0","id":7,"error":{"code":-31999,"message":"own \u00e9","data":[{"@type":"x","a":1.10}]}}"#,
    ),
    (
        "400 Bad Request",
        "",
        r#"{ "error": {"code":400,"status":"FAILED_PRECONDITION","message":"m","details":[{"n":12345678901234567890}]} }"#,
    ),
    ("401 Unauthorized", "www-authenticate: Bearer realm=\"agent\"", r#"{"error":"login"}"#),
    ("409 Conflict", "", r#"{"error":{"code":409}}"#),
    ("429 Too Many Requests", "retry-after: 17", r#"{"error":{"code":429}}"#),
    ("503 Service Unavailable", "retry-after: 120", r#"{"error":{"code":503}}"#),
];

fn scripted_errors() -> usize {
    let scripted = Script::new()
        .http(|request, stream| {
            let at: usize = request.header("x-answer").and_then(|value| value.parse().ok()).expect("an answer is chosen");
            let (status, header, body) = ANSWERS[at];
            let header = if header.is_empty() { String::new() } else { format!("{header}\r\n") };
            let head = format!("HTTP/1.1 {status}\r\ncontent-type: application/json\r\n{header}content-length: {}\r\n\r\n{body}", body.len());
            write(stream, head.as_bytes());
            Then::Keep
        })
        .start();
    let mut count = 0;
    for target in scripted.targets().iter().filter(|target| target.binding != Binding::Grpc) {
        for (at, (status, header, body)) in ANSWERS.iter().enumerate() {
            let got = target.send(&send(target), &[("x-answer", &at.to_string())]).http();
            assert_eq!(got.status().to_string(), status[..3], "{} {at}", target.label());
            assert_eq!(got.text(), *body, "{} {at}", target.label());
            if let Some((name, value)) = header.split_once(": ") {
                assert_eq!(got.head.get(name), Some(value), "{} {at}", target.label());
            }
            count += 1;
        }
    }
    count
}

#[test]
fn e3_grpc_details_and_trailers() {
    statement("E3", |evidence| {
        const TRAILERS: [(&str, &str); 5] = [
            ("grpc-status", "9"),
            ("grpc-message", "caf%C3%A9 %E2%82%AC 100%25"),
            ("grpc-status-details-bin", "CAkSA2ZvbxoOCgV0eXBlMRIFAAECAwQ"),
            ("x-own", "one, two"),
            ("x-own-bin", "AAECAw"),
        ];
        let scripted = Script::new()
            .grpc(|call, reply| match call.header("x-how") {
                Some("only") => reply.trailers_only(&TRAILERS),
                _ => {
                    reply.head(&[("x-early", "1"), ("x-early-bin", "BAUG")]);
                    reply.message(&crate::scripted::grpc_reply("first"));
                    reply.end(&TRAILERS);
                }
            })
            .start();
        let mut count = 0;
        for version in ["1.0", "0.3"] {
            let target = scripted.target(Binding::Grpc, version);
            for (how, operation) in [
                ("only", Operation::Send("x")),
                ("only", Operation::Stream("x")),
                ("late", Operation::Send("x")),
                ("late", Operation::Stream("x")),
            ] {
                let answer = target.send(&call(Binding::Grpc, version, operation), &[("x-how", how)]).grpc();
                for (name, value) in TRAILERS {
                    assert_eq!(answer.word(name), Some(value), "{how} {version} {operation:?}: {answer:?}");
                }
                if how == "late" {
                    assert_eq!(
                        system_tests::harness::grpc::find(&answer.headers, "x-early-bin"),
                        Some("BAUG")
                    );
                    assert_eq!(answer.messages, [crate::scripted::grpc_reply("first")]);
                }
                count += 1;
            }
        }
        evidence.add(format!("{count} calls, unary and streaming, trailers-only and after a message: status, message, details and own trailers as sent"));
        let direct = scripted.grpc.calls().len();
        assert_eq!(direct, count);
    });
}

#[test]
fn e4_the_id_is_echoed() {
    statement("E4", |evidence| {
        let refusing = Manifest::new().plan(KEYLESS_PLAN, "  keyless: {}\n  operations: [GetTask]\n");
        let scripted = Script::new().plan(refusing, KEYLESS_PLAN).start();
        let ids = ["1", "-7", "9007199254740993", "\"a\"", "\"\\u00e9 \\\" /\"", "\"\"", "null"];
        let mut count = 0;
        for (version, method) in
            [("1.0", "SendMessage"), ("0.3", "message/send"), ("1.0", "SendStreamingMessage")]
        {
            let target = scripted.target(Binding::JsonRpc, version);
            for id in ids {
                let body = format!(r#"{{"jsonrpc":"2.0","method":"{method}","id":{id},"params":{{}}}}"#);
                let got = target.bytes("POST", "", &[], body.as_bytes());
                let expected: Value = serde_json::from_str(id).expect("JSON");
                assert_eq!(got.json()["id"], expected, "{}", got.text());
                assert_eq!(got.error_code(), -32004, "{}", got.text());
                count += 1;
            }
        }
        evidence.add(format!(
            "{count} refusals carry the id as it came: numbers beyond 2^53, strings with escapes, null"
        ));
        let target = scripted.target(Binding::JsonRpc, "1.0");
        for body in ["{", "[]", "{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"GetTask\"}"] {
            let got = target.bytes("POST", "", &[], body.as_bytes());
            assert!(got.json()["id"].is_null(), "{}", got.text());
        }
        evidence.add("null where the body is no JSON object or names two ids");
    });
}
