//! What becomes of an agent's answers.

use super::*;

#[tokio::test]
async fn an_answer_does_not_show_where_the_agent_is() {
    let agent = Agent::with_card(|_| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\nlocation: http://10.0.0.7/x\r\n\
                    content-location: http://10.0.0.7/\r\nlink: <http://10.0.0.7/>\r\nvia: 1.1 lb.internal\r\n\
                    set-cookie: s=1; Domain=lb.internal; Path=/\r\na2a-extensions: urn:x\r\n";
        let (answer, then) = result();
        (answer.replace(JSON_HEAD, head), then)
    })
    .await;
    let answer = Fixture::new(&agent).await.post("", &call("message/send")).await;
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(!answer.contains("10.0.0.7") && !answer.contains("internal"), "{answer}");
    assert!(answer.contains("set-cookie: s=1; Path=/\r\n"), "{answer}");
    assert!(answer.contains("a2a-extensions: urn:x\r\n"), "{answer}");
}

#[tokio::test]
async fn redirects_are_neither_followed_nor_shown() {
    let agent = Agent::with_card(|_| {
        ("HTTP/1.1 307 Moved\r\nlocation: http://10.0.0.7/\r\ncontent-length: 0\r\n\r\n".into(), Then::Keep)
    })
    .await;
    let answer = Fixture::new(&agent).await.post("", &call("message/send")).await;
    assert!(answer.contains("-32006") && !answer.contains("10.0.0.7"), "{answer}");
    assert_eq!(agent.requests().iter().filter(|request| request.starts_with("POST ")).count(), 1);
}

#[tokio::test]
async fn an_extended_card_in_an_event_does_not_go_out_as_it_is() {
    let agent = Agent::with_card(|_| {
        let event = r#"data: {"jsonrpc":"2.0","id":1,"result":{"url":"http://10.0.0.7/"}}"#;
        (format!("{STREAM_HEAD}{event}\n\n"), Then::Close)
    })
    .await;
    let gateway = Fixture::new(&agent).await;
    let answer = gateway.post("accept-encoding: br\r\n", &call("agent/getAuthenticatedExtendedCard")).await;
    assert!(answer.contains("-32006") && !answer.contains("10.0.0.7"), "{answer}");
    let arrived = agent.requests().pop().unwrap();
    assert!(arrived.contains("accept-encoding: gzip, identity\r\n"), "only what is read: {arrived}");
}

#[tokio::test]
async fn an_answer_that_stands_still_instead_of_a_stream_is_given_up() {
    let agent = Agent::with_card(|_| (format!("{JSON_HEAD}content-length: 99\r\n\r\n{{"), Then::Hang)).await;
    let gateway = Fixture::with(&agent, "", "  limits:\n    unaryTimeout: 1s\n").await;
    let answer = gateway.post("", &call("message/stream")).await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert!(answer.contains("UPSTREAM_TIMEOUT"), "{answer}");
}

#[tokio::test]
async fn an_error_of_the_agents_server_passes_as_it_is() {
    let agent = Agent::with_card(|_| {
        let head = "HTTP/1.1 429 Slow Down\r\ncontent-type: text/plain\r\nretry-after: 7\r\n";
        (format!("{head}content-length: 4\r\n\r\nwait"), Then::Keep)
    })
    .await;
    let answer = Fixture::new(&agent).await.post("", &call("message/send")).await;
    assert!(answer.starts_with("HTTP/1.1 429 "), "{answer}");
    assert!(answer.contains("retry-after: 7\r\n") && answer.ends_with("\r\n\r\nwait"), "{answer}");
}

#[tokio::test]
async fn a_large_answer_that_breaks_off_breaks_off_for_the_caller_too() {
    let agent = Agent::with_card(|_| {
        let start = "x".repeat(70 * 1024);
        (format!("{JSON_HEAD}content-length: 99999\r\n\r\n{start}"), Then::Close)
    })
    .await;
    let gateway = Fixture::new(&agent).await;
    let answer = gateway.post("", &call("message/send")).await;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-length: 99999") && body.len() < 99_999, "{head}");
    gateway.workers.idle().await;
    let metrics = gateway.metrics();
    let counted =
        |line: &&str| line.contains("upstream_error") && line.contains("echo") && line.ends_with(" 1");
    assert!(metrics.lines().any(|line| counted(&line)), "{metrics}");
}
