//! gRPC callers and agents: what passes, who may call, how streams end, and what operators see.

mod hostile;
mod library;

use std::time::{Duration, Instant};

use serde_json::Value;
use system_tests::harness::{
    DataPlane, PATIENCE,
    grpc::{End, GrpcStream, GrpcUpstream, call, find},
    manifest::{KEY_PLAN, KEYLESS_PLAN, Manifest},
    tls::Authority,
    wait_until,
};
use tonic::Code;

use crate::common::new_api_key;
use library::{client, path, request};

const SEND: &str = "/lf.a2a.v1.A2AService/SendMessage";
const STREAM: &str = "/lf.a2a.v1.A2AService/SendStreamingMessage";
const GET_TASK: &str = "/lf.a2a.v1.A2AService/GetTask";
/// The host of the agent in these tests.
const HOST: &str = "echo.example";

/// A length-delimited field of protobuf, of less than 128 bytes.
fn field(number: u8, value: &[u8]) -> Vec<u8> {
    let length = u8::try_from(value.len()).expect("a short value");
    [&[number << 3 | 2, length], value].concat()
}

/// A `GetTaskRequest` of 1.0.
fn get_task(id: &str) -> Vec<u8> {
    field(2, id.as_bytes())
}

/// A `Task` of 1.0 that is completed.
fn task(id: &str) -> Vec<u8> {
    [field(1, id.as_bytes()), field(2, b"c-1"), field(3, &[8, 3])].concat()
}

/// An agent that knows every task but `unknown`, and streams three events and then, after a moment, nothing.
fn well_behaved() -> GrpcUpstream {
    GrpcUpstream::start(|request, reply| match request.method() {
        "SendStreamingMessage" | "SubscribeToTask" => {
            for _ in 0..3 {
                reply.message(&field(1, &task("t-1")));
            }
            if request.header("x-then") == Some("hang") {
                reply.wait_until_cancelled();
            }
            reply.end(&[("grpc-status", "0"), ("after-bin", "AAEC")]);
        }
        _ if request.messages[0] == get_task("unknown") => {
            reply.trailers_only(&[("grpc-status", "5"), ("grpc-message", "no such task")]);
        }
        _ if request.messages[0] == get_task("slow") => reply.wait_until_cancelled(),
        _ => {
            reply.head(&[("before", "yes")]);
            reply.message(&task("t-1"));
            reply.end(&[("grpc-status", "0"), ("after-bin", "AAEC")]);
        }
    })
}

fn fields(agent: &GrpcUpstream, plan: &str) -> String {
    format!(
        "  addresses:\n    hosts: [{HOST}]\n  upstreams:\n  - url: {}\n    bindings: [BINDING_GRPC]\n  plans: [{plan}]\n",
        agent.url()
    )
}

/// A data plane in front of one gRPC agent under a keyless plan.
fn in_front_of(agent: &GrpcUpstream) -> DataPlane {
    in_front_of_with(agent, &[])
}

fn in_front_of_with(agent: &GrpcUpstream, options: &[&str]) -> DataPlane {
    let manifest = Manifest::new().keyless().raw_agent("echo", &fields(agent, KEYLESS_PLAN));
    DataPlane::standalone_with(&manifest, options)
}

/// The next line of the access log.
fn access_line(gateway: &mut DataPlane) -> Value {
    loop {
        let line = gateway.process.json_line().expect("the data plane runs");
        if line["http.method"] == "POST" {
            return line;
        }
    }
}

fn runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime")
}

/// What a client library makes of it: a call, a stream, an error, a deadline.
async fn use_with_a_library(gateway: &DataPlane, tls: Option<&Authority>) {
    let mut client = client(gateway.address, HOST, tls).await;
    client.ready().await.expect("a connection");
    let answer = client.unary(request(get_task("t-1"), PATIENCE), path(GET_TASK), library::Bytes).await;
    let answer = answer.expect("a task");
    assert_eq!(answer.metadata().get("before").expect("metadata"), "yes");
    assert_eq!(*answer.get_ref(), task("t-1"));

    client.ready().await.expect("a connection");
    let answer =
        client.server_streaming(request(field(2, b""), PATIENCE), path(STREAM), library::Bytes).await;
    let mut events = answer.expect("a stream").into_inner();
    for _ in 0..3 {
        assert_eq!(events.message().await.expect("an event"), Some(field(1, &task("t-1"))));
    }
    assert_eq!(events.message().await.expect("an end"), None);
    let trailers = events.trailers().await.expect("trailers").expect("trailers");
    assert_eq!(&trailers.get_bin("after-bin").expect("a trailer").to_bytes().expect("base64")[..], [0, 1, 2]);

    client.ready().await.expect("a connection");
    let error = client
        .unary::<_, Vec<u8>, _>(request(get_task("unknown"), PATIENCE), path(GET_TASK), library::Bytes)
        .await
        .expect_err("no such task");
    assert_eq!((error.code(), error.message()), (Code::NotFound, "no such task"));

    client.ready().await.expect("a connection");
    let error = client
        .unary::<_, Vec<u8>, _>(
            tonic::Request::new(Vec::new()),
            path("/other.Service/Method"),
            library::Bytes,
        )
        .await
        .expect_err("another service");
    assert_eq!(error.code(), Code::Unimplemented);
    assert!(!error.details().is_empty());
}

#[test]
fn a_client_library_over_http_2_with_prior_knowledge() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    runtime().block_on(use_with_a_library(&gateway, None));
    assert_eq!(agent.calls().len(), 3);
    gateway.assert_calls("echo", 3);
}

#[test]
fn a_client_library_over_tls() {
    let (agent, authority) = (well_behaved(), Authority::new());
    let folder = tempfile::tempdir().expect("a temporary folder");
    let files = authority.issue(&[HOST], folder.path(), "echo");
    let listener = format!("127.0.0.1:0,cert={},key={}", files.certificate.display(), files.key.display());
    let gateway = in_front_of_with(&agent, &["--listen", &listener]);
    runtime().block_on(use_with_a_library(&gateway, Some(&authority)));
    assert_eq!(agent.calls().len(), 3);
}

#[test]
fn a_deadline_holds_for_caller_and_agent() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    let start = Instant::now();
    let answer = call(gateway.address, HOST, GET_TASK, &[("grpc-timeout", "700m")], &get_task("slow"));
    assert_eq!(answer.status(), Some(4), "{answer:?}");
    assert!(start.elapsed() >= Duration::from_millis(700), "{:?}", start.elapsed());
    let sent = agent.calls()[0].header("grpc-timeout").expect("what is left").to_owned();
    let left: u32 = sent.strip_suffix('m').and_then(|left| left.parse().ok()).expect("milliseconds");
    assert!((1..=700).contains(&left), "{sent}");
    wait_until("the agent hears of it", || (agent.open() == 0).then_some(()));
}

#[test]
fn a_key_admits_and_does_not_reach_the_agent() {
    let agent = well_behaved();
    let (key, sha256) = new_api_key();
    let manifest = Manifest::new().api_key().raw_agent("echo", &fields(&agent, KEY_PLAN));
    let mut gateway = DataPlane::standalone(&manifest.consumer_with_key("shop", KEY_PLAN, &sha256));

    let refused = call(gateway.address, HOST, GET_TASK, &[], &get_task("t-1"));
    assert_eq!((refused.http_status, refused.status()), (200, Some(16)), "{refused:?}");
    assert!(find(&refused.headers, "www-authenticate").is_some(), "{refused:?}");
    let line = access_line(&mut gateway);
    assert_eq!((&line["outcome"], &line["error"]), (&"denied".into(), &"UNAUTHENTICATED".into()), "{line}");

    let answer = call(gateway.address, HOST, GET_TASK, &[("x-api-key", &key)], &get_task("t-1"));
    assert_eq!((answer.status(), &answer.messages[..]), (Some(0), &[task("t-1")][..]), "{answer:?}");
    assert_eq!(agent.calls()[0].header("x-api-key"), None);
    let line = access_line(&mut gateway);
    for (name, value) in [
        ("a2a.operation", "GetTask"),
        ("a2a.method", "lf.a2a.v1.A2AService/GetTask"),
        ("a2a.binding", "GRPC"),
        ("a2a.version", "1.0"),
        ("a2a.task.id", "t-1"),
        ("a2a.context.id", "c-1"),
        ("a2a.task.state", "completed"),
        ("agent", "echo"),
        ("consumer", "shop"),
        ("outcome", "success"),
    ] {
        assert_eq!(line[name], value, "{name} in {line}");
    }
    let _ = call(gateway.address, HOST, GET_TASK, &[("x-api-key", &key)], &get_task("unknown"));
    let line = access_line(&mut gateway);
    assert_eq!(
        (&line["outcome"], &line["a2a.response.error_code"]),
        (&"agent_error".into(), &5.into()),
        "{line}"
    );
}

#[test]
fn a_rate_limit_is_told_in_metadata() {
    let agent = well_behaved();
    let limit = "  keyless: {}\n  rateLimits:\n  - name: few\n    requests: 1\n    period: 3600s\n";
    let manifest = Manifest::new().plan(KEYLESS_PLAN, limit).raw_agent("echo", &fields(&agent, KEYLESS_PLAN));
    let gateway = DataPlane::standalone(&manifest);
    let first = call(gateway.address, HOST, GET_TASK, &[], &get_task("t-1"));
    assert_eq!(first.status(), Some(0), "{first:?}");
    assert!(find(&first.headers, "ratelimit").is_some(), "{first:?}");
    let second = call(gateway.address, HOST, GET_TASK, &[], &get_task("t-1"));
    assert_eq!((second.http_status, second.status()), (200, Some(8)), "{second:?}");
    for name in ["ratelimit", "retry-after", "grpc-status-details-bin"] {
        assert!(find(&second.headers, name).is_some(), "{name} in {second:?}");
    }
}

#[test]
fn a_stream_whose_caller_leaves_ends_at_the_agent_within_a_second() {
    let agent = well_behaved();
    let mut gateway = in_front_of(&agent);
    let mut stream = GrpcStream::open(gateway.address, HOST, STREAM, &[("x-then", "hang")], &field(2, b""));
    for _ in 0..3 {
        assert_eq!(stream.message(), Ok(field(1, &task("t-1"))));
    }
    assert_eq!(agent.open(), 1);
    let start = Instant::now();
    drop(stream);
    wait_until("the agent hears of it", || (agent.open() == 0).then_some(()));
    assert!(start.elapsed() < Duration::from_secs(1), "{:?}", start.elapsed());
    let line = access_line(&mut gateway);
    assert_eq!((&line["outcome"], &line["a2a.events"]), (&"client_gone".into(), &3.into()), "{line}");
}

#[test]
fn a_stream_that_has_to_end_ends_with_a_status() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    let mut stream = GrpcStream::open(gateway.address, HOST, STREAM, &[("x-then", "hang")], &field(2, b""));
    for _ in 0..3 {
        stream.message().expect("an event");
    }
    gateway.replace_manifest(&Manifest::new().keyless().yaml());
    let Err(End::Trailers(trailers)) = stream.message() else { panic!("neither an event nor a reset") };
    assert_eq!(find(&trailers, "grpc-status"), Some("14"), "{trailers:?}");
    assert!(find(&trailers, "grpc-message").is_some_and(|message| message.contains("stopped or removed")));
    wait_until("the agent hears of it", || (agent.open() == 0).then_some(()));
    let after = call(gateway.address, HOST, SEND, &[], &field(2, b""));
    assert_eq!((after.http_status, after.status()), (200, Some(5)), "{after:?}");
}

#[test]
fn both_packages_reach_one_agent() {
    let agent = well_behaved();
    let gateway = in_front_of(&agent);
    for method in ["/a2a.v1.A2AService/GetTask", GET_TASK, "/a2a.v1.A2AService/Invented"] {
        let answer = call(gateway.address, HOST, method, &[], &field(1, b"tasks/t-1"));
        assert_eq!(answer.status(), Some(0), "{method}: {answer:?}");
    }
    let paths: Vec<_> = agent.calls().iter().map(|call| call.path.clone()).collect();
    assert_eq!(paths, ["/a2a.v1.A2AService/GetTask", GET_TASK, "/a2a.v1.A2AService/Invented"]);
}

#[test]
fn a_stream_that_outlives_the_drain_ends_with_a_status() {
    let agent = well_behaved();
    let mut gateway = in_front_of_with(&agent, &["--drain-delay", "0s", "--drain-timeout", "1s"]);
    let mut stream = GrpcStream::open(gateway.address, HOST, STREAM, &[("x-then", "hang")], &field(2, b""));
    for _ in 0..3 {
        stream.message().expect("an event");
    }
    gateway.process.terminate();
    let Err(End::Trailers(trailers)) = stream.message() else { panic!("neither an event nor a reset") };
    assert_eq!(find(&trailers, "grpc-status"), Some("14"), "{trailers:?}");
    assert!(find(&trailers, "grpc-message").is_some_and(|message| message.contains("shutting down")));
    assert!(gateway.process.wait(PATIENCE).success());
}
