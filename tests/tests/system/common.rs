//! Small things that many tests say.

use serde_json::{Value, json};
use signalbox_proto::key::{Token, TokenKind};
use system_tests::harness::{
    DataPlane, Upstream,
    http::{Response, post},
    manifest::{KEYLESS_PLAN, Manifest},
};

/// A new API key, and its SHA-256 in hex, by which manifests bring it along.
pub(crate) fn new_api_key() -> (String, String) {
    let token = Token::generate(TokenKind::ApiKey).expect("random bytes");
    (token.expose().to_owned(), hex::encode(token.sha256().0))
}

/// A unary call in the dialect of 1.0.
pub(crate) fn send_message(id: i64) -> Vec<u8> {
    let message = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]});
    let call = json!({"jsonrpc": "2.0", "id": id, "method": "SendMessage", "params": {"message": message}});
    call.to_string().into_bytes()
}

/// A streaming call in the dialect of 1.0.
pub(crate) fn send_streaming_message(id: i64) -> Vec<u8> {
    let message = json!({"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hello"}]});
    let call =
        json!({"jsonrpc": "2.0", "id": id, "method": "SendStreamingMessage", "params": {"message": message}});
    call.to_string().into_bytes()
}

/// The first header of a request that an agent of the SDKs observed.
pub(crate) fn header_of(observed: &Value, name: &str) -> Option<String> {
    let headers = observed["headers"].as_array()?;
    let found = headers.iter().find(|pair| pair[0] == name)?;
    found[1].as_str().map(str::to_owned)
}

/// Checks a refusal in the dialect of 1.0: HTTP status, JSON-RPC code, reason of the `ErrorInfo`.
#[track_caller]
pub(crate) fn assert_refused(answer: &Response, status: u16, code: i64, reason: &str) {
    let text = answer.text();
    assert_eq!(answer.status(), status, "{text}");
    assert_eq!(answer.head.get("content-type"), Some("application/json"), "{text}");
    let body = answer.json();
    assert_eq!(body["jsonrpc"], "2.0", "{text}");
    assert_error(&body["error"], code, reason);
}

/// Checks a JSON-RPC error in the dialect of 1.0.
#[track_caller]
pub(crate) fn assert_error(error: &Value, code: i64, reason: &str) {
    assert_eq!(error["code"], code, "{error}");
    assert_eq!(error["data"][0]["@type"], "type.googleapis.com/google.rpc.ErrorInfo", "{error}");
    assert_eq!(error["data"][0]["reason"], reason, "{error}");
    assert!(error["message"].as_str().is_some_and(|message| !message.is_empty()), "{error}");
}

/// A data plane in front of one agent under a keyless plan, at `/a2a/echo`.
pub(crate) fn in_front_of(agent: &Upstream) -> DataPlane {
    DataPlane::standalone(&Manifest::new().keyless().agent("echo", &agent.url(), KEYLESS_PLAN))
}

/// Checks that a data plane still serves somebody else well.
#[track_caller]
pub(crate) fn assert_serves(gateway: &DataPlane) {
    let answer = post(gateway.address, ECHO, &V1, &send_message(99));
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.json()["id"], 99, "{}", answer.text());
}

/// The address of [`in_front_of`]'s agent.
pub(crate) const ECHO: &str = "/a2a/echo";
/// The header of callers of 1.0.
pub(crate) const V1: [(&str, &str); 1] = [("a2a-version", "1.0")];
