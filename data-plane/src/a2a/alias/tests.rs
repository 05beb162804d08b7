use bytes::Bytes;

use super::to_streaming;
use crate::a2a::jsonrpc::classify;
use crate::a2a::operation::Operation;
use crate::error::Code;

fn rewritten(body: &'static str) -> Result<String, Code> {
    let body = Bytes::from_static(body.as_bytes());
    let call = classify(&body).unwrap();
    let streaming = to_streaming(&body, &call).map_err(|error| error.code())?;
    let text = String::from_utf8(streaming.body.to_vec()).unwrap();
    let again = classify(text.as_bytes()).unwrap();
    assert_eq!(again.operation, Operation::SendStreamingMessage);
    assert_eq!(again.method, streaming.method);
    Ok(text)
}

#[test]
fn sends_become_their_streaming_operation_in_the_method_alone() {
    assert_eq!(
        rewritten(
            r#"{"id":1, "method" : "message/send","params":{"method":"message/send"},"jsonrpc":"2.0"}"#
        ),
        Ok(r#"{"id":1, "method" : "message/stream","params":{"method":"message/send"},"jsonrpc":"2.0"}"#
            .to_owned())
    );
    assert_eq!(
        rewritten(r#"{"jsonrpc":"2.0","method":"Send\u004dessage","id":"x"}"#),
        Ok(r#"{"jsonrpc":"2.0","method":"SendStreamingMessage","id":"x"}"#.to_owned())
    );
}

#[test]
fn streaming_operations_stay_as_they_are() {
    for body in [
        r#"{"jsonrpc":"2.0","method":"message/stream","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"SendStreamingMessage","id":1}"#,
    ] {
        assert_eq!(rewritten(body), Ok(body.to_owned()));
    }
}

#[test]
fn other_methods_are_refused() {
    for body in [
        r#"{"jsonrpc":"2.0","method":"tasks/get","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"tasks/send","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"SubscribeToTask","id":1}"#,
        r#"{"jsonrpc":"2.0","method":"x/y","id":1}"#,
    ] {
        assert_eq!(rewritten(body), Err(Code::InvalidRequest), "{body}");
    }
}
