//! gRPC calls: what passes, what is refused, and how answers end.

mod agent;
mod client;
mod ownership;
mod permits;
mod refusals;
mod streams;

use std::time::Duration;

use agent::{GrpcAgent, Script};
use client::{Caller, Heard};
use http::HeaderMap;

use super::*;

const SEND: &str = "/lf.a2a.v1.A2AService/SendMessage";
const STREAM: &str = "/lf.a2a.v1.A2AService/SendStreamingMessage";
const GET_TASK: &str = "/lf.a2a.v1.A2AService/GetTask";

/// The address of the agent in these tests, by which alone gRPC finds it.
const HOST: &str = "echo.test";

/// A message with its prefix.
fn framed(payload: &[u8]) -> Vec<u8> {
    let mut framed = crate::stream::grpc::frame::prefix(payload.len()).unwrap().to_vec();
    framed.extend_from_slice(payload);
    framed
}

/// A length-delimited field of protobuf, of less than 128 bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let mut field = vec![number << 3 | 2, u8::try_from(value.len()).unwrap()];
    field.extend_from_slice(value);
    field
}

/// A `GetTaskRequest` of 1.0 for this task.
fn get_task(id: &str) -> Vec<u8> {
    framed(&field(2, id.as_bytes()))
}

/// A `Task` of 1.0 that is completed (3).
fn task(id: &str, context: &str) -> Vec<u8> {
    let status = field(3, &[1 << 3, 3]);
    [field(1, id.as_bytes()), field(2, context.as_bytes()), status].concat()
}

/// A `StreamResponse` of 1.0 with a task.
fn event(id: &str) -> Vec<u8> {
    framed(&field(1, &task(id, "c")))
}

fn pairs(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let pair = |(name, value): &(&'static str, &'static str)| {
        (http::HeaderName::from_static(name), http::HeaderValue::from_static(value))
    };
    pairs.iter().map(pair).collect()
}

/// A gateway in front of a gRPC agent, and a caller.
async fn in_front_of(agent: &GrpcAgent) -> (Fixture, Caller) {
    with(agent, "").await
}

async fn with(agent: &GrpcAgent, fields: &str) -> (Fixture, Caller) {
    with_upstream(agent, "    bindings: [BINDING_GRPC]\n", fields).await
}

async fn with_upstream(agent: &GrpcAgent, upstream: &str, fields: &str) -> (Fixture, Caller) {
    let played = Agent { address: agent.address, requests: Arc::default() };
    let fields = format!("  addresses:\n    hosts: [{HOST}]\n{fields}");
    let gateway = Fixture::with(&played, upstream, &fields).await;
    let caller = Caller::connect(gateway.address).await;
    (gateway, caller)
}

/// The trailers of a success.
fn ok() -> HeaderMap {
    pairs(&[("grpc-status", "0")])
}

#[tokio::test]
async fn a_unary_call_passes_byte_for_byte() {
    let trailers = pairs(&[("grpc-status", "0"), ("grpc-message", "%F0%9F"), ("after-bin", "AP8")]);
    let answered = framed(&task("t-1", "c-1"));
    let agent = GrpcAgent::start(vec![
        Script::Head(pairs(&[
            ("a2a-extensions", "https://e.test/1"),
            ("before-bin", "AAEC"),
            ("grpc-encoding", "identity"),
        ])),
        Script::Data(answered.clone()),
        Script::Trailers(trailers.clone()),
    ])
    .await;
    let (gateway, mut caller) = in_front_of(&agent).await;
    let sent = pairs(&[
        ("a2a-version", "1.0"),
        ("a2a-extensions", "https://e.test/1"),
        ("trace-bin", "AAECAw"),
        ("user-agent", "grpc-test/1"),
        ("content-type", "application/grpc+proto"),
        ("grpc-accept-encoding", "identity, gzip"),
        ("connection", "x-secret"),
        ("x-forwarded-for", "10.0.0.1"),
    ]);
    let heard = caller.call(GET_TASK, sent, &get_task("t-1")).await;
    assert_eq!((heard.status, &heard.data), (200, &answered));
    assert_eq!(heard.trailers, Some(trailers));
    assert_eq!(heard.headers["content-type"], "application/grpc");
    assert_eq!(heard.headers["before-bin"], "AAEC");
    assert_eq!(heard.headers["a2a-extensions"], "https://e.test/1");

    let asked = agent.calls().remove(0);
    assert_eq!((&*asked.path, &asked.body), (GET_TASK, &get_task("t-1")));
    assert_eq!(asked.authority, agent.address.to_string());
    for (name, value) in [
        ("a2a-version", "1.0"),
        ("a2a-extensions", "https://e.test/1"),
        ("trace-bin", "AAECAw"),
        ("user-agent", "grpc-test/1"),
        ("content-type", "application/grpc+proto"),
        ("grpc-accept-encoding", "identity, gzip"),
        ("te", "trailers"),
        ("x-forwarded-for", "10.0.0.1, 127.0.0.1"),
    ] {
        assert_eq!(asked.headers[name], value, "{name}");
    }
    assert!(!asked.headers.contains_key("grpc-timeout"));
    assert_eq!(gateway.gateway.budget.used_bytes(), 0);
}

#[tokio::test]
async fn the_agents_own_errors_pass_as_they_are() {
    let error = pairs(&[
        ("grpc-status", "5"),
        ("grpc-message", "no such task"),
        ("grpc-status-details-bin", "CAUSDG5vIHN1Y2ggdGFzaw"),
    ]);
    for script in [
        vec![Script::Only(error.clone())],
        vec![Script::Head(HeaderMap::new()), Script::Trailers(error.clone())],
    ] {
        let agent = GrpcAgent::start(script).await;
        let (_gateway, mut caller) = in_front_of(&agent).await;
        let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task("t")).await;
        for (name, value) in &error {
            assert_eq!(heard.word(name.as_str()), Some(value), "{name}");
        }
        assert_eq!(heard.status, 200);
    }
}

#[tokio::test]
async fn a_large_answer_passes_with_its_trailers() {
    let answered = framed(&vec![7; 300_000]);
    let agent = GrpcAgent::start(vec![
        Script::Head(HeaderMap::new()),
        Script::Data(answered.clone()),
        Script::Trailers(ok()),
    ])
    .await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task("t")).await;
    assert!(heard.data == answered);
    assert_eq!(heard.trailers, Some(ok()));
}

#[tokio::test]
async fn unknown_methods_of_the_services_pass_and_may_stream() {
    let agent = GrpcAgent::start(vec![
        Script::Head(HeaderMap::new()),
        Script::Data(framed(b"1")),
        Script::Data(framed(b"2")),
        Script::Trailers(ok()),
    ])
    .await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    let heard = caller.call("/a2a.v1.A2AService/Later", HeaderMap::new(), &framed(b"")).await;
    assert_eq!(heard.data, [framed(b"1"), framed(b"2")].concat());
    assert_eq!(heard.trailers, Some(ok()));
    assert_eq!(agent.calls()[0].path, "/a2a.v1.A2AService/Later");
}

#[tokio::test]
async fn the_deadline_of_the_caller_is_sent_on_and_kept() {
    let agent = GrpcAgent::start(vec![Script::Hang]).await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    let start = crate::clock::now();
    let heard = caller.call(GET_TASK, pairs(&[("grpc-timeout", "300m")]), &get_task("t")).await;
    let took = crate::clock::now() - start;
    assert_eq!(heard.word("grpc-status").unwrap(), "4");
    assert_eq!(heard.reason(), "DEADLINE_EXCEEDED");
    assert!((Duration::from_millis(300)..Duration::from_secs(5)).contains(&took), "{took:?}");
    let sent = agent.calls()[0].headers["grpc-timeout"].to_str().unwrap().to_owned();
    let left: u32 = sent.strip_suffix('m').unwrap().parse().unwrap();
    assert!((1..=300).contains(&left), "{sent}");
}

#[tokio::test]
async fn the_agents_own_limit_is_kept_where_it_is_shorter() {
    let agent = GrpcAgent::start(vec![Script::Hang]).await;
    let (_gateway, mut caller) = with(&agent, "  limits:\n    unaryTimeout: 1s\n").await;
    let heard = caller.call(GET_TASK, pairs(&[("grpc-timeout", "1H")]), &get_task("t")).await;
    assert_eq!(
        (heard.word("grpc-status").unwrap(), &*heard.reason()),
        (&"4".parse().unwrap(), "UPSTREAM_TIMEOUT")
    );
}

#[tokio::test]
async fn what_is_no_grpc_becomes_a_status() {
    for (status, content_type, grpc, reason) in [
        (401, "text/html", "16", None),
        (404, "text/html", "12", None),
        (503, "application/grpc", "14", None),
        (500, "application/json", "2", None),
        (302, "text/html", "2", None),
        (200, "application/json", "13", Some("INVALID_AGENT_RESPONSE")),
    ] {
        let agent = GrpcAgent::start(vec![Script::Foreign(status, content_type)]).await;
        let (_gateway, mut caller) = in_front_of(&agent).await;
        let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task("t")).await;
        assert_eq!(
            (heard.status, heard.word("grpc-status").unwrap().to_str().unwrap()),
            (200, grpc),
            "{status}"
        );
        assert_eq!(heard.headers["content-type"], "application/grpc");
        assert!(heard.data.is_empty() && !heard.headers.contains_key("location"));
        if status == 401 {
            assert_eq!(heard.headers["www-authenticate"], "Basic");
        }
        if let Some(reason) = reason {
            assert_eq!(heard.reason(), reason);
        }
    }
}

#[tokio::test]
async fn unary_answers_that_break_off_are_errors() {
    let half = framed(b"0123456789")[..8].to_vec();
    for (script, status) in [
        (vec![Script::Head(HeaderMap::new()), Script::Reset], "14"),
        (vec![Script::Head(HeaderMap::new()), Script::Data(half.clone()), Script::Reset], "14"),
        (vec![Script::Head(HeaderMap::new()), Script::Data(half.clone()), Script::Trailers(ok())], "13"),
        (vec![Script::Head(HeaderMap::new()), Script::Data(half)], "13"),
        (
            vec![
                Script::Head(HeaderMap::new()),
                Script::Data(framed(b"")),
                Script::Trailers(pairs(&[("x", "y")])),
            ],
            "13",
        ),
    ] {
        let agent = GrpcAgent::start(script).await;
        let (_gateway, mut caller) = in_front_of(&agent).await;
        let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task("t")).await;
        assert_eq!((heard.status, heard.word("grpc-status").unwrap().to_str().unwrap()), (200, status));
        assert!(heard.data.is_empty() && !heard.is_reset);
    }
}

#[tokio::test]
async fn an_extended_card_is_rewritten_like_a_public_one() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let card = |authority: &str| {
        let interface = [field(1, authority.as_bytes()), field(2, b"GRPC"), field(4, b"1.0")].concat();
        [field(1, b"Echo"), field(3, &interface), field(15, b"unknown")].concat()
    };
    let script =
        vec![Script::Head(HeaderMap::new()), Script::Data(framed(&card(&address))), Script::Trailers(ok())];
    let agent = GrpcAgent::at(listener, script);
    let (gateway, mut caller) = in_front_of(&agent).await;
    let heard =
        caller.call("/lf.a2a.v1.A2AService/GetExtendedAgentCard", HeaderMap::new(), &framed(b"")).await;
    assert_eq!(heard.trailers, Some(ok()), "{heard:?}");
    let served = card(&format!("{HOST}:{}", gateway.address.port()));
    assert_eq!(heard.data, framed(&served), "{}", String::from_utf8_lossy(&heard.data));
    assert_eq!(agent.calls()[0].headers["grpc-accept-encoding"], "identity");
}

#[tokio::test]
async fn one_server_takes_json_rpc_over_http1_and_grpc_over_http2() {
    let answered = framed(&task("t-1", "c-1"));
    let script = vec![Script::Head(HeaderMap::new()), Script::Data(answered.clone()), Script::Trailers(ok())];
    let agent = GrpcAgent::start(script).await;
    for upstream in ["", "    bindings: [BINDING_JSONRPC, BINDING_GRPC]\n"] {
        let (gateway, mut caller) = with_upstream(&agent, upstream, "").await;
        let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task("t-1")).await;
        assert_eq!((heard.data, heard.trailers), (answered.clone(), Some(ok())), "{upstream}");
        assert_eq!(agent.calls().pop().unwrap().path, GET_TASK);
        let answer = gateway.post("a2a-version: 1.0\r\n", &call("GetTask")).await;
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
        let card = gateway.card("").await;
        let authority = format!("\"{HOST}:{}\"", gateway.address.port());
        assert!(card.contains(&authority) && !card.contains(&agent.address.to_string()), "{card}");
    }
}

#[tokio::test]
async fn an_agent_without_grpc_says_so() {
    let agent = GrpcAgent::start(vec![Script::Hang]).await;
    for upstream in ["    bindings: [BINDING_JSONRPC]\n", "    protocol: UPSTREAM_PROTOCOL_HTTP1\n"] {
        let (_gateway, mut caller) = with_upstream(&agent, upstream, "").await;
        let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task("t-1")).await;
        assert_eq!(
            (heard.word("grpc-status").unwrap(), &*heard.reason()),
            (&"12".parse().unwrap(), "METHOD_NOT_FOUND")
        );
    }
    assert_eq!(agent.calls().len(), 0);
}

#[tokio::test]
async fn a_card_before_an_error_is_not_passed_on() {
    let card = [field(1, b"Echo"), field(3, &field(1, b"127.0.0.1:1"))].concat();
    let error = pairs(&[("grpc-status", "9")]);
    let script =
        vec![Script::Head(HeaderMap::new()), Script::Data(framed(&card)), Script::Trailers(error.clone())];
    let agent = GrpcAgent::start(script).await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    let heard = caller.call("/a2a.v1.A2AService/GetAgentCard", HeaderMap::new(), &framed(b"")).await;
    assert_eq!((heard.trailers, heard.data), (Some(error), Vec::new()));
}
