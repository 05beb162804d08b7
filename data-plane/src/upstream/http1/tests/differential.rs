//! Side by side with hyper's client: what this one accepts, hyper understands in the same way.

use http_body_util::{BodyExt, Full};
use hyper_util::rt::TokioIo;

use super::*;

/// What hyper makes of an answer.
async fn hyper_exchange(pieces: &[&[u8]]) -> Result<Answer, hyper::Error> {
    let (mut sender, connection) =
        hyper::client::conn::http1::handshake(TokioIo::new(Script::new(pieces))).await?;
    tokio::spawn(connection);
    let response = sender.send_request(request(Method::POST).map(Full::new)).await?;
    let (parts, body) = response.into_parts();
    let headers = parts.headers.iter();
    let headers = headers.map(|(name, value)| (name.to_string(), value.as_bytes().to_vec())).collect();
    let body = body.collect().await?.to_bytes().to_vec();
    Ok(Answer { status: parts.status.as_u16(), headers, body, is_reusable: false })
}

fn compare(bytes: &[u8], cuts: &[usize]) -> Result<(), TestCaseError> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    cuts.extend([0, bytes.len()]);
    cuts.sort_unstable();
    let pieces: Vec<&[u8]> = cuts.windows(2).map(|cut| &bytes[cut[0]..cut[1]]).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let (own, hyper) =
        runtime.block_on(async { (exchange(&pieces, Method::POST).await, hyper_exchange(&pieces).await) });
    match (own, hyper) {
        (Ok(own), Ok(hyper)) => prop_assert_eq!(Answer { is_reusable: false, ..own }, hyper),
        (Ok(own), Err(error)) => prop_assert!(false, "hyper refuses {own:?}: {error:?}"),
        // This client is the stricter one, and says so; it never loses what hyper finds complete.
        (Err(error), Ok(hyper)) => {
            let is_strict =
                matches!(error.kind(), UpstreamErrorKind::Malformed | UpstreamErrorKind::HeadTooLarge);
            prop_assert!(is_strict, "{error:?} where hyper finds {hyper:?}");
        }
        (Err(_), Err(_)) => {}
    }
    Ok(())
}

fn one_of(choices: &'static [&'static str]) -> impl Strategy<Value = &'static str> {
    proptest::sample::select(choices)
}

fn status_line() -> impl Strategy<Value = &'static str> {
    one_of(&[
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 200 OK\r\n",
        "HTTP/1.1 500 \r\n",
        "HTTP/1.1 404\r\n",
        "HTTP/1.0 200 OK\r\n",
        "HTTP/1.1 204 No Content\r\n",
        "HTTP/1.1 304 Not Modified\r\n",
        "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n",
        "HTTP/1.1 101 Switching\r\n",
        "HTTP/1.1 999 Odd\r\n",
        "HTTP/1.1 2000 Odd\r\n",
        "HTTP/1.1  200 OK\r\n",
        "\r\nHTTP/1.1 200 OK\r\n",
    ])
}

fn header_line() -> impl Strategy<Value = &'static str> {
    one_of(&[
        "x: y\r\n",
        "X-Y:z\r\n",
        "x: \t y \r\n",
        "content-length: 3\r\n",
        "Content-Length: 0\r\n",
        "content-length: 03\r\n",
        "content-length: 3,3\r\n",
        "content-length: +3\r\n",
        "transfer-encoding: chunked\r\n",
        "Transfer-Encoding: CHUNKED\r\n",
        "transfer-encoding: gzip, chunked\r\n",
        "transfer-encoding: identity\r\n",
        "transfer-encoding: chunked, gzip\r\n",
        "connection: close\r\n",
        "connection: keep-alive\r\n",
        "connection: upgrade\r\nupgrade: x\r\n",
        "x: y\n",
        "x: y\r\n z\r\n",
        "x y: z\r\n",
        ": z\r\n",
        "x:\r\n",
    ])
}

fn body() -> impl Strategy<Value = &'static str> {
    one_of(&[
        "",
        "abc",
        "abcd",
        "ab",
        "3\r\nabc\r\n0\r\n\r\n",
        "1\r\na\r\n2\r\nbc\r\n0\r\n\r\n",
        "3;x=y\r\nabc\r\n0\r\nx: y\r\n\r\n",
        "03 \r\nabc\r\n00\r\n\r\n",
        "3\r\nabc\r\n0\r\n",
        "3\r\nabcd\r\n0\r\n\r\n",
        "3\nabc\n0\n\n",
        "g\r\nabc\r\n0\r\n\r\n",
        "0\r\n\r\nHTTP/1.1 200 OK\r\n\r\n",
        "ffffffffffffffff\r\nabc",
    ])
}

fn response() -> impl Strategy<Value = Vec<u8>> {
    (status_line(), proptest::collection::vec(header_line(), 0..4), body())
        .prop_map(|(status, headers, body)| [status, &headers.concat(), "\r\n", body].concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn answers_from_parts(response in response(), cuts in proptest::collection::vec(any::<usize>(), 0..6)) {
        compare(&response, &cuts)?;
    }

    #[test]
    fn answers_with_a_wrong_byte(
        response in response(),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
        cuts in proptest::collection::vec(any::<usize>(), 0..6),
    ) {
        let mut response = response;
        let at = at.index(response.len());
        response[at] = byte;
        compare(&response, &cuts)?;
    }
}
