use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::mpsc;

use super::*;

const GET: &str = "GET / HTTP/1.1\r\nhost: x\r\n\r\n";

#[tokio::test]
async fn http1_and_http2_share_a_plaintext_port() {
    let server = Server::telling(ListenerSettings::default());
    let mut stream = server.connect().await;
    for _ in 0..2 {
        let answer = exchange(&mut stream, GET).await;
        assert!(answer.ends_with("7 Http1 tls=false name=- body=0"), "{answer}");
    }
    assert_eq!(call_http2(server.connect().await).await, "7 Http2 tls=false name=- body=3");
}

#[tokio::test]
async fn a_first_packet_of_one_letter_decides_nothing() {
    let server = Server::telling(ListenerSettings::default());
    let mut stream = server.connect().await;
    stream.set_nodelay(true).unwrap();
    stream.write_all(b"P").await.unwrap();
    tokio::task::yield_now().await;
    let answer = exchange(&mut stream, "OST / HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\r\nz").await;
    assert!(answer.ends_with("Http1 tls=false name=- body=1"), "{answer}");
}

#[tokio::test]
async fn large_bodies_arrive_whole() {
    let server = Server::telling(ListenerSettings::default());
    let body = "x".repeat(3 * 1024 * 1024);
    let mut stream = server.connect().await;
    let request = format!("POST / HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    assert!(exchange(&mut stream, &request).await.ends_with("body=3145728"));
    let chunked = format!(
        "POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n300000\r\n{body}\r\n0\r\n\r\n"
    );
    assert!(exchange(&mut stream, &chunked).await.ends_with("body=3145728"));
}

#[tokio::test]
async fn a_slow_head_is_cut_off_and_a_kept_connection_is_not() {
    let settings =
        ListenerSettings { head_timeout: Duration::from_millis(100), ..ListenerSettings::default() };
    let server = Server::telling(settings);
    let mut slow = server.connect().await;
    slow.write_all(b"GET / HTTP/1.1\r\nx-slow: ").await.unwrap();
    let mut kept = server.connect().await;
    exchange(&mut kept, GET).await;
    // The slow one takes longer than the kept one is silent.
    let answer = rest(&mut slow).await;
    assert!(answer.is_empty() || answer.starts_with("HTTP/1.1 408"), "{answer}");
    assert!(exchange(&mut kept, GET).await.ends_with("body=0"));
    // And the time for a head holds for every head, not only the first.
    kept.write_all(b"GET / HTTP/1.1\r\n").await.unwrap();
    rest(&mut kept).await;
}

#[tokio::test]
async fn silent_connections_are_closed() {
    let settings = ListenerSettings {
        keep_alive_timeout: Duration::from_millis(50),
        handshake_timeout: Duration::from_millis(50),
        ..ListenerSettings::default()
    };
    let server = Server::telling(settings);
    let mut never = server.connect().await;
    assert_eq!(rest(&mut never).await, "");
    let mut kept = server.connect().await;
    exchange(&mut kept, GET).await;
    rest(&mut kept).await;
    server.workers.idle().await;
}

#[tokio::test]
async fn http2_connections_without_requests_are_closed() {
    let settings =
        ListenerSettings { keep_alive_timeout: Duration::from_millis(50), ..ListenerSettings::default() };
    let server = Server::telling(settings);
    let executor = hyper_util::rt::TokioExecutor::new();
    let stream = hyper_util::rt::TokioIo::new(server.connect().await);
    let (sender, connection) =
        hyper::client::conn::http2::handshake::<_, _, Full<Bytes>>(executor, stream).await.unwrap();
    tokio::time::timeout(PATIENCE, connection).await.unwrap().unwrap();
    drop(sender);
    server.workers.idle().await;
}

#[tokio::test]
async fn a_head_that_is_too_large_is_refused() {
    let settings = ListenerSettings { http1_buffer_bytes_max: 8 * 1024, ..ListenerSettings::default() };
    let server = Server::telling(settings);
    let mut stream = server.connect().await;
    let request = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "y".repeat(9_000));
    let answer = exchange(&mut stream, &request).await;
    assert!(answer.starts_with("HTTP/1.1 431"), "{answer}");
}

#[tokio::test]
async fn more_connections_than_permitted_wait() {
    let settings = ListenerSettings { max_connections: 1, ..ListenerSettings::default() };
    let server = Server::telling(settings);
    let mut first = server.connect().await;
    exchange(&mut first, GET).await;
    let mut second = server.connect().await;
    second.write_all(GET.as_bytes()).await.unwrap();
    exchange(&mut first, GET).await;
    assert_eq!(server.workers.open_connections(), 1);
    drop(first);
    assert!(exchange(&mut second, "").await.ends_with("body=0"));
}

#[tokio::test]
async fn each_connection_goes_to_the_worker_with_the_fewest() {
    let served = Arc::new([AtomicUsize::new(0), AtomicUsize::new(0)]);
    let counts = Arc::clone(&served);
    let server = Server::start(ListenerSettings::default(), 2, move |worker| {
        let counts = Arc::clone(&counts);
        Answer(move |_, _| {
            counts[worker].fetch_add(1, Ordering::SeqCst);
            async { text("ok") }
        })
    });
    let mut open = Vec::new();
    for _ in 0..6 {
        let mut stream = server.connect().await;
        exchange(&mut stream, GET).await;
        open.push(stream);
    }
    assert_eq!([served[0].load(Ordering::SeqCst), served[1].load(Ordering::SeqCst)], [3, 3]);
    assert_eq!(server.workers.open_connections(), 6);
}

#[tokio::test]
async fn a_client_that_leaves_cancels_its_request() {
    struct OnDrop(mpsc::Sender<&'static str>);
    impl Drop for OnDrop {
        fn drop(&mut self) {
            self.0.try_send("dropped").unwrap();
        }
    }
    let (sender, mut steps) = mpsc::channel(4);
    let server = Server::start(ListenerSettings::default(), 1, move |_| {
        let sender = sender.clone();
        Answer(move |_, _| {
            let on_drop = OnDrop(sender.clone());
            async move {
                on_drop.0.send("asked").await.unwrap();
                std::future::pending().await
            }
        })
    });
    let mut stream = server.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    assert_eq!(steps.recv().await.unwrap(), "asked");
    drop(stream);
    assert_eq!(steps.recv().await.unwrap(), "dropped");
    server.workers.idle().await;
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn a_client_that_takes_nothing_is_cut_off() {
    let settings =
        ListenerSettings { write_timeout: Duration::from_millis(300), ..ListenerSettings::default() };
    let server = Server::start(settings, 1, |_| Answer(|_, _| async { text("x".repeat(64 * 1024 * 1024)) }));
    let mut stream = server.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    tokio::time::timeout(PATIENCE, server.workers.idle()).await.unwrap();
}
