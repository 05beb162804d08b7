//! What must hold for any bytes on gRPC: frames, requests, answers and cards in protobuf. Shared by the fuzz targets and
//! the replay of their corpora. The first byte of the data chooses the length of the pieces, or the method.

#![expect(clippy::expect_used, reason = "a failed expectation is the finding")]

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, ReflectMessage as _, Value};
use signalbox_data_plane::a2a::card::{
    CapabilitiesOff, CardRewrite, SecurityDeclaration, SkillFilter, Target,
};
use signalbox_data_plane::a2a::protobuf::{Method, Package, call, card, policy, response};
use signalbox_data_plane::a2a::{Binding, Operation, policy as in_json};
use signalbox_data_plane::error::Code;
use signalbox_data_plane::stream::grpc::frame::{Splitter, for_each_message, single};
use signalbox_proto::model::pointer::{JsonPointer, SkillSelector};
use signalbox_proto::model::violation::FieldPath;

/// Longest message in these tests, in bytes.
const MAX_MESSAGE_BYTES: u32 = 4096;

/// Pieces change nothing: neither the messages, nor where they end, nor what is refused.
pub(crate) fn frames(data: &[u8]) {
    let (piece_bytes, stream) =
        data.split_first().map_or((1, data), |(first, rest)| (usize::from(*first).max(1), rest));
    let mut whole = Splitter::new(MAX_MESSAGE_BYTES);
    let at_once = whole.feed(stream);
    let mut splitter = Splitter::new(MAX_MESSAGE_BYTES);
    let (mut messages, mut boundary, mut offset) = (0, None, 0);
    let in_pieces = stream.chunks(piece_bytes).try_for_each(|piece| {
        let progress = splitter.feed(piece)?;
        messages += progress.messages;
        boundary = progress.boundary.map(|length| offset + length).or(boundary);
        assert!(progress.first_boundary <= progress.boundary.unwrap_or(0));
        offset += piece.len();
        Ok(())
    });
    let mut seen = 0;
    for_each_message(stream, MAX_MESSAGE_BYTES, |_| seen += 1);
    match at_once {
        Ok(progress) => {
            assert_eq!(in_pieces, Ok(()));
            assert_eq!((progress.messages, progress.boundary), (messages, boundary));
            assert_eq!(whole.is_at_boundary(), splitter.is_at_boundary());
            assert_eq!(seen, messages);
            let is_single = messages == 1 && boundary == Some(stream.len());
            assert_eq!(single(stream, MAX_MESSAGE_BYTES).is_ok(), is_single);
        }
        Err(error) => assert_eq!(in_pieces, Err(error)),
    }
}

/// Every method of both services; corpora count on the order.
const METHODS: [(&str, &str); 21] = [
    ("/lf.a2a.v1.A2AService/SendMessage", "SendMessageRequest"),
    ("/lf.a2a.v1.A2AService/SendStreamingMessage", "SendMessageRequest"),
    ("/lf.a2a.v1.A2AService/GetTask", "GetTaskRequest"),
    ("/lf.a2a.v1.A2AService/ListTasks", "ListTasksRequest"),
    ("/lf.a2a.v1.A2AService/CancelTask", "CancelTaskRequest"),
    ("/lf.a2a.v1.A2AService/SubscribeToTask", "SubscribeToTaskRequest"),
    ("/lf.a2a.v1.A2AService/CreateTaskPushNotificationConfig", "TaskPushNotificationConfig"),
    ("/lf.a2a.v1.A2AService/GetTaskPushNotificationConfig", "GetTaskPushNotificationConfigRequest"),
    ("/lf.a2a.v1.A2AService/ListTaskPushNotificationConfigs", "ListTaskPushNotificationConfigsRequest"),
    ("/lf.a2a.v1.A2AService/DeleteTaskPushNotificationConfig", "DeleteTaskPushNotificationConfigRequest"),
    ("/lf.a2a.v1.A2AService/GetExtendedAgentCard", "GetExtendedAgentCardRequest"),
    ("/a2a.v1.A2AService/SendMessage", "SendMessageRequest"),
    ("/a2a.v1.A2AService/SendStreamingMessage", "SendMessageRequest"),
    ("/a2a.v1.A2AService/GetTask", "GetTaskRequest"),
    ("/a2a.v1.A2AService/CancelTask", "CancelTaskRequest"),
    ("/a2a.v1.A2AService/TaskSubscription", "TaskSubscriptionRequest"),
    ("/a2a.v1.A2AService/CreateTaskPushNotificationConfig", "CreateTaskPushNotificationConfigRequest"),
    ("/a2a.v1.A2AService/GetTaskPushNotificationConfig", "GetTaskPushNotificationConfigRequest"),
    ("/a2a.v1.A2AService/ListTaskPushNotificationConfig", "ListTaskPushNotificationConfigRequest"),
    ("/a2a.v1.A2AService/DeleteTaskPushNotificationConfig", "DeleteTaskPushNotificationConfigRequest"),
    ("/a2a.v1.A2AService/GetAgentCard", "GetAgentCardRequest"),
];

/// The messages as the official Python SDK describes them (see the tests of `a2a::protobuf::card`).
static POOL: LazyLock<DescriptorPool> = LazyLock::new(|| {
    let mut pool = DescriptorPool::global();
    for files in [&include_bytes!("../golden/a2a.v1.binpb")[..], include_bytes!("../golden/lf.a2a.v1.binpb")]
    {
        pool.decode_file_descriptor_set(files).expect("they are descriptors");
    }
    pool
});

/// The message as prost reads it.
fn reference(package: Package, name: &str, bytes: &[u8]) -> Option<DynamicMessage> {
    let package = match package {
        Package::V0 => "a2a.v1",
        Package::V1 => "lf.a2a.v1",
    };
    let descriptor = POOL.get_message_by_name(&format!("{package}.{name}")).expect("it is described");
    DynamicMessage::decode(descriptor, bytes).ok()
}

/// A message inside.
fn inner(message: &DynamicMessage, name: &str) -> DynamicMessage {
    let found = message.get_field_by_name(name).expect("it has this field");
    found.as_message().expect("it is a message").clone()
}

fn text(message: &DynamicMessage, name: &str) -> String {
    let found = message.get_field_by_name(name).expect("it has this field");
    found.as_str().expect("it is text").to_owned()
}

/// `tasks/{id}` and what may follow.
fn task_of(resource: &str) -> String {
    let Some(rest) = resource.strip_prefix("tasks/") else { return resource.to_owned() };
    rest.split('/').next().unwrap_or_default().to_owned()
}

/// Task and webhook as prost reads them.
fn named(method: Method<'_>, request: &DynamicMessage) -> (String, String) {
    use Operation as O;
    match (method.package, method.operation) {
        (Package::V1, O::SendMessage | O::SendStreamingMessage) => {
            let config = inner(&inner(request, "configuration"), "task_push_notification_config");
            (text(&inner(request, "message"), "task_id"), text(&config, "url"))
        }
        (Package::V0, O::SendMessage | O::SendStreamingMessage) => {
            let config = inner(&inner(request, "configuration"), "push_notification");
            (text(&inner(request, "request"), "task_id"), text(&config, "url"))
        }
        (Package::V1, O::GetTask | O::CancelTask | O::SubscribeToTask) => {
            (text(request, "id"), String::new())
        }
        (Package::V1, O::CreateTaskPushNotificationConfig) => {
            (text(request, "task_id"), text(request, "url"))
        }
        (_, O::GetExtendedAgentCard | O::ListTasks) => Default::default(),
        (Package::V1, _) => (text(request, "task_id"), String::new()),
        (Package::V0, O::CreateTaskPushNotificationConfig) => {
            let config = inner(&inner(request, "config"), "push_notification_config");
            (task_of(&text(request, "parent")), text(&config, "url"))
        }
        (Package::V0, O::ListTaskPushNotificationConfigs) => {
            (task_of(&text(request, "parent")), String::new())
        }
        (Package::V0, _) => (task_of(&text(request, "name")), String::new()),
    }
}

/// What is accepted, prost reads in the same way.
pub(crate) fn request(data: &[u8]) {
    let Some((choice, request)) = data.split_first() else { return };
    let (path, name) = METHODS[usize::from(*choice) % METHODS.len()];
    let method = Method::of_path(path).expect("it is a path of A2A");
    let call = call::classify(method, request);
    let webhooks = policy::webhooks(method, request);
    let skills = policy::skills(method, request, &SELECTOR);
    let Some(reference) = reference(method.package, name, request) else { return };
    let (task, webhook) = named(method, &reference);
    if let Ok(call) = call {
        assert_eq!(call.task_id.unwrap_or_default(), task);
        if !webhook.is_empty() {
            assert!(call.has_push_config);
        }
    }
    if let Ok(webhooks) = webhooks {
        assert_eq!(webhooks.concat(), webhook);
    }
    let json = serde_json::to_string(&reference).ok();
    if let (true, Ok(mut skills)) = (method.operation.is_send(), skills) {
        let mut expected = skills_of(method.package, &reference);
        expected.sort_unstable();
        skills.sort_unstable();
        assert_eq!(skills, expected);
        if let Some(json) = &json {
            let mut in_json = in_json::skills(json, &SELECTOR).expect("JSON says the same");
            in_json.sort_unstable();
            assert_eq!(skills, in_json);
        }
    }
    if let Some(json) = json {
        assert_eq!(in_json::webhooks(&json).expect("JSON says the same").concat(), webhook);
    }
}

static SELECTOR: LazyLock<SkillSelector> = LazyLock::new(|| {
    let pointer = |text| JsonPointer::parse(text, &FieldPath::root()).expect("it is a pointer");
    SkillSelector { message_metadata: vec![pointer("/skill")], data_parts: vec![pointer("/skill")] }
});

/// The texts under `skill`, as prost reads them.
fn skills_of(package: Package, request: &DynamicMessage) -> Vec<String> {
    let (message, parts) = match package {
        Package::V0 => ("request", "content"),
        Package::V1 => ("message", "parts"),
    };
    let message = inner(request, message);
    let mut found = texts_of(&inner(&message, "metadata"));
    let parts = message.get_field_by_name(parts).expect("it has parts");
    for part in parts.as_list().expect("they are a list").iter().filter_map(Value::as_message) {
        let data = inner(part, "data");
        found.extend(match package {
            Package::V0 => texts_of(&inner(&data, "data")),
            Package::V1 => texts_of(&inner(&data, "struct_value")),
        });
    }
    found
}

/// The texts under `skill` of a `google.protobuf.Struct`.
fn texts_of(structure: &DynamicMessage) -> Vec<String> {
    let fields = structure.get_field_by_name("fields").expect("it is a Struct");
    let key = prost_reflect::MapKey::String("skill".to_owned());
    let Some(value) = fields.as_map().expect("it is a map").get(&key) else { return Vec::new() };
    let value = value.as_message().expect("it is a Value").clone();
    if value.has_field_by_name("string_value") {
        return vec![text(&value, "string_value")];
    }
    let list = inner(&value, "list_value");
    let values = list.get_field_by_name("values").expect("it is a ListValue");
    let values = values.as_list().expect("it is a list").iter().filter_map(Value::as_message);
    values.map(|value| text(value, "string_value")).collect()
}

/// Answers are read without failing, whatever they are; as prost writes them, they say what prost says.
pub(crate) fn answer(data: &[u8]) {
    let Some((choice, answer)) = data.split_first() else { return };
    let (path, _) = METHODS[usize::from(*choice) % METHODS.len()];
    let method = Method::of_path(path).expect("it is a path of A2A");
    let _ = response::read(method, answer);
    let name = match method.operation {
        Operation::SendMessage => "SendMessageResponse",
        Operation::SendStreamingMessage | Operation::SubscribeToTask => "StreamResponse",
        Operation::GetTask | Operation::CancelTask => "Task",
        _ => return,
    };
    let Some(reference) = reference(method.package, name, answer) else { return };
    let rewritten = reference.encode_to_vec();
    let outcome = response::read(method, &rewritten).expect("prost writes protobuf");
    let place = match name {
        "Task" => Some(("id", reference.clone())),
        _ => {
            let mut set = reference.fields();
            set.next().and_then(|(field, value)| {
                let place = if field.name() == "task" { "id" } else { "task_id" };
                Some((place, value.as_message()?.clone()))
            })
        }
    };
    if let Some((place, message)) = place {
        assert_eq!(outcome.task_id.unwrap_or_default(), text(&message, place));
        assert_eq!(outcome.context_id.unwrap_or_default(), text(&message, "context_id"));
    }
}

const PUBLIC: &str = "https://agents.example/a2a/echo";
const AUTHORITY: &str = "echo.agents.example:443";

/// A card that is served can be read, names the gateway alone as its interfaces, and is stable under rewriting.
pub(crate) fn card(data: &[u8]) {
    let Some((choice, bytes)) = data.split_first() else { return };
    let package = if choice & 1 == 0 { Package::V1 } else { Package::V0 };
    let keeps_own = choice & 2 != 0;
    let targets = [Target::parse("http://backend.internal:9999/rpc").expect("it is a URL")];
    let alternatives = if keeps_own { Vec::new() } else { SecurityDeclaration::api_key("X-API-Key") };
    let security = SecurityDeclaration { keeps_own, alternatives };
    let policy = CardRewrite {
        targets: &targets,
        public_url: PUBLIC,
        grpc_authority: Some(AUTHORITY),
        bindings: &[Binding::JsonRpc, Binding::Grpc],
        versions: None,
        reader: None,
        security: &security,
        capabilities_off: CapabilitiesOff { push_notifications: true, ..CapabilitiesOff::default() },
        skills: SkillFilter::All,
    };
    let served = match card::rewrite(package, bytes, &policy) {
        Ok(served) => served,
        Err(error) => {
            assert_eq!(error.code(), Code::InvalidAgentResponse);
            return;
        }
    };
    assert_eq!(card::rewrite(package, &served, &policy).expect("a served card can be rewritten"), served);
    if reference(package, "AgentCard", bytes).is_none() {
        return;
    }
    let card = reference(package, "AgentCard", &served).expect("a served card reads as well as before");
    let list = match package {
        Package::V0 => "additional_interfaces",
        Package::V1 => "supported_interfaces",
    };
    let entries = card.get_field_by_name(list).expect("it has interfaces");
    let entries = entries.as_list().expect("they are a list").iter().filter_map(Value::as_message);
    let mut urls: Vec<String> = entries.map(|entry| text(entry, "url")).collect();
    if card.descriptor().get_field_by_name("url").is_some() {
        urls.push(text(&card, "url"));
    }
    assert!(urls.iter().all(|url| url.is_empty() || url == PUBLIC || url == AUTHORITY), "{urls:?}");
    let signatures = card.get_field_by_name("signatures").expect("it may have signatures");
    assert_eq!(signatures.as_list().map(<[_]>::len), Some(0));
}
