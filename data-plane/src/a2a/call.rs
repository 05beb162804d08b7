//! What a request asks for, whatever binding carried it.

use std::borrow::Cow;

use signalbox_proto::model;

use super::operation::{Naming, Operation};
use super::version::Version;
use crate::error::Dialect;

/// A way to carry A2A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Binding {
    /// JSON-RPC 2.0 over HTTP POST.
    JsonRpc,
    /// HTTP verbs and paths with JSON bodies.
    HttpJson,
    /// gRPC.
    Grpc,
}

impl Binding {
    /// The name in agent cards: `protocolBinding`, `transport`, `preferredTransport`.
    pub const fn card_name(self) -> &'static str {
        match self {
            Self::JsonRpc => "JSONRPC",
            Self::HttpJson => "HTTP+JSON",
            Self::Grpc => "GRPC",
        }
    }

    /// Reads a name of agent cards. Cards in the wild differ in case.
    pub fn from_card_name(name: &str) -> Option<Self> {
        [Self::JsonRpc, Self::HttpJson, Self::Grpc]
            .into_iter()
            .find(|binding| binding.card_name().eq_ignore_ascii_case(name))
    }
}

impl From<model::agent::Binding> for Binding {
    fn from(binding: model::agent::Binding) -> Self {
        match binding {
            model::agent::Binding::JsonRpc => Self::JsonRpc,
            model::agent::Binding::HttpJson => Self::HttpJson,
            model::agent::Binding::Grpc => Self::Grpc,
        }
    }
}

/// A classified request. Borrows from the body that it was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call<'a> {
    /// What carried it.
    pub binding: Binding,
    /// The canonical operation.
    pub operation: Operation,
    /// The generation of the method name; `None` when the method is unknown.
    pub naming: Option<Naming>,
    /// The method as sent. Not bounded in cardinality: for forwarding and debugging, not for metrics.
    pub method: Cow<'a, str>,
    /// The JSON-RPC id as raw JSON text; `None` when the request has none.
    pub id: Option<&'a str>,
    /// The task that the request names.
    pub task_id: Option<Cow<'a, str>>,
    /// The context (0.1: session) that the request names.
    pub context_id: Option<Cow<'a, str>>,
    /// Whether a send waits for the outcome: `returnImmediately` unset or false, `blocking` unset or true.
    pub waits: bool,
    /// Whether the request registers a webhook, alone or inside a send.
    pub has_push_config: bool,
    /// Where the method string lies in the body, quotes included: byte offsets.
    pub method_span: (usize, usize),
}

impl Call<'_> {
    /// Whether a unary answer may take minutes: a SendMessage that waits for the outcome (A2A 1.0 §3.2.2).
    pub fn is_blocking_send(&self) -> bool {
        self.operation == Operation::SendMessage && self.waits
    }

    /// The generation in which this caller reads errors: the version named, else that of the method name.
    pub fn dialect(&self, named: Option<Version>) -> Dialect {
        match (named, self.naming) {
            (Some(version), _) => version.dialect(),
            (None, Some(Naming::V10)) => Dialect::V1,
            (None, Some(Naming::V01)) => Dialect::V01,
            (None, _) => Dialect::V0,
        }
    }
}
