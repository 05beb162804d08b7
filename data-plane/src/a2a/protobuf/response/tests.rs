//! The messages in hex were written by the official Python SDK: `SerializeToString()` of the classes in
//! `a2a.types.a2a_pb2` (a2a-sdk 1.3.0) and `a2a.grpc.a2a_pb2` (0.3.26).

use super::read;
use crate::a2a::protobuf::Method;
use crate::a2a::response::{Outcome, TaskState};

const V1: &str = "/lf.a2a.v1.A2AService/";
const V0: &str = "/a2a.v1.A2AService/";

#[test]
fn reads_answers_and_events_of_both_packages() {
    use TaskState::{Canceled, Completed, InputRequired};
    let status_event = "1a1a0a067461736b2d3112056374782d311a09080612050a016d2002";
    let artifact_event = "22160a067461736b2d3112056374782d311a030a01612801";
    for (service, name, message, state) in [
        (V1, "GetTask", "0a067461736b2d3112056374782d311a020803", Some(Completed)),
        (V0, "CancelTask", "0a067461736b2d3112056374782d311a020805", Some(Canceled)),
        (V1, "SendMessage", "121d0a016d12056374782d311a067461736b2d3120022a070a0568656c6c6f", None),
        (V1, "SendMessage", "0a130a067461736b2d3112056374782d311a020803", Some(Completed)),
        (V1, "SendStreamingMessage", status_event, Some(InputRequired)),
        (V1, "SubscribeToTask", status_event, Some(InputRequired)),
        (V0, "TaskSubscription", artifact_event, None),
        (V0, "SendStreamingMessage", artifact_event, None),
    ] {
        let path = format!("{service}{name}");
        let bytes = hex::decode(message).unwrap();
        let outcome = read(Method::of_path(&path).unwrap(), &bytes).unwrap();
        let expected = Outcome {
            task_id: Some("task-1".into()),
            context_id: Some("ctx-1".into()),
            state,
            ..Outcome::default()
        };
        assert_eq!(outcome, expected, "{path}");
    }
}

#[test]
fn reads_the_task_of_a_webhook() {
    for (path, message) in [
        (
            "/a2a.v1.A2AService/GetTaskPushNotificationConfig",
            "0a267461736b732f7461736b2d312f707573684e6f74696669636174696f6e436f6e666967732f631218121668747470733a2f2f686f6f6b2e6578616d706c652f78",
        ),
        (
            "/lf.a2a.v1.A2AService/CreateTaskPushNotificationConfig",
            "1201631a067461736b2d31221668747470733a2f2f686f6f6b2e6578616d706c652f78",
        ),
    ] {
        let bytes = hex::decode(message).unwrap();
        let outcome = read(Method::of_path(path).unwrap(), &bytes).unwrap();
        assert_eq!(outcome, Outcome { task_id: Some("task-1".into()), ..Outcome::default() });
    }
}

#[test]
fn knows_nothing_of_what_it_cannot_read() {
    let method = |name| Method::of_path(name).unwrap();
    assert_eq!(read(method("/lf.a2a.v1.A2AService/GetTask"), &[0xff]), None);
    assert_eq!(read(method("/lf.a2a.v1.A2AService/SendMessage"), &[0x0a, 1, 0xff]), None);
    let nothing = Some(Outcome::default());
    assert_eq!(read(method("/lf.a2a.v1.A2AService/GetTask"), &[]), nothing);
    assert_eq!(read(method("/lf.a2a.v1.A2AService/GetTask"), &[0x0a, 1, 0xff]), nothing);
    assert_eq!(read(method("/lf.a2a.v1.A2AService/ListTasks"), &[0xff]), nothing);
    assert_eq!(read(method("/lf.a2a.v1.A2AService/SendMessage"), &[0x08, 1]), nothing);
    // A state that A2A does not define.
    let task = [0x1a, 2, 0x08, 99];
    assert_eq!(read(method("/lf.a2a.v1.A2AService/GetTask"), &task).unwrap().state, Some(TaskState::Unknown));
}

#[test]
fn the_last_member_of_the_oneof_counts() {
    let bytes = [0x0a, 3, 0x0a, 1, b'a', 0x12, 3, 0x1a, 1, b'b'];
    let outcome = read(Method::of_path("/lf.a2a.v1.A2AService/SendMessage").unwrap(), &bytes).unwrap();
    assert_eq!(outcome.task_id.as_deref(), Some("b"));
}
