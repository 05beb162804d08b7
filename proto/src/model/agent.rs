//! An agent as the gateway serves it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;
use rustls_pki_types::{CertificateDer, ServerName};

use super::address::Addresses;
use super::bound;
use super::name::{AgentName, PlanName};
use super::pointer::SkillSelector;
use super::push::PushPolicy;
use super::selector::DataPlaneSelector;

/// An A2A agent published through the gateway.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Agent {
    /// Its name.
    pub name: AgentName,
    /// Whether it is served.
    pub state: AgentState,
    /// What people read about it.
    pub about: About,
    /// Where it answers.
    pub addresses: Addresses,
    /// Its servers; never empty unless the state is `Saved`.
    pub upstreams: Vec<Upstream>,
    /// What callers see of its card.
    pub card: CardPolicy,
    /// Idle time before a comment line on an event stream; `None`: off; else at least 1 s.
    pub heartbeat_interval: Option<Duration>,
    /// The plans that open it.
    pub plans: Vec<PlanName>,
    /// Limits on time and size.
    pub limits: AgentLimits,
    /// What becomes of webhooks, besides what the caller's plan says.
    pub push: PushPolicy,
    /// Where a message names its skill; `None`: skills of plans only filter cards.
    pub skill_selector: Option<SkillSelector>,
    /// Whether messages in common but wrong forms are put right.
    pub lenient: bool,
    /// Whether callers may use the tasks and contexts of other consumers.
    pub task_ownership: TaskOwnership,
}

/// What becomes of calls that name a task or a context of another consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TaskOwnership {
    /// Ids are not looked at.
    #[default]
    Off,
    /// What is known to be another's is answered as unknown.
    Known,
    /// What is not known to be the caller's is answered as unknown.
    Strict,
}

/// Whether an agent is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AgentState {
    /// Kept, not served.
    Saved,
    /// Served.
    Deployed,
    /// Served as absent.
    Stopped,
}

/// What people and registries read about an agent.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct About {
    /// Display name; at most 256 characters.
    pub display_name: String,
    /// The publisher's version.
    pub version: String,
    /// At most 4,096 characters.
    pub description: String,
    /// What it can do.
    pub capabilities: Vec<String>,
    /// For selection.
    pub labels: BTreeMap<String, String>,
    /// Opaque to the gateway.
    pub metadata: BTreeMap<String, String>,
}

/// One server of an agent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// Target URL.
    pub url: UpstreamUrl,
    /// A2A versions spoken there; empty: any.
    pub versions: Vec<A2aVersion>,
    /// Data planes that use it.
    pub selector: DataPlaneSelector,
    /// Certificates (DER) that replace the system roots; `None`: the system's.
    pub ca_certificates: Option<Vec<CertificateDer<'static>>>,
    /// Name to verify and to send as SNI, if not the URL's host.
    pub server_name: Option<ServerName<'static>>,
    /// Wire protocol.
    pub protocol: UpstreamProtocol,
    /// Where the card is, if not at the well-known path: path and query at the URL's origin.
    pub card_path: Option<Arc<str>>,
    /// Bindings spoken there; empty: those that its card names on its own origin.
    pub bindings: Vec<Binding>,
}

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

/// An http or https URL with host, explicit port, and a path without trailing slash (empty for the root).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct UpstreamUrl {
    /// Whether it is https.
    pub tls: bool,
    /// Host name in lower case, or an address literal without brackets.
    pub host: Arc<str>,
    /// Port, the scheme's default filled in.
    pub port: u16,
    /// Path as written, without a trailing slash: "" or "/a2a/rpc".
    pub path: Arc<str>,
    /// The URL as written.
    pub text: Arc<str>,
}

/// Major.Minor of the A2A protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct A2aVersion {
    /// Major.
    pub major: u16,
    /// Minor.
    pub minor: u16,
}

/// Wire protocol towards an upstream.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum UpstreamProtocol {
    /// HTTP/2 where TLS negotiates it, else HTTP/1.1.
    Auto,
    /// HTTP/1.1 always.
    Http1,
    /// HTTP/2 always; over http with prior knowledge.
    Http2,
}

/// What callers see of the card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CardPolicy {
    /// Who may read the public card.
    pub visibility: CardVisibility,
    /// What becomes of signatures.
    pub signatures: SignaturePolicy,
    /// The card itself as JSON text, names sorted; `None`: it is asked of an upstream.
    pub static_card: Option<Arc<str>>,
    /// Credential with which the card is fetched.
    pub fetch_credential: Option<FetchCredential>,
}

/// A credential for fetching the card. The secret itself is in a file of the data plane.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchCredential {
    /// Header that carries it.
    pub header: HeaderName,
    /// Word before the secret; empty: none.
    pub scheme: Arc<str>,
    /// Name of a file in the secrets directory: no path, no dot in front.
    pub secret: Arc<str>,
}

/// Who may read the public card.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CardVisibility {
    /// Everybody.
    Public,
    /// Whoever a plan admits.
    Plan,
}

/// What becomes of the upstream's signatures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignaturePolicy {
    /// They are removed.
    Strip,
}

/// Limits of one agent on time and size, defaults filled in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AgentLimits {
    /// Largest request body.
    pub max_body_bytes: u64,
    /// Time to connect.
    pub connect_timeout: Duration,
    /// Time until the head of the answer to a blocking SendMessage.
    pub send_timeout: Duration,
    /// Time until the head of any other unary answer.
    pub unary_timeout: Duration,
    /// Longest silence inside an event stream.
    pub stream_idle_timeout: Duration,
    /// Longest life of an event stream.
    pub stream_max_duration: Option<Duration>,
}

impl Default for AgentLimits {
    fn default() -> Self {
        Self {
            max_body_bytes: bound::MAX_BODY_BYTES.default.unwrap_or_default(),
            connect_timeout: bound::CONNECT_TIMEOUT.default_duration(),
            send_timeout: bound::SEND_TIMEOUT.default_duration(),
            unary_timeout: bound::UNARY_TIMEOUT.default_duration(),
            stream_idle_timeout: bound::STREAM_IDLE_TIMEOUT.default_duration(),
            stream_max_duration: None,
        }
    }
}

mod card;
mod from_wire;
#[cfg(test)]
mod tests;
mod upstream;
