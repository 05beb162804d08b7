use super::super::error::UpstreamErrorKind;
use super::*;

async fn failure(answer: &'static str) -> (UpstreamErrorKind, bool) {
    let agent = Agent::start(move |_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        stream.write_all(answer.as_bytes()).await.unwrap();
    })
    .await;
    let error = call(&pool(), &agent.endpoint(), "{}").await.unwrap_err();
    (error.kind(), error.nothing_sent())
}

#[tokio::test]
async fn answers_that_are_not_http_are_malformed() {
    for answer in [
        "garbage\r\n\r\n",
        "HTTP/2.0 200 OK\r\n\r\n",
        "HTTP/1.1 two hundred\r\n\r\n",
        "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: x\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
        "HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n",
    ] {
        assert_eq!(failure(answer).await, (UpstreamErrorKind::Malformed, false), "{answer:?}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_is_a_reset() {
    for answer in [
        "",
        "HTTP/1.1 200",
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nab",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n2\r\nab\r\n",
    ] {
        assert_eq!(failure(answer).await, (UpstreamErrorKind::Reset, false), "{answer:?}");
    }
}

#[tokio::test]
async fn an_endless_head_is_too_large() {
    let agent = Agent::start(|_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\n").await.unwrap();
        while stream.write_all(b"x-header: 0123456789012345678901234567890123456789\r\n").await.is_ok() {}
    })
    .await;
    let error = call(&pool(), &agent.endpoint(), "{}").await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::HeadTooLarge);
}

#[tokio::test]
async fn an_agent_that_is_not_there_is_refused_before_anything_was_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    drop(listener);
    let agent = Agent { address, connections: Arc::default() };
    let error = call(&pool(), &agent.endpoint(), "{}").await.unwrap_err();
    assert_eq!((error.kind(), error.nothing_sent()), (UpstreamErrorKind::Refused, true));
    assert!(std::error::Error::source(&error).is_some());
    assert!(!error.to_string().contains("refused ("), "the source is not printed");
}

#[tokio::test]
async fn an_agent_that_does_not_answer_runs_into_the_head_timeout() {
    let agent = Agent::start(|_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        stream.read_u8().await.unwrap_err();
    })
    .await;
    let options = SendOptions { head_timeout: Duration::from_millis(50), ..options(Retry::Idempotent) };
    let error = pool().send(&agent.endpoint(), &post("{}"), options).await.unwrap_err();
    assert_eq!((error.kind(), error.nothing_sent()), (UpstreamErrorKind::HeadTimeout, false));
}

#[tokio::test]
async fn an_agent_that_does_not_shake_hands_runs_into_the_connect_timeout() {
    let agent = Agent::start(|_, mut stream| async move { while stream.read_u8().await.is_ok() {} }).await;
    let parameters =
        EndpointParameters { tls: true, connect_timeout: Duration::from_millis(50), ..agent.parameters() };
    let error = call(&pool(), &Endpoint::new(parameters, &TlsClients::new()), "{}").await.unwrap_err();
    assert_eq!((error.kind(), error.nothing_sent()), (UpstreamErrorKind::ConnectTimeout, true));
}

#[tokio::test]
async fn a_body_that_stands_still_runs_into_the_body_timeout() {
    let agent = Agent::start(|_, mut stream| async move {
        read_request(&mut stream).await.unwrap();
        stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nab").await.unwrap();
        stream.read_u8().await.unwrap_err();
    })
    .await;
    let options = SendOptions { body_timeout: Some(Duration::from_millis(50)), ..options(Retry::Never) };
    let response = pool().send(&agent.endpoint(), &post("{}"), options).await.unwrap();
    let error = response.into_body().collect().await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::BodyTimeout);
}

#[tokio::test]
async fn forbidden_addresses_are_never_called() {
    let agent = Agent::answering("HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n").await;
    for (host, own) in [("169.254.169.254", vec![]), ("127.0.0.1", vec![agent.address])] {
        let pool = Pool::new(PoolSettings::default(), Arc::new(AddressRules::new(own)));
        let parameters = EndpointParameters { host: host.into(), ..agent.parameters() };
        let error = call(&pool, &Endpoint::new(parameters, &TlsClients::new()), "{}").await.unwrap_err();
        assert_eq!((error.kind(), error.nothing_sent()), (UpstreamErrorKind::Forbidden, true));
    }
    assert_eq!(agent.connections(), 0);
}

#[tokio::test]
async fn a_host_name_is_resolved_and_its_address_checked() {
    let agent = Agent::answering("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok").await;
    let parameters = EndpointParameters { host: "localhost".into(), ..agent.parameters() };
    let endpoint = Endpoint::new(parameters, &TlsClients::new());
    assert_eq!(call(&pool(), &endpoint, "{}").await.unwrap(), "ok");
    let own = "0.0.0.0:0".parse::<SocketAddr>().unwrap();
    let rules = AddressRules::new(vec![SocketAddr::new(own.ip(), agent.address.port())]);
    let error =
        call(&Pool::new(PoolSettings::default(), Arc::new(rules)), &endpoint, "{}").await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Forbidden);
}
