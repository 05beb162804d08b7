use tokio::sync::mpsc;

use super::*;

const ANSWER: &str = "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok";
/// The same, in a form that is complete only when its body has been read.
const CHUNKED: &str = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";

#[tokio::test]
async fn a_connection_read_to_its_end_serves_the_next_request() {
    let agent = Agent::answering(ANSWER).await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    for _ in 0..3 {
        assert_eq!(call(&pool, &endpoint, "{}").await.unwrap(), "ok");
    }
    assert_eq!(agent.connections(), 1);
    let counts = pool.counts();
    assert_eq!((counts.opened, counts.reused, counts.idle_http1), (1, 2, 1));
}

#[tokio::test]
async fn an_answer_that_came_whole_frees_its_connection_before_it_is_read() {
    let agent = Agent::answering(ANSWER).await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    let response = send(&pool, &endpoint, "{}").await.unwrap();
    assert_eq!(pool.counts().idle_http1, 1);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
}

#[tokio::test]
async fn the_request_goes_out_in_origin_form_with_the_endpoints_host() {
    let (sender, mut requests) = mpsc::channel(1);
    let agent = Agent::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            sender.send(read_request(&mut stream).await.unwrap()).await.unwrap();
            stream.write_all(ANSWER.as_bytes()).await.unwrap();
        }
    })
    .await;
    let request = Request::post("http://elsewhere.example/rpc?x=1")
        .header("host", "forged.example")
        .header("connection", "x-secret")
        .header("transfer-encoding", "chunked")
        .header("a2a-version", "1.0")
        .body(Bytes::from_static(b"{}"))
        .unwrap();
    pool().send(&agent.endpoint(), &request, options(Retry::Never)).await.unwrap();
    let request = requests.recv().await.unwrap();
    assert!(request.starts_with("POST /rpc?x=1 HTTP/1.1\r\n"), "{request}");
    assert!(request.contains(&format!("host: {}\r\n", agent.address)), "{request}");
    assert!(
        request.contains("a2a-version: 1.0\r\n") && request.contains("content-length: 2\r\n"),
        "{request}"
    );
    assert!(request.ends_with("\r\n\r\n{}"), "{request}");
    for absent in ["forged", "x-secret", "chunked", "elsewhere"] {
        assert!(!request.contains(absent), "{request}");
    }
}

#[tokio::test]
async fn requests_at_the_same_time_use_a_connection_each_and_later_ones_share_them() {
    let agent = Agent::answering(CHUNKED).await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    let first = send(&pool, &endpoint, "{}").await.unwrap();
    let second = call(&pool, &endpoint, "{}");
    // The first answer has come, but its body is unread.
    assert_eq!(second.await.unwrap(), "ok");
    assert_eq!(agent.connections(), 2);
    first.into_body().collect().await.unwrap();
    call(&pool, &endpoint, "{}").await.unwrap();
    assert_eq!((agent.connections(), pool.counts().idle_http1), (2, 2));
}

#[tokio::test]
async fn dropping_the_body_before_its_end_closes_the_connection() {
    let (sender, mut closed) = mpsc::channel(1);
    let agent = Agent::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            stream
                .write_all(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\na\r\n")
                .await
                .unwrap();
            let end = stream.read(&mut [0]).await;
            sender.send(!matches!(end, Ok(1..))).await.unwrap();
        }
    })
    .await;
    let pool = pool();
    let mut body = send(&pool, &agent.endpoint(), "{}").await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
    drop(body);
    assert!(closed.recv().await.unwrap());
    assert_eq!(pool.counts().idle_http1, 0);
}

#[tokio::test]
async fn giving_up_before_the_head_closes_the_connection() {
    let (sender, mut closed) = mpsc::channel(1);
    let agent = Agent::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            sender.send("asked").await.unwrap();
            let end = stream.read(&mut [0]).await;
            sender.send(if matches!(end, Ok(1..)) { "more" } else { "closed" }).await.unwrap();
        }
    })
    .await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    let exchange = tokio::spawn(async move { send(&pool, &endpoint, "{}").await.map(|_| ()) });
    assert_eq!(closed.recv().await.unwrap(), "asked");
    exchange.abort();
    assert_eq!(closed.recv().await.unwrap(), "closed");
}

#[tokio::test]
async fn connection_close_is_honoured() {
    let agent = Agent::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\nok").await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    for _ in 0..2 {
        assert_eq!(call(&pool, &endpoint, "{}").await.unwrap(), "ok");
    }
    assert_eq!((agent.connections(), pool.counts().reused), (2, 0));
}

#[tokio::test]
async fn a_kept_connection_that_the_agent_closed_costs_nothing() {
    let (sender, mut closed) = mpsc::channel(1);
    let agent = Agent::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            stream.write_all(ANSWER.as_bytes()).await.unwrap();
            drop(stream);
            sender.send(()).await.unwrap();
        }
    })
    .await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    for _ in 0..20 {
        assert_eq!(call(&pool, &endpoint, "{}").await.unwrap(), "ok");
        closed.recv().await.unwrap();
    }
    assert_eq!(agent.connections(), 20);
}

/// An agent that answers the first request of every connection and closes at the second, after having read it.
async fn agent_that_dies_at_the_second() -> (Agent, Arc<AtomicUsize>) {
    let requests = Arc::new(AtomicUsize::new(0));
    let seen = Arc::clone(&requests);
    let agent = Agent::start(move |_, mut stream| {
        let seen = Arc::clone(&seen);
        async move {
            for answer in [ANSWER, ""] {
                read_request(&mut stream).await.unwrap();
                seen.fetch_add(1, Ordering::SeqCst);
                stream.write_all(answer.as_bytes()).await.unwrap();
            }
        }
    })
    .await;
    (agent, requests)
}

#[tokio::test]
async fn what_an_agent_has_read_is_not_repeated() {
    let (agent, requests) = agent_that_dies_at_the_second().await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    call(&pool, &endpoint, "{}").await.unwrap();
    let error = call(&pool, &endpoint, "{}").await.unwrap_err();
    assert_eq!((error.kind(), error.nothing_sent()), (super::super::error::UpstreamErrorKind::Reset, false));
    assert_eq!(requests.load(Ordering::SeqCst), 2);
    assert_eq!(pool.counts().retried, 0);
}

#[tokio::test]
async fn what_is_safe_to_repeat_is_repeated_once_on_a_fresh_connection() {
    let (agent, requests) = agent_that_dies_at_the_second().await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    call(&pool, &endpoint, "{}").await.unwrap();
    let response = pool.send(&endpoint, &post("{}"), options(Retry::Idempotent)).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
    assert_eq!((requests.load(Ordering::SeqCst), agent.connections()), (3, 2));
    assert_eq!(pool.counts().retried, 1);
}

#[tokio::test]
async fn redirects_are_returned_and_interim_answers_are_not() {
    let agent = Agent::answering(
        "HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\nHTTP/1.1 302 Found\r\nlocation: /x\r\ncontent-length: 0\r\n\r\n",
    )
    .await;
    let response = send(&pool(), &agent.endpoint(), "{}").await.unwrap();
    assert_eq!((response.status().as_u16(), &response.headers()["location"]), (302, &"/x".parse().unwrap()));
    assert_eq!(agent.connections(), 1);
}

#[tokio::test]
async fn connections_outlive_a_change_that_keeps_their_identity_and_end_with_it() {
    let (sender, mut closed) = mpsc::channel(1);
    let agent = Agent::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            while read_request(&mut stream).await.is_some() {
                stream.write_all(ANSWER.as_bytes()).await.unwrap();
            }
            sender.send(()).await.unwrap();
        }
    })
    .await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    call(&pool, &endpoint, "{}").await.unwrap();
    let moved =
        Endpoint::new(EndpointParameters { path: "/v2".into(), ..agent.parameters() }, &TlsClients::new());
    pool.retain(|identity| identity == moved.identity());
    call(&pool, &moved, "{}").await.unwrap();
    assert_eq!(agent.connections(), 1);
    pool.retain(|_| false);
    closed.recv().await.unwrap();
}

#[tokio::test]
async fn an_exchange_outlives_the_removal_of_its_endpoint() {
    let agent = Agent::answering(CHUNKED).await;
    let (pool, endpoint) = (pool(), agent.endpoint());
    let response = send(&pool, &endpoint, "{}").await.unwrap();
    pool.retain(|_| false);
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes(), "ok");
    assert_eq!(pool.counts().idle_http1, 0);
}

#[tokio::test]
async fn idle_connections_are_closed_after_their_time() {
    let (sender, mut closed) = mpsc::channel(1);
    let agent = Agent::start(move |_, mut stream| {
        let sender = sender.clone();
        async move {
            read_request(&mut stream).await.unwrap();
            stream.write_all(ANSWER.as_bytes()).await.unwrap();
            assert_eq!(stream.read(&mut [0]).await.unwrap(), 0);
            sender.send(()).await.unwrap();
        }
    })
    .await;
    let settings = PoolSettings { idle_timeout: Duration::from_millis(30), ..PoolSettings::default() };
    let pool = Pool::new(settings, Arc::new(AddressRules::default()));
    call(&pool, &agent.endpoint(), "{}").await.unwrap();
    closed.recv().await.unwrap();
    assert_eq!(pool.counts().idle_http1, 0);
}

#[tokio::test]
async fn no_more_than_the_limit_are_kept() {
    let agent = Agent::answering(CHUNKED).await;
    let settings =
        PoolSettings { idle_timeout: PATIENCE, idle_connections_max: 1, ..PoolSettings::default() };
    let (pool, endpoint) = (Pool::new(settings, Arc::new(AddressRules::default())), agent.endpoint());
    let first = send(&pool, &endpoint, "{}").await.unwrap();
    let second = send(&pool, &endpoint, "{}").await.unwrap();
    first.into_body().collect().await.unwrap();
    second.into_body().collect().await.unwrap();
    assert_eq!(pool.counts().idle_http1, 1);
}

#[tokio::test]
async fn a_large_body_goes_up_while_the_answer_comes_down() {
    let agent = Agent::start(|_, mut stream| async move {
        // The answer begins before the request is read, and does not fit into the socket's buffers.
        let (mut reader, mut writer) = stream.split();
        let read = async {
            let mut bytes = vec![0; 64 * 1024];
            let mut total = 0;
            while total < 8 * 1024 * 1024 {
                total += reader.read(&mut bytes).await.unwrap();
            }
        };
        let write = async {
            writer.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 8388608\r\n\r\n").await.unwrap();
            writer.write_all(&vec![b'x'; 8 * 1024 * 1024]).await.unwrap();
        };
        tokio::join!(read, write);
    })
    .await;
    let request = Request::post("/").body(Bytes::from(vec![b'y'; 8 * 1024 * 1024])).unwrap();
    let response = pool().send(&agent.endpoint(), &request, options(Retry::Never)).await.unwrap();
    assert_eq!(response.into_body().collect().await.unwrap().to_bytes().len(), 8 * 1024 * 1024);
}
