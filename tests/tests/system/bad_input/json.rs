//! Bodies that are no proper JSON-RPC request.

use system_tests::harness::{Upstream, http::post};

use crate::common::{ECHO, V1, assert_refused, assert_serves, in_front_of};

/// Sends bodies that all have to be refused alike, and checks that none of them reached the agent.
fn all_refused(bodies: &[&[u8]], status: u16, code: i64, reason: &str) {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    for body in bodies {
        let answer = post(gateway.address, ECHO, &V1, body);
        assert_refused(&answer, status, code, reason);
    }
    assert_eq!(agent.calls().len(), 0, "a refused body reached the agent");
    assert_serves(&gateway);
}

#[test]
fn malformed() {
    all_refused(
        &[
            b"{",
            b"hello",
            b"{\"jsonrpc\":\"2.0\",}",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\"} trailing",
            b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\"}{}",
        ],
        200,
        -32700,
        "PARSE_ERROR",
    );
}

#[test]
fn bad_utf_8() {
    let in_a_string =
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\",\"params\":{\"id\":\"\xff\xfe\"}}";
    let lone_surrogate =
        b"{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\",\"params\":{\"id\":\"\xed\xa0\x80\"}}";
    all_refused(&[in_a_string, lone_surrogate], 200, -32700, "PARSE_ERROR");
}

#[test]
fn no_request_object() {
    all_refused(
        &[b"1", b"\"x\"", b"null", b"{}", b"{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"GetTask\"}"],
        200,
        -32600,
        "INVALID_REQUEST",
    );
}

#[test]
fn a_batch() {
    let batch = b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"GetTask\",\"params\":{\"id\":\"t\"}}]";
    all_refused(&[b"[]", batch], 200, -32600, "BATCH_NOT_SUPPORTED");
}

#[test]
fn too_deep() {
    let deep = |depth: usize| {
        let (open, close) = ("[".repeat(depth), "]".repeat(depth));
        let params = format!("{{\"message\":{{\"metadata\":{{\"x\":{open}{close}}}}}}}");
        format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"SendMessage\",\"params\":{params}}}")
            .into_bytes()
    };
    all_refused(&[&deep(200), &deep(100_000)], 200, -32600, "TOO_DEEP");
}

#[test]
fn a_name_twice() {
    let call = |members: &str| format!("{{\"jsonrpc\":\"2.0\",\"id\":1,{members}}}").into_bytes();
    all_refused(
        &[
            &call("\"method\":\"GetTask\",\"method\":\"CancelTask\",\"params\":{\"id\":\"t\"}"),
            &call("\"method\":\"GetTask\",\"\\u006dethod\":\"CancelTask\",\"params\":{\"id\":\"t\"}"),
            &call("\"id\":2,\"method\":\"GetTask\",\"params\":{\"id\":\"t\"}"),
            &call("\"method\":\"GetTask\",\"params\":{\"id\":\"t\"},\"params\":{\"id\":\"u\"}"),
            &call("\"method\":\"GetTask\",\"params\":{\"id\":\"t\",\"id\":\"u\"}"),
        ],
        200,
        -32600,
        "DUPLICATE_KEY",
    );
}

#[test]
fn a_name_in_two_spellings() {
    let call = |params: &str| {
        format!("{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"SendMessage\",\"params\":{params}}}")
            .into_bytes()
    };
    all_refused(
        &[
            &call("{\"message\":{\"taskId\":\"a\",\"task_id\":\"b\"}}"),
            &call("{\"message\":{\"taskId\":\"a\",\"task\\u005fid\":\"b\"}}"),
            &call("{\"message\":{\"contextId\":\"a\",\"context_id\":\"b\"}}"),
        ],
        200,
        -32600,
        "DUPLICATE_KEY",
    );
}

#[test]
fn refusals_echo_the_id_where_it_can_be_read() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let unknown = b"{\"jsonrpc\":\"2.0\",\"id\":\"a-\\u00e9\",\"method\":\"NoSuchMethod\"}";
    let answer = post(gateway.address, ECHO, &V1, unknown);
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.json()["id"], "a-\u{e9}", "{}", answer.text());
    let broken = post(gateway.address, ECHO, &V1, b"{");
    assert!(broken.json()["id"].is_null(), "{}", broken.text());
}

#[test]
fn callers_of_0_3_get_their_own_dialect() {
    let agent = Upstream::well_behaved();
    let gateway = in_front_of(&agent);
    let answer = post(gateway.address, ECHO, &[], b"{");
    assert_eq!(answer.status(), 200, "{}", answer.text());
    assert_eq!(answer.error_code(), -32700);
    assert_eq!(answer.json()["jsonrpc"], "2.0");
}
