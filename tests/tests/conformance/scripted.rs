//! A scripted agent over all bindings, behind a gateway: for what no SDK would do.

use std::{net::TcpStream, sync::Arc};

use serde_json::{Value, json};
use system_tests::harness::{
    DataPlane, Upstream,
    grpc::{GrpcRequest, GrpcUpstream, Reply},
    manifest::{KEYLESS_PLAN, Manifest},
    protobuf::Message,
    upstream::{Request, STREAM_HEAD, Then, answer, event, json_answer, write},
};

use crate::agents::{Binding, Side, Target, upstreams};

/// Id of the agent at the gateway.
pub(crate) const ECHO: &str = "echo";
/// Events of a stream of [`well_behaved`].
pub(crate) const EVENTS: usize = 3;
/// Bindings and versions of the scripted agent.
pub(crate) const TARGETS: [(Binding, &str); 6] = [
    (Binding::JsonRpc, "1.0"),
    (Binding::JsonRpc, "0.3"),
    (Binding::HttpJson, "1.0"),
    (Binding::HttpJson, "0.3"),
    (Binding::Grpc, "1.0"),
    (Binding::Grpc, "0.3"),
];

type Http = dyn Fn(&Request, &mut TcpStream) -> Then + Send + Sync;
type Grpc = dyn Fn(&GrpcRequest, &mut Reply) + Send + Sync;

/// How a scripted agent and its gateway are to be.
pub(crate) struct Script {
    http: Arc<Http>,
    grpc: Arc<Grpc>,
    card: fn(Value) -> Value,
    manifest: Manifest,
    plan: String,
    fields: String,
    upstream_fields: String,
    options: Vec<String>,
}

impl Script {
    /// Well-behaved, under a keyless plan.
    pub(crate) fn new() -> Self {
        Self {
            http: Arc::new(well_behaved),
            grpc: Arc::new(well_behaved_grpc),
            card: |card| card,
            manifest: Manifest::new().keyless(),
            plan: KEYLESS_PLAN.to_owned(),
            fields: String::new(),
            upstream_fields: String::new(),
            options: Vec::new(),
        }
    }

    /// With another answer to calls over HTTP.
    pub(crate) fn http(
        mut self,
        http: impl Fn(&Request, &mut TcpStream) -> Then + Send + Sync + 'static,
    ) -> Self {
        self.http = Arc::new(http);
        self
    }

    /// With another answer to calls over gRPC.
    pub(crate) fn grpc(mut self, grpc: impl Fn(&GrpcRequest, &mut Reply) + Send + Sync + 'static) -> Self {
        self.grpc = Arc::new(grpc);
        self
    }

    /// With changes to the card.
    pub(crate) fn card(mut self, card: fn(Value) -> Value) -> Self {
        self.card = card;
        self
    }

    /// Under a plan of another manifest.
    pub(crate) fn plan(mut self, manifest: Manifest, plan: &str) -> Self {
        (self.manifest, self.plan) = (manifest, plan.to_owned());
        self
    }

    /// With further fields of the agent as YAML, indented by two spaces.
    pub(crate) fn fields(mut self, fields: &str) -> Self {
        self.fields = fields.to_owned();
        self
    }

    /// With further fields of each of its servers as YAML, indented by four spaces.
    pub(crate) fn upstream_fields(mut self, fields: &str) -> Self {
        self.upstream_fields = fields.to_owned();
        self
    }

    /// With options of the data plane.
    pub(crate) fn options(mut self, options: &[&str]) -> Self {
        self.options = options.iter().map(|option| (*option).to_owned()).collect();
        self
    }

    /// Starts both.
    pub(crate) fn start(self) -> Scripted {
        let grpc = self.grpc;
        let grpc = GrpcUpstream::start(move |call, reply| grpc(call, reply));
        let (authority, http, change) = (grpc.address().to_string(), self.http, self.card);
        let http = Upstream::start(move |request, stream| {
            if request.is_card() {
                let own = format!("http://{}", request.header("host").unwrap_or_default());
                write(stream, &json_answer(&change(card(&own, &authority))));
                return Then::Keep;
            }
            http(request, stream)
        });
        let authority = grpc.address().to_string();
        let upstreams = upstreams(ECHO, &http.url(), Some(&authority), &self.plan, &self.upstream_fields);
        let fields = format!("{upstreams}{}", self.fields);
        let manifest = self.manifest.raw_agent(ECHO, &fields);
        let options: Vec<_> = self.options.iter().map(String::as_str).collect();
        let gateway = DataPlane::standalone_with(&manifest, &options);
        Scripted { http, grpc, gateway }
    }
}

/// A running scripted agent and its gateway.
pub(crate) struct Scripted {
    pub(crate) http: Upstream,
    pub(crate) grpc: GrpcUpstream,
    pub(crate) gateway: DataPlane,
}

impl Scripted {
    /// The way through the gateway.
    pub(crate) fn through(&self) -> Side {
        Side::through(&self.gateway, ECHO)
    }

    /// An interface of the card that the gateway serves.
    #[track_caller]
    pub(crate) fn target(&self, binding: Binding, version: &'static str) -> Target {
        let found = self.through().target(binding, version);
        found.unwrap_or_else(|| panic!("the card names no {} interface of {version}", binding.name()))
    }

    /// All interfaces of the card that the gateway serves.
    #[track_caller]
    pub(crate) fn targets(&self) -> Vec<Target> {
        TARGETS.map(|(binding, version)| self.target(binding, version)).into()
    }
}

/// A hybrid card with an interface for each binding and version.
pub(crate) fn card(own: &str, grpc: &str) -> Value {
    let interfaces = ["1.0", "0.3"].map(|version| {
        let interface = |url: String, binding: &str| {
            json!({"url": url, "protocolBinding": binding, "protocolVersion": version})
        };
        [
            interface(format!("{own}/rpc"), "JSONRPC"),
            interface(format!("{own}/rest"), "HTTP+JSON"),
            interface(grpc.to_owned(), "GRPC"),
        ]
    });
    json!({
        "name": "Scripted agent",
        "description": "Answers as the test says",
        "version": "1.0.0",
        "protocolVersion": "0.3.0",
        "url": format!("{own}/rpc"),
        "preferredTransport": "JSONRPC",
        "additionalInterfaces": [
            {"url": format!("{own}/rpc"), "transport": "JSONRPC"},
            {"url": format!("{own}/rest"), "transport": "HTTP+JSON"},
            {"url": grpc, "transport": "GRPC"},
        ],
        "supportedInterfaces": interfaces.concat(),
        "supportsAuthenticatedExtendedCard": true,
        "capabilities": {"streaming": true, "pushNotifications": true, "extendedAgentCard": true},
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "echo", "name": "Echo", "description": "Answers with the text", "tags": ["test"]}],
    })
}

/// Whether a request asks for a stream of events.
pub(crate) fn asks_for_stream(request: &Request) -> bool {
    let method = request.json()["method"].as_str().unwrap_or_default().to_owned();
    let names = ["SendStreamingMessage", "message/stream", "SubscribeToTask", "tasks/resubscribe"];
    names.contains(&method.as_str())
        || request.target.ends_with("/message:stream")
        || request.target.ends_with(":subscribe")
}

/// A message in the dialect of a call, as its result or as an event's data.
pub(crate) fn reply_to(request: &Request, text: &str) -> Value {
    if request.target.starts_with("/rpc") {
        return system_tests::harness::upstream::result(&request.json(), text);
    }
    let parts = if request.target.contains("/v1/") { "content" } else { "parts" };
    json!({"message": {"messageId": "m", "role": "ROLE_AGENT", parts: [{"text": text}]}})
}

/// An echo for unary calls, three events for streams.
pub(crate) fn well_behaved(request: &Request, stream: &mut TcpStream) -> Then {
    if asks_for_stream(request) {
        write(stream, STREAM_HEAD);
        for number in 0..EVENTS {
            write(stream, &event(&reply_to(request, &format!("event {number}"))));
        }
        return Then::Close;
    }
    let body = reply_to(request, &request.body.len().to_string()).to_string();
    write(stream, &answer("200 OK", "application/json", body.as_bytes()));
    Then::Keep
}

/// Whether a gRPC call asks for a stream of messages.
pub(crate) fn is_streaming(call: &GrpcRequest) -> bool {
    matches!(call.method(), "SendStreamingMessage" | "SubscribeToTask" | "TaskSubscription")
}

/// A `SendMessageResponse` or `StreamResponse` with a message: their fields have the same numbers.
pub(crate) fn grpc_reply(text: &str) -> Vec<u8> {
    let part = Message::new().text(1, text);
    // Field 4 is the role, and 2 is ROLE_AGENT.
    Message::new().message(2, &Message::new().text(1, "m").number(4, 2).message(5, &part)).bytes()
}

/// The same over gRPC.
pub(crate) fn well_behaved_grpc(call: &GrpcRequest, reply: &mut Reply) {
    if is_streaming(call) {
        for number in 0..EVENTS {
            reply.message(&grpc_reply(&format!("event {number}")));
        }
    } else {
        reply.message(&grpc_reply(&call.messages.first().map_or(0, Vec::len).to_string()));
    }
    reply.end(&[("grpc-status", "0")]);
}
