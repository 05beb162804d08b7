use std::time::Duration;

use futures_util::StreamExt;
use serde_json::{Value, json};

use super::{Agent, Answer};
use crate::{events, tasks::Pace};

fn agent() -> Agent {
    Agent::new(&json!({}), Pace { chunks: 2, interval: Duration::from_secs(1) })
}

fn call(agent: &Agent, method: &str, params: &Value) -> Answer {
    agent.answer(
        json!({"jsonrpc": "2.0", "id": "x", "method": method, "params": params}).to_string().as_bytes(),
        None,
    )
}

fn unary(answer: Answer) -> Value {
    match answer {
        Answer::Unary(value) => value,
        Answer::Stream(..) => panic!("a stream instead of one answer"),
    }
}

fn message() -> Value {
    json!({"message": {"parts": [{"text": "hi"}], "contextId": "c"}})
}

async fn results(answer: Answer) -> Vec<Value> {
    let Answer::Stream(task, dialect, id) = answer else { panic!("one answer instead of a stream") };
    let frames: Vec<_> = events::follow(task, dialect, id).collect().await;
    let data = frames.into_iter().map(|frame| frame.unwrap().into_data().unwrap());
    data.map(|data| {
        let text = std::str::from_utf8(&data).unwrap();
        let event: Value = serde_json::from_str(text.trim().strip_prefix("data: ").unwrap()).unwrap();
        assert_eq!(event["id"], "x");
        event["result"].clone()
    })
    .collect()
}

#[test]
fn the_same_task_is_written_in_both_dialects() {
    let agent = agent();
    let new = unary(call(&agent, "SendMessage", &message()))["result"]["task"].clone();
    assert_eq!((&new["status"]["state"], &new["contextId"]), (&json!("TASK_STATE_COMPLETED"), &json!("c")));
    assert_eq!(new["kind"], Value::Null);
    let old = unary(call(&agent, "tasks/get", &json!({"id": new["id"]})))["result"].clone();
    assert_eq!((&old["status"]["state"], &old["kind"]), (&json!("completed"), &json!("task")));
    assert_eq!(old["artifacts"][0]["parts"].as_array().unwrap().len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_stream_tells_every_chunk_and_the_end() {
    let agent = agent();
    let old = results(call(&agent, "message/stream", &message())).await;
    let kinds: Vec<_> = old.iter().map(|event| event["kind"].as_str().unwrap()).collect();
    assert_eq!(kinds, ["task", "artifact-update", "artifact-update", "status-update"]);
    assert_eq!(old[3]["final"], true);

    let new = results(call(&agent, "SendStreamingMessage", &message())).await;
    assert_eq!(new[2]["artifactUpdate"]["lastChunk"], true);
    assert_eq!(new[3]["statusUpdate"]["status"]["state"], "TASK_STATE_COMPLETED");
}

#[tokio::test(start_paused = true)]
async fn a_message_sets_its_own_pace() {
    let params = json!({"message": {"parts": [], "metadata": {"chunks": 5.0, "intervalMs": 0}}});
    assert_eq!(results(call(&agent(), "SendStreamingMessage", &params)).await.len(), 7);
}

#[tokio::test(start_paused = true)]
async fn a_second_follower_sees_the_cancellation() {
    let agent = agent();
    let Answer::Stream(task, ..) = call(&agent, "SendStreamingMessage", &message()) else {
        panic!("no stream")
    };
    let id = json!({"id": task.id});
    let follower = call(&agent, "SubscribeToTask", &id);
    assert_eq!(unary(call(&agent, "CancelTask", &id))["result"]["status"]["state"], "TASK_STATE_CANCELED");
    let seen = results(follower).await;
    assert_eq!(seen.last().unwrap()["task"]["status"]["state"], "TASK_STATE_CANCELED");
    assert_eq!(unary(call(&agent, "CancelTask", &id))["error"]["code"], -32002);
    assert_eq!(unary(call(&agent, "SubscribeToTask", &id))["error"]["code"], -32004);
}

#[test]
fn what_it_cannot_do_is_an_error_with_the_id() {
    let agent = agent();
    for (method, params, code) in [
        ("tasks/get", json!({"id": "nobody"}), -32001),
        ("GetTask", json!({}), -32602),
        ("SendMessage", json!({}), -32602),
        ("message/sing", json!({}), -32601),
    ] {
        let answer = unary(call(&agent, method, &params));
        assert_eq!((&answer["id"], &answer["error"]["code"]), (&json!("x"), &json!(code)), "{method}");
    }
    assert_eq!(unary(agent.answer(b"{", None))["error"]["code"], -32700);
}
