use super::read_answer;

fn read(text: &str) -> (Vec<String>, anyhow::Result<super::Answer>) {
    let mut pieces = Vec::new();
    let answer = read_answer(text.as_bytes(), |piece| pieces.push(piece.to_owned()));
    (pieces, answer)
}

#[test]
fn chunks_are_handed_on_one_by_one() {
    let (pieces, answer) =
        read("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2;x=y\r\nde\r\n0\r\n\r\n");
    assert_eq!(pieces, ["abc", "de"]);
    let answer = answer.unwrap();
    assert_eq!((answer.status, answer.body.as_str()), (200, "abcde"));
}

#[test]
fn a_known_length_is_read_whole() {
    let (_, answer) = read("HTTP/1.1 404 Not Found\r\ncontent-length: 2\r\n\r\nno and more");
    assert_eq!(answer.unwrap().body, "no");
}

#[test]
fn a_cut_body_is_an_error() {
    for text in [
        "HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nabc",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n",
        "HTTP/1.1 200 OK\r\n",
        "SSH-2.0-OpenSSH\r\n",
        "",
    ] {
        assert!(read(text).1.is_err(), "{text:?}");
    }
}
