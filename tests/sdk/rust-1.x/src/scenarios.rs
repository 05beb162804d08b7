//! One method per scenario; each gives what it observed, or what differed from what it expects.

use std::{fmt, sync::Arc};

use a2a::{
    A2AError, AgentCard, CancelTaskRequest, DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest, GetTaskPushNotificationConfigRequest, GetTaskRequest,
    ListTaskPushNotificationConfigsRequest, ListTasksRequest, Message, Part, Role, SendMessageConfiguration,
    SendMessageRequest, SendMessageResponse, StreamResponse, SubscribeToTaskRequest, Task,
    TaskPushNotificationConfig, TaskState, new_message_id,
};
use a2a_client::{
    A2AClient, A2AClientFactory, BoxStream, Transport, agent_card::AgentCardResolver, auth::AuthInterceptor,
};
use a2a_grpc::GrpcTransportFactory;
use futures::StreamExt;
use serde_json::{Value, json};

use crate::Options;

/// What a scenario observed, or what went wrong.
type Observed = Result<Value, Value>;
type Client = A2AClient<Box<dyn Transport>>;
type Events = BoxStream<'static, Result<StreamResponse, A2AError>>;

/// A webhook that nobody calls.
const WEBHOOK: &str = "https://hooks.example/notify";

/// The scenarios over one binding.
pub(crate) struct Scenarios {
    base: String,
    binding: String,
    grpc: Option<String>,
    key: Option<(String, String)>,
    card: Option<AgentCard>,
}

impl Scenarios {
    /// Those of a run, over one of its bindings.
    pub(crate) fn new(options: &Options, binding: &str) -> Self {
        let header = options.header.clone().unwrap_or_else(|| "X-API-Key".to_owned());
        Self {
            base: options.url.trim_end_matches('/').to_owned(),
            binding: binding.to_owned(),
            grpc: options.grpc.clone(),
            key: options.key.clone().map(|key| (header, key)),
            card: None,
        }
    }

    /// Runs the scenario of this name.
    pub(crate) async fn run(&mut self, name: &str) -> Observed {
        let client = self.client().await?;
        match name {
            "discover" => self.discover(),
            "send" => send(&client).await,
            "large" => large(&client).await,
            "stream" => stream(&client).await,
            "get" => get(&client).await,
            "cancel" => cancel(&client).await,
            "resubscribe" => resubscribe(&client).await,
            "error-unknown-task" => error_unknown_task(&client).await,
            "error-from-agent" => error_from_agent(&client).await,
            "list" => list(&client).await,
            "push-config" => push_config(&client).await,
            "extended-card" => self.extended_card(&client).await,
            "refused" => refused(&client).await,
            "stream-cut" => stream_cut(&client).await,
            _ => Err(json!(format!("no scenario is called {name}"))),
        }
    }

    async fn client(&mut self) -> Result<Client, Value> {
        if self.card.is_none() {
            let found = AgentCardResolver::new(None).resolve(&self.base).await;
            self.card = Some(found.map_err(|error| describe(&error))?);
        }
        let Some(card) = &self.card else { return Err(json!("no card")) };
        let mut factory = A2AClientFactory::builder()
            .register(Arc::new(GrpcTransportFactory::new()))
            .preferred_bindings(vec![self.binding.clone()]);
        if let Some((header, key)) = &self.key {
            let interceptor = match header.as_str() {
                "Authorization" => AuthInterceptor::bearer(key),
                _ => AuthInterceptor::custom(header, key),
            };
            factory = factory.with_interceptor(Arc::new(interceptor));
        }
        let made = factory.build().create_from_card_with_interface(card).await;
        let (client, interface) = made.map_err(|error| describe(&error))?;
        // The preference is one only: the SDK falls back to other interfaces.
        expect(interface.protocol_binding == self.binding, || format!("goes over {interface:?}"))?;
        Ok(client)
    }

    fn discover(&self) -> Observed {
        let Some(card) = &self.card else { return Err(json!("no card")) };
        let shown = self.check(card)?;
        let schemes = shown["securitySchemes"].as_object().map_or(0, serde_json::Map::len);
        expect((schemes > 0) == self.key.is_some(), || format!("{schemes} security schemes"))?;
        Ok(json!({"interfaces": shown["supportedInterfaces"], "card": shown}))
    }

    async fn extended_card(&self, client: &Client) -> Observed {
        let asked = GetExtendedAgentCardRequest { tenant: None };
        let card = client.get_extended_agent_card(&asked).await.map_err(|error| describe(&error))?;
        let shown = self.check(&card)?;
        let skills: Vec<_> = card.skills.iter().map(|skill| skill.id.as_str()).collect();
        expect(skills.contains(&"extended"), || format!("skills {skills:?}"))?;
        Ok(json!({"skills": skills, "card": shown}))
    }

    /// Every interface of a card has to lie below the base, and gRPC at the one authority.
    fn check(&self, card: &AgentCard) -> Observed {
        for interface in &card.supported_interfaces {
            let is_right = match interface.protocol_binding.as_str() {
                "GRPC" => Some(&interface.url) == self.grpc.as_ref(),
                _ => interface.url.starts_with(&self.base),
            };
            expect(is_right, || format!("{interface:?} leaves {} and {:?}", self.base, self.grpc))?;
        }
        serde_json::to_value(card).map_err(unexpected)
    }
}

async fn send(client: &Client) -> Observed {
    let answer =
        client.send_message(&request("hello there", false)).await.map_err(|error| describe(&error))?;
    let SendMessageResponse::Message(message) = answer else { return Err(json!("a task came back")) };
    expect(message.text() == Some("echo: hello there"), || format!("answered {message:?}"))?;
    Ok(json!({"text": message.text()}))
}

async fn large(client: &Client) -> Observed {
    let text = format!("count {}", "y".repeat(3 << 20));
    let answer = client.send_message(&request(&text, false)).await.map_err(|error| describe(&error))?;
    let SendMessageResponse::Message(message) = answer else { return Err(json!("a task came back")) };
    let expected = format!("{} characters", text.len());
    expect(message.text() == Some(&expected), || format!("answered {message:?}"))?;
    Ok(json!({"text": message.text()}))
}

async fn stream(client: &Client) -> Observed {
    let events = client.send_streaming_message(&request("stream 3 20", false)).await;
    let seen = collect(events.map_err(|error| describe(&error))?).await?;
    expect(seen["kinds"][0] == "task", || format!("first event is {}", seen["kinds"][0]))?;
    expect(seen["texts"] == json!(["part 0", "part 1", "part 2"]), || format!("parts {}", seen["texts"]))?;
    expect_completed(&seen)?;
    Ok(seen)
}

async fn get(client: &Client) -> Observed {
    let created = task(client, "stream 2 10", false).await?;
    let asked = GetTaskRequest { id: created.id.clone(), history_length: None, tenant: None };
    let task = client.get_task(&asked).await.map_err(|error| describe(&error))?;
    expect(task.id == created.id, || "another task came back".to_owned())?;
    expect(task.status.state == TaskState::Completed, || format!("task is {:?}", task.status.state))?;
    Ok(json!({"task": task.id, "state": name_of(&task.status.state)}))
}

async fn cancel(client: &Client) -> Observed {
    let before = task(client, "work", true).await?;
    let is_open = matches!(before.status.state, TaskState::Submitted | TaskState::Working);
    expect(is_open, || format!("task is {:?}", before.status.state))?;
    let after = client.cancel_task(&cancellation(&before)).await.map_err(|error| describe(&error))?;
    expect(after.status.state == TaskState::Canceled, || format!("task is {:?}", after.status.state))?;
    Ok(json!({"task": after.id, "states": [name_of(&before.status.state), name_of(&after.status.state)]}))
}

async fn resubscribe(client: &Client) -> Observed {
    let first = client.send_streaming_message(&request("stream 20 50", false)).await;
    let mut first = first.map_err(|error| describe(&error))?;
    let Some(Ok(StreamResponse::Task(task))) = first.next().await else {
        return Err(json!("the first event is no task"));
    };
    let asked = SubscribeToTaskRequest { id: task.id.clone(), tenant: None };
    let second = client.subscribe_to_task(&asked).await.map_err(|error| describe(&error))?;
    let seen = collect(second).await?;
    drop(first);
    expect(seen["task"] == task.id.as_str(), || format!("task {} instead of {}", seen["task"], task.id))?;
    let has_last = seen["texts"].as_array().is_some_and(|texts| texts.contains(&json!("part 19")));
    expect(has_last, || format!("parts {}", seen["texts"]))?;
    expect_completed(&seen)?;
    Ok(seen)
}

async fn error_unknown_task(client: &Client) -> Observed {
    let asked = GetTaskRequest { id: new_message_id(), history_length: None, tenant: None };
    expect_error(client.get_task(&asked).await, -32001)
}

async fn error_from_agent(client: &Client) -> Observed {
    let created = task(client, "stream 1 1", false).await?;
    expect_error(client.cancel_task(&cancellation(&created)).await, -32002)
}

async fn list(client: &Client) -> Observed {
    let created = task(client, "stream 1 1", false).await?;
    let asked = ListTasksRequest {
        context_id: Some(created.context_id.clone()),
        status: None,
        page_size: Some(5),
        page_token: None,
        history_length: None,
        status_timestamp_after: None,
        include_artifacts: None,
        tenant: None,
    };
    let answer = client.list_tasks(&asked).await.map_err(|error| describe(&error))?;
    let tasks: Vec<_> = answer.tasks.iter().map(|task| task.id.clone()).collect();
    expect(tasks == [created.id.clone()], || format!("tasks {tasks:?} instead of {}", created.id))?;
    Ok(json!({"tasks": tasks, "total": answer.total_size}))
}

async fn push_config(client: &Client) -> Observed {
    let task_id = task(client, "stream 1 1", false).await?.id;
    let (id, tenant) = ("hook".to_owned(), None);
    let wanted = TaskPushNotificationConfig {
        url: WEBHOOK.to_owned(),
        id: Some(id.clone()),
        task_id: task_id.clone(),
        token: Some("secret".to_owned()),
        authentication: None,
        tenant,
    };
    let made = client.create_push_config(&wanted).await.map_err(|error| describe(&error))?;
    expect(made.url == WEBHOOK && made.id.as_ref() == Some(&id), || format!("made {made:?}"))?;
    let named =
        GetTaskPushNotificationConfigRequest { task_id: task_id.clone(), id: id.clone(), tenant: None };
    let got = client.get_push_config(&named).await.map_err(|error| describe(&error))?;
    expect(got.url == WEBHOOK, || format!("got {got:?}"))?;
    let before = count_configs(client, &task_id).await?;
    let named = DeleteTaskPushNotificationConfigRequest { task_id: task_id.clone(), id, tenant: None };
    client.delete_push_config(&named).await.map_err(|error| describe(&error))?;
    let after = count_configs(client, &task_id).await?;
    expect((before, after) == (1, 0), || format!("{before} and {after} configs"))?;
    Ok(json!({"url": got.url, "counts": [before, after]}))
}

async fn count_configs(client: &Client, task_id: &str) -> Result<usize, Value> {
    let whole = ListTaskPushNotificationConfigsRequest {
        task_id: task_id.to_owned(),
        page_size: None,
        page_token: None,
        tenant: None,
    };
    let answer = client.list_push_configs(&whole).await.map_err(|error| describe(&error))?;
    Ok(answer.configs.len())
}

async fn refused(client: &Client) -> Observed {
    match client.send_message(&request("hello", false)).await {
        Ok(answer) => Err(json!(format!("succeeded where an error was due: {answer:?}"))),
        Err(error) => Ok(json!({"error": describe(&error)})),
    }
}

async fn stream_cut(client: &Client) -> Observed {
    let events = client.send_streaming_message(&request("stream 6000 100", false)).await;
    let mut events = events.map_err(|error| describe(&error))?;
    let mut seen = 0;
    while let Some(event) = events.next().await {
        match event {
            Ok(_) if seen == 0 => println!("{}", json!({"scenario": "stream-cut", "open": true})),
            Ok(_) => (),
            Err(error) => return Ok(json!({"events": seen, "error": describe(&error)})),
        }
        seen += 1;
    }
    Err(json!(format!("ended without an error after {seen} events")))
}

/// A task that the agent makes for a text.
async fn task(client: &Client, text: &str, at_once: bool) -> Result<Task, Value> {
    match client.send_message(&request(text, at_once)).await.map_err(|error| describe(&error))? {
        SendMessageResponse::Task(task) => Ok(task),
        SendMessageResponse::Message(message) => Err(json!(format!("a message came back: {message:?}"))),
    }
}

fn request(text: &str, at_once: bool) -> SendMessageRequest {
    let configuration = SendMessageConfiguration {
        accepted_output_modes: None,
        task_push_notification_config: None,
        history_length: None,
        return_immediately: Some(at_once),
    };
    SendMessageRequest {
        message: Message::new(Role::User, vec![Part::text(text)]),
        configuration: Some(configuration),
        metadata: None,
        tenant: None,
    }
}

fn cancellation(task: &Task) -> CancelTaskRequest {
    CancelTaskRequest { id: task.id.clone(), metadata: None, tenant: None }
}

async fn collect(mut events: Events) -> Observed {
    let mut seen = json!({"kinds": [], "states": [], "texts": [], "task": null});
    while let Some(event) = events.next().await {
        match event.map_err(|error| describe(&error))? {
            StreamResponse::Task(task) => {
                push(&mut seen["kinds"], json!("task"));
                push(&mut seen["states"], name_of(&task.status.state));
                seen["task"] = json!(task.id);
            }
            StreamResponse::Message(_) => push(&mut seen["kinds"], json!("message")),
            StreamResponse::StatusUpdate(update) => {
                push(&mut seen["kinds"], json!("status_update"));
                push(&mut seen["states"], name_of(&update.status.state));
            }
            StreamResponse::ArtifactUpdate(update) => {
                push(&mut seen["kinds"], json!("artifact_update"));
                let texts: Vec<_> = update.artifact.parts.iter().filter_map(Part::as_text).collect();
                push(&mut seen["texts"], json!(texts.join("\n")));
            }
        }
    }
    Ok(seen)
}

fn push(list: &mut Value, value: Value) {
    if let Value::Array(list) = list {
        list.push(value);
    }
}

fn name_of(state: &TaskState) -> Value {
    json!(format!("{state:?}").to_lowercase())
}

fn expect(is_met: bool, failure: impl FnOnce() -> String) -> Result<(), Value> {
    if is_met { Ok(()) } else { Err(json!(failure())) }
}

fn expect_completed(seen: &Value) -> Result<(), Value> {
    let last = seen["states"].as_array().and_then(|states| states.last());
    expect(last == Some(&json!("completed")), || format!("ended {last:?}"))
}

fn expect_error(answer: Result<impl fmt::Debug, A2AError>, code: i32) -> Observed {
    match answer {
        Err(error) if error.code == code => Ok(json!({"error": describe(&error)})),
        other => Err(json!(format!("{other:?} instead of error {code}"))),
    }
}

fn describe(error: &A2AError) -> Value {
    json!({"type": "A2AError", "code": error.code, "message": error.message})
}

fn unexpected(error: impl fmt::Display) -> Value {
    json!(format!("unexpected error: {error}"))
}
