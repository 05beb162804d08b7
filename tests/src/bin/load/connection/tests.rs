use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpListener,
};

use super::{Connection, Length};

/// Sends a request to a server that answers with these pieces and closes; gives the status, the body and how it ended.
async fn exchange(pieces: &'static [&'static str]) -> anyhow::Result<(u16, String)> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        let (mut socket, _) = listener.accept().await.unwrap();
        socket.read_exact(&mut [0; 4]).await.unwrap();
        for piece in pieces {
            socket.write_all(piece.as_bytes()).await.unwrap();
            socket.flush().await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    let mut connection = Connection::open(address).await?;
    connection.send(b"ping").await?;
    let head = connection.head().await?;
    let mut body = Vec::new();
    connection.body(head.length, |piece| body.extend_from_slice(piece)).await?;
    Ok((head.status, String::from_utf8(body)?))
}

#[tokio::test]
async fn bodies_of_every_kind_are_read_to_their_end() {
    for (pieces, status, body) in [
        (&["HTTP/1.1 200 OK\r\ncontent-le", "ngth: 4\r\n\r\nab", "cd"][..], 200, "abcd"),
        (
            &[
                "HTTP/1.1 429 Too Many\r\nTransfer-Encoding: chunked\r\n\r\n1\r",
                "\na\r\n2\r\nbc\r\n0\r\n\r\n",
            ][..],
            429,
            "abc",
        ),
        (&["HTTP/1.1 200 OK\r\n\r\nuntil ", "the end"][..], 200, "until the end"),
    ] {
        assert_eq!(exchange(pieces).await.unwrap(), (status, body.to_owned()));
    }
}

#[tokio::test]
async fn what_is_cut_is_an_error() {
    for pieces in [
        &["HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nabc"][..],
        &["HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n4\r\nabcd\r\n"][..],
        &["HTTP/1.1 200 OK\r\ncontent-"][..],
        &["not HTTP\r\n\r\n"][..],
    ] {
        assert!(exchange(pieces).await.is_err(), "{pieces:?}");
    }
}

#[test]
fn an_answer_says_whether_the_connection_stays() {
    let parse = |text: &str| super::parse(text.as_bytes()).unwrap().unwrap().0;
    let head = parse("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n");
    assert_eq!((head.keep_alive, head.length), (false, Length::Known(3)));
    assert!(parse("HTTP/1.1 200 OK\r\nconnection: keep-alive\r\n\r\n").keep_alive);
}
