//! `docs/errors.md` is made from the table. `UPDATE_GOLDENS=1` writes it.

use std::fmt::Write as _;
use std::path::Path;

use crate::error::{Code, Dialect, Fault, Nature, Retry};

const INTRODUCTION: &str = "\
# Errors

Made from the table in `data-plane/src/error/code.rs`; a test keeps it current (`UPDATE_GOLDENS=1 cargo test` writes it).

Every error that a data plane answers has a reason, which never changes. It is the `reason` of the
`google.rpc.ErrorInfo` in `error.data` (JSON-RPC), in `error.details` (HTTP+JSON), in `grpc-status-details-bin` (gRPC),
and the `error` field of the access log. Callers of A2A 0.x get that object as `error.data` itself.

- **Fault**: who has to change something.
- **Repeat**: *safe*: nothing reached the agent, a repeat cannot act twice. *look first*: the agent may have acted; only
  reads and CancelTask may be repeated blindly. *no*: the same request fails again.
- **JSON-RPC**: HTTP status and error code. Errors of the protocol and answers in the agent's place come with HTTP 200,
  because SDKs throw the body of other answers away. Codes beyond -32007 become -32603 for callers of 0.x.
- Reasons marked * are A2A's own, with domain `a2a-protocol.org`; all others have domain `signalbox.dev`.

Once an event stream has begun, an error is its last event: `data:` with a JSON-RPC response that carries the id of the
request, or `event: error` with the status object (HTTP+JSON). In gRPC every error is a status in the trailers, or in the
head of an answer that has nothing else, with HTTP 200.

| reason | fault | repeat | JSON-RPC | HTTP+JSON | gRPC | what the caller reads |
|---|---|---|---|---|---|---|
";

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    for code in Code::ALL {
        let row = code.row();
        let fault = match row.fault {
            Fault::Client => "caller",
            Fault::Gateway => "gateway",
            Fault::Upstream => "agent",
        };
        let repeat = match (row.retry, row.retry_after_seconds) {
            (Retry::Never, _) => "no".to_owned(),
            (Retry::Unknown, _) => "look first".to_owned(),
            (Retry::Safe, None) => "safe".to_owned(),
            (Retry::Safe, Some(seconds)) => format!("safe, {seconds} s"),
        };
        let star = if row.nature == Nature::InAgentsPlace { "*" } else { "" };
        writeln!(
            page,
            "| `{}`{star} | {fault} | {repeat} | {} {} | {} | {} {} | {} |",
            row.reason,
            row.json_rpc_http(),
            row.json_rpc_code(Dialect::V1),
            row.http,
            row.grpc.number(),
            row.grpc.name(),
            row.public
        )
        .unwrap();
    }
    page
}

#[test]
fn the_documentation_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/errors.md");
    let page = page();
    if std::env::var_os("UPDATE_GOLDENS").is_some() {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, &page).unwrap();
    }
    let written = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(written == page, "docs/errors.md is stale: run the tests with UPDATE_GOLDENS=1");
}
