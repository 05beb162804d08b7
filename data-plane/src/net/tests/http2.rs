//! HTTP/2 as it lies on the wire, from clients that do not behave.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use super::*;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const SETTINGS: u8 = 4;
const PING: u8 = 6;
const GOAWAY: u8 = 7;
const ACK: u8 = 1;

/// A frame (RFC 9113, 4.1).
#[derive(Debug)]
struct Frame {
    kind: u8,
    flags: u8,
    payload: Vec<u8>,
}

/// A client that sends and reads frames itself, past the beginning of a connection.
async fn open(server: &Server) -> TcpStream {
    let mut stream = server.connect().await;
    stream.write_all(PREFACE).await.unwrap();
    write(&mut stream, SETTINGS, 0, &[]).await;
    stream
}

async fn write(stream: &mut TcpStream, kind: u8, flags: u8, payload: &[u8]) {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [length[1], length[2], length[3], kind, flags, 0, 0, 0, 0];
    stream.write_all(&[&head[..], payload].concat()).await.unwrap();
}

/// The next frame; `None` at the end of the connection.
async fn read(stream: &mut TcpStream) -> Option<Frame> {
    let mut head = [0; 9];
    stream.read_exact(&mut head).await.ok()?;
    let mut payload = vec![0; u32::from_be_bytes([0, head[0], head[1], head[2]]) as usize];
    stream.read_exact(&mut payload).await.ok()?;
    Some(Frame { kind: head[3], flags: head[4], payload })
}

/// The next question for a sign of life.
async fn ping(stream: &mut TcpStream) -> Option<Frame> {
    loop {
        let frame = tokio::time::timeout(PATIENCE, read(stream)).await.unwrap()?;
        if frame.kind == PING && frame.flags & ACK == 0 {
            return Some(frame);
        }
    }
}

fn settings() -> ListenerSettings {
    ListenerSettings {
        http2_ping_interval: Some(Duration::from_millis(100)),
        http2_ping_timeout: Duration::from_millis(300),
        ..ListenerSettings::default()
    }
}

#[tokio::test]
async fn a_silent_client_is_asked_for_a_sign_of_life_again_and_again() {
    let server = Server::telling(settings());
    let mut stream = open(&server).await;
    for _ in 0..5 {
        let question = ping(&mut stream).await.expect("the connection stands");
        write(&mut stream, PING, ACK, &question.payload).await;
    }
    assert_eq!(server.workers.open_connections(), 1);
}

#[tokio::test]
async fn a_client_that_gives_no_sign_of_life_is_let_go() {
    let server = Server::telling(settings());
    let mut stream = open(&server).await;
    ping(&mut stream).await.expect("a question");
    assert!(ping(&mut stream).await.is_none(), "the next question comes after the first answer");
    tokio::time::timeout(PATIENCE, server.workers.idle()).await.unwrap();
}

#[tokio::test]
async fn without_an_interval_nobody_is_asked() {
    let settings = ListenerSettings {
        http2_ping_interval: None,
        keep_alive_timeout: Duration::from_millis(500),
        ..ListenerSettings::default()
    };
    let server = Server::telling(settings);
    let mut stream = open(&server).await;
    // The shutdown of an idle connection has a PING of its own, after its GOAWAY.
    loop {
        let frame = tokio::time::timeout(PATIENCE, read(&mut stream)).await.unwrap().expect("a GOAWAY");
        assert_ne!(frame.kind, PING);
        if frame.kind == GOAWAY {
            return;
        }
    }
}
