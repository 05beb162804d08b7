//! O1: what operators see.

use serde_json::Value;
use system_tests::harness::{
    DataPlane,
    manifest::{KEYLESS_PLAN, Manifest},
    wait_until,
};

use crate::{
    agents::{Binding, Fixture, Kind, Target},
    call::{Operation, task_of},
    record::statement,
};

/// Operations that the metrics have to count for each binding and version.
const COUNTED: [&str; 5] =
    ["SendMessage", "SendStreamingMessage", "GetTask", "CancelTask", "GetExtendedAgentCard"];

/// The calls of one session and the task that they were about.
struct Session {
    target: Target,
    task: String,
    context: String,
    /// Canonical operations, in order.
    calls: Vec<&'static str>,
}

/// Calls every operation that ends by itself.
fn session(target: Target) -> Session {
    let mut calls = Vec::new();
    let mut call = |operation: Operation<'_>| {
        calls.push(operation.name());
        target.run(operation)
    };
    call(Operation::Send("hello"));
    let streamed = call(Operation::Stream("stream 3 5"));
    let (task, context) = task_of(&streamed).unwrap_or_else(|| panic!("{streamed:?}"));
    call(Operation::Get(&task));
    call(Operation::Cancel(&task));
    call(Operation::CreateConfig(&task));
    call(Operation::GetConfig(&task));
    call(Operation::ListConfigs(&task));
    call(Operation::DeleteConfig(&task));
    call(Operation::ExtendedCard);
    Session { target, task, context, calls }
}

/// The next line of the access log about a call, which has to be about an operation.
fn line(gateway: &mut DataPlane, target: &Target, operation: &str) -> Value {
    loop {
        let line = gateway.process.json_line().expect("the data plane runs");
        let is_card = line["http.path"].as_str().is_some_and(|path| path.contains("/.well-known/"));
        if is_card || !line["a2a.operation"].is_string() {
            continue;
        }
        let label = format!("{} {operation}: {line}", target.label());
        assert_eq!(line["a2a.operation"], operation, "{label}");
        assert_eq!(line["a2a.binding"], target.binding.name(), "{label}");
        assert_eq!(line["a2a.version"], target.version, "{label}");
        return line;
    }
}

/// Checks what the lines say of outcome, task, context, state and error.
fn check(session: &Session, lines: &[Value]) {
    let [sent, streamed, got, cancelled, ..] = lines else { panic!("four lines at least: {lines:?}") };
    let label = session.target.label();
    assert_eq!(sent["a2a.response.outcome"], "success", "{label} {sent}");
    for line in [streamed, got] {
        assert_eq!(line["a2a.task.id"], session.task.as_str(), "{label} {line}");
        assert_eq!(line["a2a.context.id"], session.context.as_str(), "{label} {line}");
        let state = line["a2a.task.state"].as_str().unwrap_or_default().to_ascii_lowercase();
        assert!(state.contains("completed"), "{label} {line}");
    }
    assert!(streamed["a2a.events"].as_u64().is_some_and(|events| events >= 5), "{label} {streamed}");
    assert_eq!(cancelled["a2a.response.outcome"], "error", "{label} {cancelled}");
    assert!(!cancelled["a2a.response.error_code"].is_null(), "{label} {cancelled}");
    assert_eq!(cancelled["a2a.task.id"], session.task.as_str(), "{label} {cancelled}");
}

#[test]
fn o1_one_name_for_an_operation() {
    statement("O1", |evidence| {
        let kinds = [Kind::PythonBoth, Kind::JavaScriptBoth];
        // One thread writes its lines in the order of the calls.
        let manifest = Manifest::new().keyless();
        let mut fixture = Fixture::start_with(&kinds, manifest, KEYLESS_PLAN, "", &["--threads", "1"]);
        let mut sessions = Vec::new();
        for (kind, version) in
            kinds.into_iter().flat_map(|kind| kind.versions().iter().map(move |version| (kind, *version)))
        {
            for binding in Binding::ALL {
                let target = fixture.through(kind).target(binding, version);
                sessions.push(session(target.expect("the card names the interface")));
            }
        }
        let mut count = 0;
        // The log is written in blocks: the lines are read when all calls are over.
        for session in &sessions {
            let calls = session.calls.iter();
            let lines: Vec<_> = calls.map(|name| line(&mut fixture.gateway, &session.target, name)).collect();
            check(session, &lines);
            count += lines.len();
        }
        let sessions_each = sessions.len() / kinds.len();
        for operation in COUNTED {
            wait_until("the calls are counted", || {
                let metrics = fixture.gateway.metrics();
                let labels = |kind: Kind| [("agent", kind.id()), ("operation", operation)];
                let of = |kind| metrics.sum("signalbox_requests_total", &labels(kind));
                kinds.iter().all(|kind| of(*kind) > sessions_each as f64 - 0.5).then_some(())
            });
        }
        evidence.add(format!("{count} calls of 2 SDK agents over 3 bindings in 2 versions: canonical operation, binding and version in the access log, and the same name in the metrics; task, context and state from answers and streams, the error code from errors"));
    });
}
