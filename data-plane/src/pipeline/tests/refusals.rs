//! Requests that are refused before they reach an agent.

use super::*;

async fn gateway() -> Fixture {
    Fixture::new(&Agent::with_card(|_| result()).await).await
}

#[tokio::test]
async fn a_request_with_two_hosts_is_refused() {
    let answer = gateway().await.post("host: other\r\n", &call("message/send")).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(answer.contains("INVALID_REQUEST"), "{answer}");
}

#[tokio::test]
async fn a_body_that_the_client_holds_back_is_not_awaited_on_the_same_connection() {
    let head = "POST /a2a/nobody HTTP/1.1\r\nhost: h\r\nexpect: 100-continue\r\ncontent-length: 40\r\n\r\n";
    let smuggled = "GET /a2a/echo/ HTTP/1.1\r\nhost: h\r\n\r\n";
    let gateway = gateway().await;
    let mut stream = gateway.send(head, "").await;
    let first = until(&mut stream, "\r\n\r\n").await;
    assert!(first.starts_with("HTTP/1.1 404 "), "not asked for the body: {first}");
    assert!(first.contains("connection: close\r\n"), "{first}");
    // Whatever comes next is answered by nobody.
    let _ = stream.write_all(smuggled.as_bytes()).await;
    let after = rest(&mut stream).await;
    assert!(!after.contains("HTTP/1.1"), "{after}");
}

#[tokio::test]
async fn a_small_body_of_a_refused_request_is_read_away() {
    let gateway = gateway().await;
    let body = "x".repeat(16 * 1024);
    let head = format!("POST /a2a/nobody HTTP/1.1\r\nhost: h\r\ncontent-length: {}\r\n\r\n", body.len());
    let mut stream = gateway.send(&head, &body).await;
    let first = until(&mut stream, "NOT_FOUND").await;
    assert!(!first.contains("connection: close"), "{first}");
    let next = "GET /a2a/nobody HTTP/1.1\r\nhost: h\r\nconnection: close\r\n\r\n";
    stream.write_all(next.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.contains("HTTP/1.1 404 "));
}

#[tokio::test]
async fn a_large_body_of_a_refused_request_closes_its_connection() {
    let gateway = gateway().await;
    let head = "POST /a2a/nobody HTTP/1.1\r\nhost: h\r\ncontent-length: 16385\r\n\r\n";
    let mut stream = gateway.send(head, "x").await;
    let first = until(&mut stream, "\r\n\r\n").await;
    assert!(first.contains("connection: close\r\n"), "{first}");
}

#[tokio::test]
async fn bodies_beyond_the_budget_are_refused_and_what_was_taken_is_given_back() {
    let gateway = gateway().await;
    let body = "x".repeat(1024 * 1024 + 1);
    let answer = gateway.post("", &body).await;
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("OVERLOADED"), "{answer}");
    gateway.workers.idle().await;
    assert_eq!(gateway.gateway.budget.used_bytes(), 0);
    assert!(gateway.post("", &call("message/send")).await.starts_with("HTTP/1.1 200 "));
}

#[tokio::test]
async fn a_client_that_waits_to_be_asked_for_its_body_is_asked() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = Fixture::new(&agent).await;
    let body = call("message/send");
    let head = format!(
        "POST /a2a/echo HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\nexpect: 100-continue\r\n\
         connection: close\r\ncontent-length: {}\r\n\r\n",
        body.len()
    );
    let mut stream = gateway.send(&head, "").await;
    assert_eq!(until(&mut stream, "\r\n\r\n").await, "HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(body.as_bytes()).await.unwrap();
    assert!(rest(&mut stream).await.starts_with("HTTP/1.1 200 "));
    assert!(!agent.requests().pop().unwrap().contains("expect"));
}

#[tokio::test]
async fn the_agent_gets_one_length_and_no_framing_of_the_callers() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = Fixture::new(&agent).await;
    let body = call("message/send");
    let head = "POST /a2a/echo HTTP/1.1\r\nhost: h\r\ncontent-type: application/json\r\nte: trailers\r\n\
                connection: close, te\r\ntransfer-encoding: chunked\r\ntrailer: x-late\r\n\r\n";
    let chunks = format!("{:x};ext=1\r\n{body}\r\n0\r\nx-late: 1\r\n\r\n", body.len());
    assert!(rest(&mut gateway.send(head, &chunks).await).await.starts_with("HTTP/1.1 200 "));
    let arrived = agent.requests().pop().unwrap();
    let (head, arrived_body) = arrived.split_once("\r\n\r\n").unwrap();
    assert_eq!(arrived_body, body);
    assert_eq!(head.matches("content-length: ").count(), 1, "{head}");
    for name in ["transfer-encoding", "trailer", "te:", "x-late", "connection"] {
        assert!(!head.contains(&format!("\n{name}")), "{head}");
    }
}

#[tokio::test]
async fn lengths_that_contradict_one_another_reach_nobody() {
    let agent = Agent::with_card(|_| result()).await;
    let gateway = Fixture::new(&agent).await;
    let head = "POST /a2a/echo HTTP/1.1\r\nhost: h\r\ncontent-length: 2\r\ncontent-length: 40\r\n\r\n";
    let answer = rest(&mut gateway.send(head, "{}").await).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(agent.requests().is_empty());
}

#[tokio::test]
async fn a_call_that_is_refused_unread_is_answered_in_the_version_that_its_head_names() {
    let gateway = gateway().await;
    for (header, is_typed) in [("", false), ("a2a-version: 0.3\r\n", false), ("a2a-version: 1.0\r\n", true)] {
        let head = format!("GET /a2a/echo HTTP/1.1\r\nhost: h\r\n{header}connection: close\r\n\r\n");
        let answer = rest(&mut gateway.send(&head, "").await).await;
        assert!(answer.starts_with("HTTP/1.1 405 "), "{answer}");
        assert_eq!(answer.contains("\"data\":[{\"@type\""), is_typed, "{header}: {answer}");
    }
}
