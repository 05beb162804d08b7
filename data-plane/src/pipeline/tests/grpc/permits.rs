//! Permits and push policies hold for gRPC as for every other binding.

use super::*;

const CREATE: &str = "/lf.a2a.v1.A2AService/CreateTaskPushNotificationConfig";

async fn answering() -> GrpcAgent {
    GrpcAgent::start(vec![
        Script::Head(HeaderMap::new()),
        Script::Data(framed(&task("t", "c"))),
        Script::Trailers(ok()),
    ])
    .await
}

async fn in_front(agent: &GrpcAgent, of_plan: &str, fields: &str) -> (Fixture, Caller) {
    let played = Agent { address: agent.address, requests: Arc::default() };
    let fields = format!("  addresses:\n    hosts: [{HOST}]\n{fields}");
    let gateway = Fixture::with_plan(&played, of_plan, "    bindings: [BINDING_GRPC]\n", &fields).await;
    let caller = Caller::connect(gateway.address).await;
    (gateway, caller)
}

#[track_caller]
fn assert_refused(heard: &Heard, status: &str, reason: &str) {
    assert_eq!((heard.headers["grpc-status"].to_str().unwrap(), &*heard.reason()), (status, reason));
}

#[track_caller]
fn assert_passed(heard: &Heard) {
    assert_eq!(heard.trailers, Some(ok()));
}

/// A `SendMessageRequest` of 1.0 with these fields of its message and of its configuration.
fn send(message: &[u8], configuration: &[u8]) -> Vec<u8> {
    let message = [&field(1, b"m")[..], message].concat();
    framed(&[field(2, &message), field(3, configuration)].concat())
}

/// The same of 0.3.
fn old_send(message: &[u8], configuration: &[u8]) -> Vec<u8> {
    let message = [&field(1, b"m")[..], message].concat();
    framed(&[field(1, &message), field(2, configuration)].concat())
}

#[tokio::test]
async fn operations_and_skills_are_held_to_the_plan() {
    let agent = answering().await;
    let selector = "  skillSelector: {messageMetadata: [/skill]}\n";
    let (_gateway, mut caller) =
        in_front(&agent, "  operations: [SendMessage, GetTask]\n  skills: [search]\n", selector).await;
    let heard = caller.call(STREAM, HeaderMap::new(), &send(&[], &[])).await;
    assert_refused(&heard, "9", "UNSUPPORTED_OPERATION");
    let heard = caller.call("/lf.a2a.v1.A2AService/Unheard", HeaderMap::new(), &framed(&[])).await;
    assert_refused(&heard, "9", "UNSUPPORTED_OPERATION");
    assert_passed(&caller.call(GET_TASK, HeaderMap::new(), &get_task("t")).await);

    let naming = |skill: &str| {
        let value = field(3, skill.as_bytes());
        let entry = [field(1, b"skill"), field(2, &value)].concat();
        field(6, &field(1, &entry))
    };
    assert_passed(&caller.call(SEND, HeaderMap::new(), &send(&naming("search"), &[])).await);
    for message in [naming("delete"), Vec::new()] {
        let heard = caller.call(SEND, HeaderMap::new(), &send(&message, &[])).await;
        assert_refused(&heard, "9", "UNSUPPORTED_OPERATION");
    }
    assert_eq!(agent.calls().len(), 2);
}

#[tokio::test]
async fn webhooks_are_validated_and_switched_off() {
    let agent = answering().await;
    let (_gateway, mut caller) = in_front(&agent, "", "  push: {mode: PUSH_MODE_VALIDATE}\n").await;
    let alone = |url: &str| framed(&[field(3, b"t"), field(4, url.as_bytes())].concat());
    let embedded = |url: &str| send(&[], &field(2, &field(4, url.as_bytes())));
    let embedded_old = |url: &str| old_send(&[], &field(2, &field(2, url.as_bytes())));
    let old = "/a2a.v1.A2AService/SendMessage";
    for url in ["https://127.0.0.1/", "http://hooks.example/", "https://2130706433/"] {
        for (path, body) in [(CREATE, alone(url)), (SEND, embedded(url)), (old, embedded_old(url))] {
            let heard = caller.call(path, HeaderMap::new(), &body).await;
            assert_refused(&heard, "3", "WEBHOOK_NOT_ALLOWED");
        }
    }
    assert_eq!(agent.calls().len(), 0);
    let good = "https://hooks.example/a";
    assert_passed(&caller.call(CREATE, HeaderMap::new(), &alone(good)).await);
    assert_passed(&caller.call(SEND, HeaderMap::new(), &embedded(good)).await);
    assert_passed(&caller.call(SEND, HeaderMap::new(), &send(&[], &[])).await);

    let (_gateway, mut caller) = in_front(&agent, "  push: {mode: PUSH_MODE_OFF}\n", "").await;
    let get = "/lf.a2a.v1.A2AService/GetTaskPushNotificationConfig";
    for (path, body) in [(CREATE, alone(good)), (SEND, embedded(good)), (get, framed(&field(2, b"t")))] {
        let heard = caller.call(path, HeaderMap::new(), &body).await;
        assert_refused(&heard, "9", "PUSH_NOTIFICATION_NOT_SUPPORTED");
    }
    assert_eq!(agent.calls().len(), 3);
}
