use std::convert::Infallible;

use http_body_util::StreamBody;
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::{Frame, Incoming};
use hyper::server::conn::http2::Builder;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::sync::{Notify, mpsc};

use super::super::error::UpstreamErrorKind;
use super::*;

type Body = UnsyncBoxBody<Bytes, Infallible>;

fn full(text: &'static str) -> Body {
    http_body_util::Full::new(Bytes::from_static(text.as_bytes())).boxed_unsync()
}

/// A body of one byte that never ends; `ended` hears when it is dropped.
fn endless(ended: mpsc::Sender<()>) -> Body {
    struct OnDrop(mpsc::Sender<()>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            let _ = self.0.try_send(());
        }
    }
    let on_drop = OnDrop(ended);
    let frames = futures_util::stream::unfold((true, on_drop), |(is_first, on_drop)| async move {
        if !is_first {
            std::future::pending::<()>().await;
        }
        Some((Ok(Frame::data(Bytes::from_static(b"a"))), (false, on_drop)))
    });
    StreamBody::new(frames).boxed_unsync()
}

/// An HTTP/2 agent: "/endless" answers with a body that does not end, everything else with "ok".
async fn agent(streams_max: u32, shut_down: Arc<Notify>) -> (Agent, mpsc::Receiver<()>) {
    let (ended, receiver) = mpsc::channel(64);
    let agent = Agent::start(move |_, stream| {
        let (ended, shut_down) = (ended.clone(), Arc::clone(&shut_down));
        async move {
            let service = service_fn(move |request: Request<Incoming>| {
                let ended = ended.clone();
                async move {
                    assert!(request.headers().get("host").is_none());
                    assert!(request.uri().authority().is_some());
                    let body = if request.uri().path() == "/endless" { endless(ended) } else { full("ok") };
                    Ok::<_, Infallible>(Response::new(body))
                }
            });
            let connection = Builder::new(TokioExecutor::new())
                .max_concurrent_streams(streams_max)
                .serve_connection(TokioIo::new(stream), service);
            let mut connection = std::pin::pin!(connection);
            tokio::select! {
                _ = connection.as_mut() => return,
                () = shut_down.notified() => connection.as_mut().graceful_shutdown(),
            }
            let _ = connection.await;
        }
    })
    .await;
    (agent, receiver)
}

fn endpoint(agent: &Agent) -> Endpoint {
    let parameters = EndpointParameters { protocol: UpstreamProtocol::Http2, ..agent.parameters() };
    Endpoint::new(parameters, &TlsClients::new())
}

async fn open_stream(pool: &Pool, endpoint: &Endpoint) -> ResponseBody {
    let request = Request::get("/endless").body(Bytes::new()).unwrap();
    let mut body = pool.send(endpoint, &request, options(Retry::Never)).await.unwrap().into_body();
    assert_eq!(body.frame().await.unwrap().unwrap().into_data().unwrap(), "a");
    body
}

#[tokio::test]
async fn requests_share_one_connection() {
    let (agent, _) = agent(100, Arc::default()).await;
    let (pool, endpoint) = (pool(), endpoint(&agent));
    let calls = (0..20).map(|_| call(&pool, &endpoint, "{}"));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap(), "ok");
    }
    assert_eq!(agent.connections(), 1, "a burst opens one connection");
    assert_eq!(pool.counts().open_http2, 1);
}

#[tokio::test]
async fn more_streams_than_a_connection_allows_open_more_connections() {
    let (agent, _) = agent(2, Arc::default()).await;
    let (pool, endpoint) = (pool(), endpoint(&agent));
    let mut streams = Vec::new();
    for _ in 0..6 {
        streams.push(open_stream(&pool, &endpoint).await);
    }
    assert_eq!(agent.connections(), 3);
    assert_eq!(pool.counts().open_http2, 3);
    drop(streams.pop());
    streams.push(open_stream(&pool, &endpoint).await);
    assert_eq!(agent.connections(), 3, "a place that was freed is used again");
}

#[tokio::test]
async fn where_no_connection_may_be_added_a_stream_waits_for_another_to_end() {
    let (agent, _) = agent(1, Arc::default()).await;
    let settings = PoolSettings { http2_connections_max: 1, ..PoolSettings::default() };
    let (pool, endpoint) = (Pool::new(settings, Arc::new(AddressRules::default())), endpoint(&agent));
    let stream = open_stream(&pool, &endpoint).await;
    let (answer, ()) = tokio::join!(call(&pool, &endpoint, "{}"), async {
        tokio::task::yield_now().await;
        drop(stream);
    });
    assert_eq!((answer.unwrap().as_str(), agent.connections()), ("ok", 1));
}

#[tokio::test]
async fn callers_of_an_agent_that_cannot_be_reached_do_not_wait_in_line() {
    let agent = Agent::start(|_, mut stream| async move { while stream.read_u8().await.is_ok() {} }).await;
    let parameters =
        EndpointParameters { tls: true, connect_timeout: Duration::from_millis(200), ..agent.parameters() };
    let (pool, endpoint) = (pool(), Endpoint::new(parameters, &TlsClients::new()));
    let start = crate::clock::now();
    let calls = (0..10).map(|_| call(&pool, &endpoint, "{}"));
    for answer in futures_util::future::join_all(calls).await {
        assert_eq!(answer.unwrap_err().kind(), UpstreamErrorKind::ConnectTimeout);
    }
    assert!(crate::clock::now() - start < Duration::from_secs(1), "ten in line would take 2 s");
}

#[tokio::test]
async fn dropping_a_body_resets_its_stream_and_leaves_the_others() {
    let (agent, mut ended) = agent(100, Arc::default()).await;
    let (pool, endpoint) = (pool(), endpoint(&agent));
    let first = open_stream(&pool, &endpoint).await;
    let _second = open_stream(&pool, &endpoint).await;
    drop(first);
    ended.recv().await.unwrap();
    assert_eq!(call(&pool, &endpoint, "{}").await.unwrap(), "ok");
    assert!(ended.try_recv().is_err(), "the second stream goes on");
    assert_eq!(agent.connections(), 1);
}

#[tokio::test]
async fn a_connection_that_says_goaway_finishes_its_streams_and_gets_no_more() {
    let shut_down = Arc::new(Notify::new());
    let (agent, _ended) = agent(100, Arc::clone(&shut_down)).await;
    let (pool, endpoint) = (pool(), endpoint(&agent));
    let stream = open_stream(&pool, &endpoint).await;
    shut_down.notify_waiters();
    // Whether the GOAWAY has arrived or not, no call may fail.
    while agent.connections() < 2 {
        assert_eq!(call(&pool, &endpoint, "{}").await.unwrap(), "ok");
    }
    assert_eq!(call(&pool, &endpoint, "{}").await.unwrap(), "ok");
    assert_eq!((agent.connections(), pool.counts().open_http2), (2, 1));
    drop(stream);
}

#[tokio::test]
async fn an_agent_that_speaks_http1_to_prior_knowledge_is_an_error() {
    let agent = Agent::start(|_, mut stream| async move {
        stream.read_u8().await.unwrap();
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n").await.unwrap();
    })
    .await;
    let error = call(&pool(), &endpoint(&agent), "{}").await.unwrap_err();
    assert_eq!(error.kind(), UpstreamErrorKind::Reset);
}
