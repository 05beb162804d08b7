use futures_util::StreamExt;
use http_body_util::StreamBody;
use hyper::body::Frame;
use tokio::sync::{Notify, mpsc};

use super::*;
use crate::drain::{DrainSettings, Phase};

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

/// "/slow" answers when told to; "/stream" streams what it is told to.
struct Slow {
    asked: mpsc::Sender<()>,
    go: Arc<Notify>,
}

impl Handler for Slow {
    type Body = Frames;

    async fn handle(self: Arc<Self>, request: Request<Incoming>, _: Arc<ConnectionInfo>) -> Response<Frames> {
        self.asked.send(()).await.unwrap();
        if request.uri().path() == "/stream" {
            let (go, mut is_first) = (Arc::clone(&self.go), true);
            let frames = futures_util::stream::poll_fn(move |_| {
                let frame = std::mem::take(&mut is_first).then(|| Frame::data(Bytes::from_static(b"first")));
                std::task::Poll::Ready(frame.map(Ok))
            });
            let last = futures_util::stream::once(async move {
                go.notified().await;
                Ok(Frame::data(Bytes::from_static(b"last")))
            });
            return Response::new(StreamBody::new(frames.chain(last)).boxed_unsync());
        }
        self.go.notified().await;
        Response::new(Full::new(Bytes::from_static(b"ok")).boxed_unsync())
    }
}

fn slow_server() -> (Server, mpsc::Receiver<()>, Arc<Notify>) {
    let (asked, receiver) = mpsc::channel(8);
    let go = Arc::new(Notify::new());
    let shared = Arc::clone(&go);
    let make = move |_| Slow { asked: asked.clone(), go: Arc::clone(&shared) };
    (Server::start(ListenerSettings::default(), 1, make), receiver, go)
}

fn settings() -> DrainSettings {
    DrainSettings { delay: Duration::ZERO, deadline: PATIENCE, end_timeout: PATIENCE }
}

async fn drain(server: &Server, end_streams: impl FnOnce()) {
    let workers = &server.workers;
    let idle = async || workers.idle().await;
    server.drain.run(&settings(), || workers.close(), end_streams, idle).await;
}

#[tokio::test]
async fn exchanges_finish_idle_connections_close_and_new_ones_are_refused() {
    let (server, mut asked, go) = slow_server();
    let mut idle = server.connect().await;
    go.notify_one();
    exchange(&mut idle, GET).await;
    asked.recv().await.unwrap();
    let mut busy = server.connect().await;
    busy.write_all(GET.as_bytes()).await.unwrap();
    asked.recv().await.unwrap();
    let client = async {
        assert_eq!(rest(&mut idle).await, "", "idle connections close at once");
        // Bound is no longer listening: the acceptor has dropped the socket.
        while TcpStream::connect(server.address).await.is_ok() {}
        go.notify_one();
        let answer = rest(&mut busy).await;
        assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("ok"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    };
    tokio::join!(drain(&server, || panic!("there is no stream")), client);
    assert_eq!(server.drain.phase(), Phase::Done);
}

#[tokio::test]
async fn streams_go_on_until_they_are_told_to_end() {
    let (server, mut asked, go) = slow_server();
    let mut stream = server.connect().await;
    stream.write_all(b"GET /stream HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    asked.recv().await.unwrap();
    let settings = DrainSettings { deadline: Duration::from_millis(20), ..settings() };
    let workers = &server.workers;
    let idle = async || workers.idle().await;
    server.drain.run(&settings, || workers.close(), || go.notify_one(), idle).await;
    let answer = rest(&mut stream).await;
    assert!(answer.contains("first") && answer.contains("last") && answer.ends_with("0\r\n\r\n"), "{answer}");
}

#[tokio::test]
async fn http2_connections_get_goaway_and_finish() {
    let (server, mut asked, go) = slow_server();
    let client = tokio::spawn(call_http2(server.connect().await));
    asked.recv().await.unwrap();
    let finish = async {
        server.drain.reached(Phase::Closing).await;
        go.notify_one();
        assert_eq!(client.await.unwrap(), "ok");
    };
    tokio::join!(drain(&server, || panic!("there is no stream")), finish);
}

#[tokio::test]
async fn dropping_the_workers_ends_everything() {
    let (server, mut asked, _go) = slow_server();
    let mut busy = server.connect().await;
    busy.write_all(GET.as_bytes()).await.unwrap();
    asked.recv().await.unwrap();
    let Server { workers, drain, .. } = server;
    // The acceptor holds a reference until it has seen the end.
    drain.run(&settings(), || (), || (), async || ()).await;
    let mut workers = workers;
    let workers = loop {
        match Arc::try_unwrap(workers) {
            Ok(workers) => break workers,
            Err(shared) => workers = shared,
        }
        tokio::task::yield_now().await;
    };
    drop(workers);
    assert_eq!(rest(&mut busy).await, "");
}
