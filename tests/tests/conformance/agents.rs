//! Agents of the official SDKs, each behind one gateway: the two sides of every comparison.

use std::net::SocketAddr;

use serde_json::Value;
use signalbox_proto::key::{Token, TokenKind};
use system_tests::harness::{
    Agent, Client, DataPlane,
    http::{Response, get},
    manifest::{KEYLESS_PLAN, Manifest},
    sdk::{EVERYTHING, Sdk},
};

/// A new API key, and its SHA-256 in hex, by which manifests bring it along.
pub(crate) fn new_api_key() -> (String, String) {
    let token = Token::generate(TokenKind::ApiKey).expect("random bytes");
    (token.expose().to_owned(), hex::encode(token.sha256().0))
}

/// Where cards are.
pub(crate) const CARD: &str = "/.well-known/agent-card.json";
/// Where cards were before 0.3.
pub(crate) const OLD_CARD: &str = "/.well-known/agent.json";

/// An agent of an SDK, in one version or both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Python1,
    Python03,
    JavaScript1,
    JavaScript03,
    PythonBoth,
    JavaScriptBoth,
}

impl Kind {
    pub(crate) const ALL: [Self; 6] = [
        Self::Python1,
        Self::Python03,
        Self::JavaScript1,
        Self::JavaScript03,
        Self::PythonBoth,
        Self::JavaScriptBoth,
    ];

    /// Its id at the gateway.
    pub(crate) fn id(self) -> &'static str {
        match self {
            Self::Python1 => "python-1",
            Self::Python03 => "python-0-3",
            Self::JavaScript1 => "javascript-1",
            Self::JavaScript03 => "javascript-0-3",
            Self::PythonBoth => "python-both",
            Self::JavaScriptBoth => "javascript-both",
        }
    }

    /// The versions that it speaks.
    pub(crate) fn versions(self) -> &'static [&'static str] {
        match self {
            Self::Python1 | Self::JavaScript1 => &["1.0"],
            Self::Python03 | Self::JavaScript03 => &["0.3"],
            Self::PythonBoth | Self::JavaScriptBoth => &["1.0", "0.3"],
        }
    }

    fn start(self) -> Agent {
        let (sdk, both) = match self {
            Self::Python1 => (Sdk::Python1, false),
            Self::Python03 => (Sdk::Python03, false),
            Self::JavaScript1 => (Sdk::JavaScript1, false),
            Self::JavaScript03 => (Sdk::JavaScript03, false),
            Self::PythonBoth => (Sdk::Python1, true),
            Self::JavaScriptBoth => (Sdk::JavaScript1, true),
        };
        let mut options = EVERYTHING.to_vec();
        options.extend(both.then_some("--hybrid"));
        Agent::start_with(sdk, &options, &[])
    }
}

/// A way to carry A2A.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Binding {
    JsonRpc,
    HttpJson,
    Grpc,
}

impl Binding {
    pub(crate) const ALL: [Self; 3] = [Self::JsonRpc, Self::HttpJson, Self::Grpc];

    /// Its name in cards.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::JsonRpc => "JSONRPC",
            Self::HttpJson => "HTTP+JSON",
            Self::Grpc => "GRPC",
        }
    }
}

/// Agents and the gateway in front of them.
pub(crate) struct Fixture {
    pub(crate) agents: Vec<(Kind, Agent)>,
    pub(crate) gateway: DataPlane,
}

impl Fixture {
    /// Agents under a keyless plan.
    pub(crate) fn start(kinds: &[Kind]) -> Self {
        Self::start_with(kinds, Manifest::new().keyless(), KEYLESS_PLAN, "", &[])
    }

    /// Agents under a plan of the manifest, with further fields as YAML, and options of the data plane.
    pub(crate) fn start_with(
        kinds: &[Kind],
        manifest: Manifest,
        plan: &str,
        fields: &str,
        options: &[&str],
    ) -> Self {
        // Interpreters take their time; they may take it together.
        let starting: Vec<_> =
            kinds.iter().copied().map(|kind| (kind, std::thread::spawn(move || kind.start()))).collect();
        let agents: Vec<_> = starting
            .into_iter()
            .map(|(kind, agent)| (kind, agent.join().expect("an agent starts")))
            .collect();
        let manifest = agents.iter().fold(manifest, |manifest, (kind, agent)| {
            let fields =
                format!("{}{fields}", upstreams(kind.id(), &agent.url, agent.grpc.as_deref(), plan, ""));
            manifest.raw_agent(kind.id(), &fields)
        });
        Self { agents, gateway: DataPlane::standalone_with(&manifest, options) }
    }

    /// An agent called directly.
    pub(crate) fn direct(&self, kind: Kind) -> Side {
        let agent = &self.agents.iter().find(|(known, _)| *known == kind).expect("the agent was started").1;
        Side { base: agent.url.clone(), gateway: None }
    }

    /// An agent called through the gateway.
    pub(crate) fn through(&self, kind: Kind) -> Side {
        Side { base: self.gateway.agent(kind.id()), gateway: Some(self.gateway.address) }
    }
}

/// The fields of an agent with an HTTP server and, on a port of its own, a gRPC server; both with further fields.
pub(crate) fn upstreams(id: &str, url: &str, grpc: Option<&str>, plan: &str, more: &str) -> String {
    let mut fields = format!("  plans: [{plan}]\n  upstreams:\n  - url: {url}\n{more}");
    if let Some(grpc) = grpc {
        fields.push_str(&format!("  - url: http://{grpc}\n    bindings: [BINDING_GRPC]\n{more}"));
        fields.push_str(&format!("  addresses:\n    hosts: [{id}.test]\n"));
    }
    fields
}

/// Clients of an SDK that call an agent through the gateway; its card has to name the agent's host for gRPC.
pub(crate) fn client(fixture: &Fixture, sdk: Sdk, kind: Kind) -> Client {
    let authority = format!("{}.test:{}", kind.id(), fixture.gateway.address.port());
    Client::new(sdk, &fixture.through(kind).base).grpc(Some(&authority))
}

/// One of the two ways to an agent.
#[derive(Debug, Clone)]
pub(crate) struct Side {
    /// Below which its card is.
    pub(crate) base: String,
    /// Set for the way through the gateway: all its addresses lead there.
    gateway: Option<SocketAddr>,
}

impl Side {
    /// The way through a gateway to an agent of it.
    pub(crate) fn through(gateway: &DataPlane, id: &str) -> Self {
        Self { base: gateway.agent(id), gateway: Some(gateway.address) }
    }

    /// Its card, as a caller of a version would fetch it.
    pub(crate) fn card(&self, path: &str, version: &str) -> Response {
        let (address, _, prefix) = split(&self.base);
        let headers: &[(&str, &str)] = if version == "1.0" { &[("a2a-version", "1.0")] } else { &[] };
        get(self.gateway.unwrap_or_else(|| socket(&address)), &format!("{prefix}{path}"), headers)
    }

    /// Where the card says that a binding is spoken in a version.
    pub(crate) fn target(&self, binding: Binding, version: &'static str) -> Option<Target> {
        let card = self.card(CARD, version).json();
        let found = interfaces(&card).into_iter().find(|interface| {
            interface.binding == binding.name() && interface.version.starts_with(version)
        })?;
        let (authority, path) = match found.url.strip_prefix("http://") {
            Some(_) => {
                let (authority, _, path) = split(&found.url);
                (authority, path)
            }
            None => (found.url.clone(), String::new()),
        };
        let address = self.gateway.unwrap_or_else(|| socket(&authority));
        Some(Target { binding, version, address, authority, path, url: found.url })
    }
}

/// An interface that a card names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Interface {
    pub(crate) url: String,
    pub(crate) binding: String,
    pub(crate) version: String,
}

/// The interfaces of a card, in the dialects of 1.0 and of 0.3.
pub(crate) fn interfaces(card: &Value) -> Vec<Interface> {
    let text = |value: &Value, name: &str| value[name].as_str().unwrap_or_default().to_owned();
    let mut found = Vec::new();
    for entry in card["supportedInterfaces"].as_array().into_iter().flatten() {
        let (binding, version) = (text(entry, "protocolBinding"), text(entry, "protocolVersion"));
        found.push(Interface { url: text(entry, "url"), binding, version });
    }
    let old = |url: String, binding: String| Interface { url, binding, version: "0.3".to_owned() };
    if card["url"].is_string() {
        let preferred = card["preferredTransport"].as_str().unwrap_or("JSONRPC").to_owned();
        found.push(old(text(card, "url"), preferred));
    }
    for entry in card["additionalInterfaces"].as_array().into_iter().flatten() {
        found.push(old(text(entry, "url"), text(entry, "transport")));
    }
    found
}

/// Authority, everything up to the path, and path of an http URL.
fn split(url: &str) -> (String, String, String) {
    let rest = url.strip_prefix("http://").unwrap_or_else(|| panic!("no http URL: {url}"));
    let (authority, path) = rest.find('/').map_or((rest, ""), |at| rest.split_at(at));
    (authority.to_owned(), format!("http://{authority}"), path.trim_end_matches('/').to_owned())
}

fn socket(authority: &str) -> SocketAddr {
    authority.parse().unwrap_or_else(|_| panic!("no address: {authority}"))
}

/// Where to call an agent over one binding in one version.
#[derive(Debug, Clone)]
pub(crate) struct Target {
    pub(crate) binding: Binding,
    pub(crate) version: &'static str,
    /// Where to connect.
    pub(crate) address: SocketAddr,
    pub(crate) authority: String,
    /// Path of the interface, without a slash at its end.
    pub(crate) path: String,
    pub(crate) url: String,
}
