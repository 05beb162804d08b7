//! The messages in hex were written by the official Python SDK: `SerializeToString()` of the classes in
//! `a2a.types.a2a_pb2` (a2a-sdk 1.3.0) and `a2a.grpc.a2a_pb2` (0.3.26).

use proptest::prelude::*;
use prost::Message as _;

use super::classify;
use crate::a2a::operation::Naming;
use crate::a2a::protobuf::Method;
use crate::a2a::{Binding, Call};
use crate::error::Code;

fn call<'a>(path: &'a str, message: &'a [u8]) -> Result<Call<'a>, Code> {
    classify(Method::of_path(path).unwrap(), message).map_err(|error| error.code())
}

/// Task, context, waits, webhook.
fn facts(path: &str, message: &str) -> (Option<String>, Option<String>, bool, bool) {
    let message = hex::decode(message).unwrap();
    let call = call(path, &message).unwrap();
    let owned = |text: &Option<std::borrow::Cow<'_, str>>| text.as_deref().map(ToOwned::to_owned);
    (owned(&call.task_id), owned(&call.context_id), call.waits, call.has_push_config)
}

fn some(text: &str) -> Option<String> {
    Some(text.to_owned())
}

mod v1 {
    pub(super) const SEND: &str = "0a0174121a0a016d12056374782d311a067461736b2d3120012a040a0268691a270a0474657874121b221668747470733a2f2f686f6f6b2e6578616d706c652f782a017318032001";
    pub(super) const GET_TASK: &str = "0a017412067461736b2d311802";
    pub(super) const LIST_TASKS: &str = "12056374782d312005";
    pub(super) const CREATE_PUSH: &str =
        "1201631a067461736b2d31221668747470733a2f2f686f6f6b2e6578616d706c652f78";
    pub(super) const LIST_PUSH: &str = "0a067461736b2d31220174";
    pub(super) const DELETE_PUSH: &str = "12067461736b2d311a0163";
}

mod v0 {
    pub(super) const SEND: &str = "0a1a0a016d12056374782d311a067461736b2d3120012a040a02686912270a0474657874121b0a0163121668747470733a2f2f686f6f6b2e6578616d706c652f7818032001";
    pub(super) const GET_TASK: &str = "0a0c7461736b732f7461736b2d311002";
    pub(super) const CREATE_PUSH: &str = "0a0c7461736b732f7461736b2d311201631a420a267461736b732f7461736b2d312f707573684e6f74696669636174696f6e436f6e666967732f631218121668747470733a2f2f686f6f6b2e6578616d706c652f78";
    pub(super) const DELETE_PUSH: &str =
        "0a267461736b732f7461736b2d312f707573684e6f74696669636174696f6e436f6e666967732f63";
}

#[test]
fn reads_requests_of_1_0() {
    let service = |name| format!("/lf.a2a.v1.A2AService/{name}");
    for name in ["SendMessage", "SendStreamingMessage"] {
        assert_eq!(facts(&service(name), v1::SEND), (some("task-1"), some("ctx-1"), false, true));
    }
    for (name, message) in [
        ("GetTask", v1::GET_TASK),
        ("CancelTask", v1::GET_TASK),
        ("SubscribeToTask", v1::GET_TASK),
        ("GetTaskPushNotificationConfig", v1::DELETE_PUSH),
        ("DeleteTaskPushNotificationConfig", v1::DELETE_PUSH),
        ("ListTaskPushNotificationConfigs", v1::LIST_PUSH),
    ] {
        assert_eq!(facts(&service(name), message), (some("task-1"), None, true, false), "{name}");
    }
    assert_eq!(facts(&service("ListTasks"), v1::LIST_TASKS), (None, some("ctx-1"), true, false));
    let create = facts(&service("CreateTaskPushNotificationConfig"), v1::CREATE_PUSH);
    assert_eq!(create, (some("task-1"), None, true, true));
    assert_eq!(facts(&service("GetExtendedAgentCard"), ""), (None, None, true, false));
}

#[test]
fn reads_requests_of_0_x() {
    let service = |name| format!("/a2a.v1.A2AService/{name}");
    assert_eq!(facts(&service("SendMessage"), v0::SEND), (some("task-1"), some("ctx-1"), true, true));
    for (name, message) in [
        ("GetTask", v0::GET_TASK),
        ("CancelTask", v0::GET_TASK),
        ("TaskSubscription", v0::GET_TASK),
        ("GetTaskPushNotificationConfig", v0::DELETE_PUSH),
        ("DeleteTaskPushNotificationConfig", v0::DELETE_PUSH),
        ("ListTaskPushNotificationConfig", v0::GET_TASK),
    ] {
        assert_eq!(facts(&service(name), message), (some("task-1"), None, true, false), "{name}");
    }
    let create = facts(&service("CreateTaskPushNotificationConfig"), v0::CREATE_PUSH);
    assert_eq!(create, (some("task-1"), None, true, true));
}

#[test]
fn says_what_carried_it() {
    let call = call("/a2a.v1.A2AService/GetTask", &[]).unwrap();
    assert_eq!((call.binding, call.naming), (Binding::Grpc, Some(Naming::V03)));
    assert_eq!((call.id, call.task_id), (None, None));
}

#[test]
fn waiting_depends_on_the_package() {
    let waits = |path, message: &[u8]| call(path, message).unwrap().waits;
    // No configuration; an empty one; one whose flag is set.
    let of_1_0 =
        [&[][..], &[0x1a, 0], &[0x1a, 2, 0x20, 1]].map(|m| waits("/lf.a2a.v1.A2AService/SendMessage", m));
    assert_eq!(of_1_0, [true, true, false]);
    let of_0_x =
        [&[][..], &[0x12, 0], &[0x12, 2, 0x20, 1]].map(|m| waits("/a2a.v1.A2AService/SendMessage", m));
    assert_eq!(of_0_x, [true, false, true]);
}

#[test]
fn refuses_fields_that_count_when_they_occur_twice() {
    let send = "/lf.a2a.v1.A2AService/SendMessage";
    for message in [
        &[0x12, 0, 0x12, 0][..],
        &[0x1a, 0, 0x1a, 0],
        &[0x12, 6, 0x1a, 1, b'a', 0x1a, 1, b'b'],
        &[0x1a, 4, 0x12, 0, 0x12, 0],
        &[0x1a, 4, 0x20, 0, 0x20, 1],
    ] {
        assert_eq!(call(send, message), Err(Code::DuplicateKey), "{message:x?}");
    }
    let twice = [0x12, 1, b'a', 0x12, 1, b'a'];
    assert_eq!(call("/lf.a2a.v1.A2AService/GetTask", &twice), Err(Code::DuplicateKey));
    // The tenant, which nothing depends on.
    assert!(call("/lf.a2a.v1.A2AService/GetTask", &[0x0a, 1, b'a', 0x0a, 1, b'a']).is_ok());
}

#[test]
fn refuses_what_parsers_read_differently() {
    let path = "/lf.a2a.v1.A2AService/GetTask";
    for message in [&[0x12, 1, 0xff][..], &[0x10, 1], &[0x12, 5], &[0x13, 0x14]] {
        assert_eq!(call(path, message), Err(Code::InvalidRequest), "{message:x?}");
    }
    assert_eq!(call("/lf.a2a.v1.A2AService/SendMessage", &[0x1a, 2, 0x22, 0]), Err(Code::InvalidRequest));
    assert_eq!(call(path, &[0x0b; 300]), Err(Code::TooDeep));
}

#[test]
fn unknown_methods_are_not_looked_into() {
    assert!(call("/lf.a2a.v1.A2AService/Custom", &[0xff]).is_ok());
}

/// A request as another encoder knows it, with fields that this gateway does not know.
#[derive(Clone, PartialEq, prost::Message)]
struct SendMessageRequest {
    #[prost(string, tag = "1")]
    tenant: String,
    #[prost(message, optional, tag = "2")]
    message: Option<Message>,
    #[prost(message, optional, tag = "3")]
    configuration: Option<Configuration>,
    #[prost(string, repeated, tag = "99")]
    unknown: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Message {
    #[prost(string, tag = "1")]
    message_id: String,
    #[prost(string, tag = "2")]
    context_id: String,
    #[prost(string, tag = "3")]
    task_id: String,
    #[prost(bytes = "vec", repeated, tag = "5")]
    parts: Vec<Vec<u8>>,
    #[prost(string, repeated, tag = "7")]
    extensions: Vec<String>,
}

#[derive(Clone, PartialEq, prost::Message)]
struct Configuration {
    #[prost(string, repeated, tag = "1")]
    accepted_output_modes: Vec<String>,
    #[prost(bytes = "vec", optional, tag = "2")]
    push: Option<Vec<u8>>,
    #[prost(int32, optional, tag = "3")]
    history_length: Option<i32>,
    #[prost(bool, tag = "4")]
    return_immediately: bool,
}

proptest! {
    #[test]
    fn agrees_with_prost(
        tenant in "[a-z]{0,4}",
        message in prop::option::of(("[a-zé]{0,6}", "[a-zé]{0,6}", "[a-z]{0,4}")),
        configuration in prop::option::of((
            prop::option::of(prop::collection::vec(any::<u8>(), 0..9)),
            prop::option::of(any::<i32>()),
            any::<bool>(),
        )),
    ) {
        let request = SendMessageRequest {
            tenant,
            message: message.map(|(context_id, task_id, extension)| Message {
                context_id,
                task_id,
                extensions: vec![extension],
                parts: vec![vec![1, 2, 3]],
                ..Message::default()
            }),
            configuration: configuration.map(|(push, history_length, return_immediately)| Configuration {
                push,
                history_length,
                return_immediately,
                ..Configuration::default()
            }),
            unknown: vec!["x".to_owned()],
        };
        let bytes = request.encode_to_vec();
        let call = call("/lf.a2a.v1.A2AService/SendMessage", &bytes).unwrap();
        let message = request.message.unwrap_or_default();
        prop_assert_eq!(call.task_id.as_deref().unwrap_or_default(), message.task_id);
        prop_assert_eq!(call.context_id.as_deref().unwrap_or_default(), message.context_id);
        let configuration = request.configuration.unwrap_or_default();
        prop_assert_eq!(call.waits, !configuration.return_immediately);
        prop_assert_eq!(call.has_push_config, configuration.push.is_some());
    }

    /// Whatever is accepted, prost accepts, and reads in the same way.
    #[test]
    fn accepts_nothing_that_prost_reads_differently(
        bytes in prop::collection::vec(prop::sample::select(vec![0_u8, 1, 2, 4, 0x0a, 0x12, 0x1a, 0x20, b'a']), 0..24),
    ) {
        let Ok(call) = call("/lf.a2a.v1.A2AService/SendMessage", &bytes) else { return Ok(()) };
        let Ok(request) = SendMessageRequest::decode(bytes.as_slice()) else { return Ok(()) };
        let message = request.message.unwrap_or_default();
        prop_assert_eq!(call.task_id.as_deref().unwrap_or_default(), message.task_id);
        prop_assert_eq!(call.context_id.as_deref().unwrap_or_default(), message.context_id);
        let configuration = request.configuration.unwrap_or_default();
        prop_assert_eq!(call.has_push_config, configuration.push.is_some());
        prop_assert_eq!(call.waits, !configuration.return_immediately);
    }
}
