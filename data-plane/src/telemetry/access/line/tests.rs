use std::time::{Duration, UNIX_EPOCH};

use proptest::prelude::*;
use serde_json::Value;
use signalbox_proto::telemetry::TraceContext;

use super::*;
use crate::telemetry::access::{Outcome, Termination, redact::TEXT_MAX_BYTES};

fn line(record: &AccessRecord<'_>) -> String {
    let mut text = Vec::new();
    write(&mut text, &mut Stamp::default(), record, &suffix("eu-west", "edge-1"));
    String::from_utf8(text).unwrap()
}

fn full<'a>() -> AccessRecord<'a> {
    AccessRecord {
        time: UNIX_EPOCH + Duration::from_micros(1_767_225_845_000_042),
        duration: Duration::from_micros(3_214),
        first_byte: Some(Duration::from_millis(2)),
        upstream_time: Some(Duration::from_millis(1)),
        method: "POST",
        path: "/a2a/weather?key=sbx_secret",
        host: "gw.example",
        protocol: "HTTP/1.1",
        status: 200,
        organization: "default",
        agent: "weather",
        plan: "gold",
        consumer: "shop",
        key: "k1",
        client: Some([192, 0, 2, 7].into()),
        peer: Some(([127, 0, 0, 1], 5000).into()),
        upstream: "127.0.0.1:9999",
        attempts: 2,
        a2a_method: "message/stream",
        operation: "SendStreamingMessage",
        binding: "JSONRPC",
        version: "0.3",
        task: "t-1",
        context: "c-1",
        task_state: "completed",
        outcome: Outcome::AgentError,
        error: "",
        reason: "",
        rpc_error: Some(-32001),
        request_bytes: 10,
        response_bytes: 20,
        events: Some(3),
        heartbeats: 1,
        termination: Termination::Complete,
        config_revision: 42,
        trace: TraceContext::new([0xab; 16], [0xcd; 8], true),
    }
}

#[test]
fn a_full_line() {
    let expected = concat!(
        r#"{"time":"2026-01-01T00:04:05.000042Z","http.method":"POST","http.host":"gw.example","#,
        r#""http.path":"/a2a/weather","http.version":"HTTP/1.1","http.status":200,"duration_ms":3.214,"#,
        r#""first_byte_ms":2,"upstream_ms":1,"src.addr":"127.0.0.1:5000","client.address":"192.0.2.7","#,
        r#""endpoint":"127.0.0.1:9999","upstream.attempts":2,"http.request.bytes":10,"http.response.bytes":20,"#,
        r#""organization":"default","agent":"weather","plan":"gold","consumer":"shop","key":"k1","#,
        r#""config.revision":42,"protocol":"a2a","a2a.method":"message/stream","#,
        r#""a2a.operation":"SendStreamingMessage","a2a.binding":"JSONRPC","a2a.version":"0.3","#,
        r#""a2a.task.id":"t-1","a2a.context.id":"c-1","a2a.task.state":"completed","#,
        r#""a2a.response.outcome":"error","a2a.response.error_code":-32001,"a2a.events":3,"a2a.heartbeats":1,"#,
        r#""outcome":"agent_error","termination":"complete","trace.id":"abababababababababababababababab","#,
        r#""span.id":"cdcdcdcdcdcdcdcd","region":"eu-west","data_plane":"edge-1"}"#,
        "\n",
    );
    assert_eq!(line(&full()), expected);
}

#[test]
fn what_is_not_known_is_left_out() {
    let read: Value = serde_json::from_str(&line(&AccessRecord::default())).unwrap();
    let names: Vec<_> = read.as_object().unwrap().keys().collect();
    let expected = [
        "time",
        "http.status",
        "duration_ms",
        "http.request.bytes",
        "http.response.bytes",
        "config.revision",
        "outcome",
        "termination",
        "region",
        "data_plane",
    ];
    assert_eq!(names, expected);
}

#[test]
fn every_field_that_is_written_is_documented_once() {
    let mut names: Vec<_> = names::ALL.iter().map(|(field, _)| field.line).collect();
    let mut record = full();
    (record.error, record.reason) = ("UPSTREAM_TIMEOUT", "no answer");
    let read: Value = serde_json::from_str(&line(&record)).unwrap();
    for name in read.as_object().unwrap().keys().filter(|name| *name != "time") {
        assert!(names.contains(&name.as_str()), "{name} is not documented");
    }
    assert_eq!(read.as_object().unwrap().len(), names.len() + 1, "a documented field is not written");
    names.sort_unstable();
    names.dedup();
    assert_eq!(names.len(), names::ALL.len());
}

#[test]
fn every_outcome_and_termination_has_a_word_that_needs_no_escaping() {
    for outcome in Outcome::ALL {
        assert!(outcome.as_str().bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'));
        assert_eq!(Outcome::ALL[outcome as usize], outcome);
    }
}

proptest! {
    #[test]
    fn every_line_is_one_valid_json_object(texts in prop::collection::vec(any::<String>(), 16), status: u16, code: i64) {
        let [method, path, host, organization, agent, plan, consumer, key, upstream, a2a_method, operation, version, task,
            context, task_state, reason] = texts.iter().map(String::as_str).collect::<Vec<_>>().try_into().unwrap();
        let record = AccessRecord {
            method, path, host, organization, agent, plan, consumer, key, upstream, a2a_method, operation, version, task,
            context, task_state, reason, status, rpc_error: Some(code), ..full()
        };
        let line = line(&record);
        let object = line.strip_suffix('\n').unwrap();
        prop_assert!(!object.chars().any(char::is_control));
        let read: Value = serde_json::from_str(object).unwrap();
        prop_assert_eq!(&read["http.status"], &Value::from(status));
        if !task.contains("sbx_") && !task.is_empty() && (!operation.is_empty() || !a2a_method.is_empty()) {
            prop_assert_eq!(&read["a2a.task.id"], &Value::from(task));
        }
    }

    #[test]
    fn a_line_has_a_bounded_length(text in "\\PC{600,2000}") {
        let text = text.as_str();
        let record = AccessRecord {
            method: text, path: text, host: text, a2a_method: text, task: text, context: text, task_state: text,
            reason: text, ..full()
        };
        prop_assert!(line(&record).len() < 9 * 2 * TEXT_MAX_BYTES + 1024);
    }
}
