//! Calls that are refused before they reach an agent: with a gRPC status, whatever is wrong.

use super::*;

async fn answering() -> GrpcAgent {
    GrpcAgent::start(vec![
        Script::Head(HeaderMap::new()),
        Script::Data(framed(&task("t", "c"))),
        Script::Trailers(ok()),
    ])
    .await
}

/// An answer of headers alone, with HTTP 200.
#[track_caller]
fn assert_refused(heard: &Heard, status: &str, reason: &str) {
    assert_eq!((heard.status, heard.headers["content-type"].to_str().unwrap()), (200, "application/grpc"));
    assert_eq!((heard.headers["grpc-status"].to_str().unwrap(), &*heard.reason()), (status, reason));
    assert!(heard.data.is_empty() && heard.trailers.is_none() && !heard.is_reset);
}

#[tokio::test]
async fn only_the_services_of_a2a_are_forwarded() {
    let agent = answering().await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    for path in [
        "/grpc.health.v1.Health/Check",
        "/lf.a2a.v1.A2AService",
        "/lf.a2a.v1.A2AService/",
        "/lf.a2a.v1.A2AService/Get/Task",
        "/lf.a2a.v2.A2AService/GetTask",
        "/.well-known/agent-card.json",
        "/",
    ] {
        let heard = caller.call(path, HeaderMap::new(), &get_task("t")).await;
        assert_refused(&heard, "12", "METHOD_NOT_FOUND");
    }
    let nobody = caller.send("POST", "nobody.test", GET_TASK, HeaderMap::new(), &get_task("t")).await;
    assert_refused(&client::hear(nobody).await, "5", "NOT_FOUND");
    assert_eq!(agent.calls().len(), 0);
}

#[tokio::test]
async fn a_call_is_one_message_that_is_not_compressed() {
    let agent = answering().await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    let whole = get_task("t");
    let mut compressed = whole.clone();
    compressed[0] = 1;
    let heard = caller.call(GET_TASK, pairs(&[("grpc-encoding", "gzip")]), &compressed).await;
    assert_refused(&heard, "12", "COMPRESSED_MESSAGE");
    assert_eq!(heard.headers["grpc-accept-encoding"], "identity");
    for body in [
        Vec::new(),
        whole[..3].to_vec(),
        whole[..whole.len() - 1].to_vec(),
        [&whole[..], &whole[..]].concat(),
        [&whole[..], &[0]].concat(),
        vec![0, 0xff, 0xff, 0xff, 0xff, 1],
        vec![2, 0, 0, 0, 0],
        framed(&[0xff]),
    ] {
        let heard = caller.call(GET_TASK, HeaderMap::new(), &body).await;
        assert_refused(&heard, "3", "INVALID_REQUEST");
    }
    assert_eq!(agent.calls().len(), 0);
}

#[tokio::test]
async fn heads_that_are_no_grpc_are_refused() {
    let agent = answering().await;
    let (_gateway, mut caller) = in_front_of(&agent).await;
    for (headers, reason) in [
        (pairs(&[("content-type", "application/grpc+json")]), "INVALID_REQUEST"),
        (pairs(&[("content-encoding", "gzip")]), "UNSUPPORTED_ENCODING"),
        (pairs(&[("grpc-timeout", "1 second")]), "INVALID_REQUEST"),
    ] {
        let heard = caller.call(GET_TASK, headers, &get_task("t")).await;
        assert_refused(&heard, "3", reason);
    }
    let got = caller.send("GET", HOST, GET_TASK, HeaderMap::new(), b"").await;
    assert_refused(&client::hear(got).await, "12", "METHOD_NOT_ALLOWED");
    let late = caller.call(GET_TASK, pairs(&[("grpc-timeout", "0n")]), &get_task("t")).await;
    assert_refused(&late, "4", "DEADLINE_EXCEEDED");
    assert_eq!(agent.calls().len(), 0);
}

#[tokio::test]
async fn grpc_over_http1_is_refused_so_that_people_can_read_it() {
    let agent = answering().await;
    let (gateway, _caller) = in_front_of(&agent).await;
    let head = format!(
        "POST {GET_TASK} HTTP/1.1\r\nhost: {HOST}\r\ncontent-type: application/grpc\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
    );
    let answer = rest(&mut gateway.send(&head, "").await).await;
    assert!(answer.starts_with("HTTP/1.1 505 ") && answer.contains("HTTP_VERSION_NOT_SUPPORTED"), "{answer}");
}

#[tokio::test]
async fn a_body_that_is_too_large_is_refused() {
    let agent = answering().await;
    let (_gateway, mut caller) = with(&agent, "  limits:\n    maxBodyBytes: 1024\n").await;
    let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task(&"x".repeat(100))).await;
    assert_eq!(heard.word("grpc-status").unwrap(), "0");
    let heard = caller.call(SEND, HeaderMap::new(), &framed(&[0; 1024])).await;
    assert_refused(&heard, "8", "BODY_TOO_LARGE");
}

#[tokio::test]
async fn an_agent_that_is_away_is_unavailable() {
    let agent = answering().await;
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let mut gone = agent;
    gone.address = listener.local_addr().unwrap();
    drop(listener);
    let (_gateway, mut caller) = in_front_of(&gone).await;
    let heard = caller.call(GET_TASK, HeaderMap::new(), &get_task("t")).await;
    assert_refused(&heard, "14", "UPSTREAM_UNAVAILABLE");
    assert_eq!(heard.headers["retry-after"], "1");
}
