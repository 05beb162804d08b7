//! O1: what operators see.

use serde_json::Value;
use system_tests::harness::{DataPlane, wait_until};

use crate::{
    agents::{Binding, Fixture, Kind, Target},
    call::{Operation, task_of},
    record::statement,
};

/// The next line of the access log about a call.
fn line(gateway: &mut DataPlane) -> Value {
    loop {
        let line = gateway.process.json_line().expect("the data plane runs");
        let is_card = line["http.path"].as_str().is_some_and(|path| path.contains("/.well-known/"));
        if line["a2a.operation"].is_string() && !is_card {
            return line;
        }
    }
}

/// Makes a call and gives its line.
fn logged(
    gateway: &mut DataPlane,
    target: &Target,
    operation: Operation<'_>,
) -> (crate::call::Answer, Value) {
    let answer = target.run(operation);
    let line = line(gateway);
    let label = format!("{} {}: {line}", target.label(), operation.name());
    assert_eq!(line["a2a.operation"], operation.name(), "{label}");
    assert_eq!(line["a2a.binding"], target.binding.name(), "{label}");
    assert_eq!(line["a2a.version"], target.version, "{label}");
    (answer, line)
}

#[test]
fn o1_one_name_for_an_operation() {
    statement("O1", |evidence| {
        let kinds = [Kind::PythonBoth, Kind::JavaScriptBoth];
        let mut fixture = Fixture::start(&kinds);
        let mut count = 0;
        for kind in kinds {
            for (binding, version) in Binding::ALL
                .into_iter()
                .flat_map(|binding| kind.versions().iter().map(move |version| (binding, *version)))
            {
                let target =
                    fixture.through(kind).target(binding, version).expect("the card names the interface");
                count += session(&mut fixture.gateway, &target);
            }
        }
        for operation in
            ["SendMessage", "SendStreamingMessage", "GetTask", "CancelTask", "GetExtendedAgentCard"]
        {
            wait_until("the calls are counted", || {
                let metrics = fixture.gateway.metrics();
                let of = |kind: Kind| {
                    metrics.sum("signalbox_requests_total", &[("agent", kind.id()), ("operation", operation)])
                };
                kinds.iter().all(|kind| of(*kind) > 5.5).then_some(())
            });
        }
        evidence.add(format!("{count} calls of 2 SDK agents over 3 bindings in 2 versions: canonical operation, binding and version in the access log, and the same name in the metrics; task, context and state from answers and streams, the error code from errors"));
    });
}

fn session(gateway: &mut DataPlane, target: &Target) -> usize {
    let (_, sent) = logged(gateway, target, Operation::Send("hello"));
    assert_eq!(sent["a2a.response.outcome"], "success", "{sent}");
    let (streamed, line) = logged(gateway, target, Operation::Stream("stream 3 5"));
    let (task, context) = task_of(&streamed).unwrap_or_else(|| panic!("{streamed:?}"));
    let is_about = |line: &Value, state: &str| {
        let seen = [&line["a2a.task.id"], &line["a2a.context.id"]];
        assert_eq!(
            seen,
            [&Value::from(task.clone()), &Value::from(context.clone())],
            "{} {line}",
            target.label()
        );
        let told = line["a2a.task.state"].as_str().unwrap_or_default().to_ascii_lowercase();
        assert!(told.contains(state), "{} {line}", target.label());
    };
    is_about(&line, "completed");
    assert!(line["a2a.events"].as_u64().is_some_and(|events| events >= 5), "{line}");
    let (_, line) = logged(gateway, target, Operation::Get(&task));
    is_about(&line, "completed");
    let (_, line) = logged(gateway, target, Operation::Cancel(&task));
    assert_eq!(line["a2a.response.outcome"], "error", "{} {line}", target.label());
    assert!(!line["a2a.response.error_code"].is_null(), "{} {line}", target.label());
    assert_eq!(line["a2a.task.id"], task.as_str(), "{} {line}", target.label());
    let operations = [
        Operation::CreateConfig(&task),
        Operation::GetConfig(&task),
        Operation::ListConfigs(&task),
        Operation::DeleteConfig(&task),
        Operation::ExtendedCard,
    ];
    for operation in operations {
        let _ = logged(gateway, target, operation);
    }
    4 + operations.len()
}
