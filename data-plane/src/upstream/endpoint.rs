//! One server of an agent, compiled: everything that connecting to it and addressing it takes.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest;
use http::HeaderValue;
use http::uri::{Authority, PathAndQuery, Scheme};
use rustls::ClientConfig;
use rustls_pki_types::{CertificateDer, ServerName};
use signalbox_proto::model::agent::{Binding, Upstream, UpstreamProtocol};

use super::tls::TlsClients;

/// What two endpoints share exactly when their connections are interchangeable.
///
/// It covers origin, protocol and how the server is verified; not the path and not the connect timeout. Connections
/// are kept by identity, so that a config change that keeps it keeps them.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct EndpointIdentity(pub(super) Arc<str>);

impl EndpointIdentity {
    /// The identity as text, for logs and for keys of other carried-over state.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The plain parameters of an endpoint.
#[derive(Debug, Clone)]
pub struct EndpointParameters {
    /// Whether it is https.
    pub tls: bool,
    /// Host name, or an address literal without brackets.
    pub host: Arc<str>,
    /// Port.
    pub port: u16,
    /// Path without trailing slash: "" or "/a2a/rpc".
    pub path: Arc<str>,
    /// Certificates that replace the system roots.
    pub ca_certificates: Option<Vec<CertificateDer<'static>>>,
    /// Name to verify and to send as SNI, if not the host.
    pub server_name: Option<ServerName<'static>>,
    /// Wire protocol.
    pub protocol: UpstreamProtocol,
    /// Time for name resolution, TCP and TLS together.
    pub connect_timeout: Duration,
}

/// How an https endpoint is verified.
#[derive(Debug, Clone)]
pub(super) struct EndpointTls {
    pub(super) config: Arc<ClientConfig>,
    /// `None`: the URL's host cannot be a server name, and every connection fails.
    pub(super) server_name: Option<ServerName<'static>>,
}

/// One server of an agent, compiled.
#[derive(Debug)]
pub struct Endpoint {
    identity: EndpointIdentity,
    host: Arc<str>,
    port: u16,
    path: Arc<str>,
    /// The same as a request target; `None` if it is none.
    own_target: Option<PathAndQuery>,
    scheme: Scheme,
    authority: Option<Authority>,
    host_header: HeaderValue,
    tls: Option<EndpointTls>,
    protocol: UpstreamProtocol,
    connect_timeout: Duration,
}

impl Endpoint {
    /// Compiles a checked upstream. `connect_timeout` is the agent's.
    pub fn compile(upstream: &Upstream, connect_timeout: Duration, tls: &TlsClients) -> Self {
        let Upstream {
            url,
            ca_certificates,
            server_name,
            protocol,
            bindings,
            versions: _,
            selector: _,
            card_path: _,
        } = upstream;
        // gRPC is HTTP/2, over http with prior knowledge: there is nothing to negotiate.
        let is_grpc_alone = **bindings == [Binding::Grpc];
        let protocol = if is_grpc_alone { UpstreamProtocol::Http2 } else { *protocol };
        let parameters = EndpointParameters {
            tls: url.tls,
            host: Arc::clone(&url.host),
            port: url.port,
            path: Arc::clone(&url.path),
            ca_certificates: ca_certificates.clone(),
            server_name: server_name.clone(),
            protocol,
            connect_timeout,
        };
        Self::new(parameters, tls)
    }

    /// Compiles an endpoint from its parameters.
    pub fn new(parameters: EndpointParameters, tls: &TlsClients) -> Self {
        let identity = EndpointIdentity(identity(&parameters).into());
        let authority_text = authority_text(&parameters);
        let EndpointParameters {
            tls: is_tls,
            host,
            port,
            path,
            ca_certificates,
            server_name,
            protocol,
            connect_timeout,
        } = parameters;
        let tls = is_tls.then(|| EndpointTls {
            config: tls.config(ca_certificates.as_deref(), protocol),
            server_name: server_name.or_else(|| ServerName::try_from(host.to_string()).ok()),
        });
        // A checked URL always gives both; where it does not, requests fail as invalid instead of going elsewhere.
        let host_header =
            HeaderValue::from_str(&authority_text).unwrap_or_else(|_| HeaderValue::from_static("invalid"));
        Self {
            identity,
            host,
            port,
            own_target: PathAndQuery::try_from(if path.is_empty() { "/" } else { &path }).ok(),
            path,
            scheme: if is_tls { Scheme::HTTPS } else { Scheme::HTTP },
            authority: Authority::try_from(authority_text).ok(),
            host_header,
            tls,
            protocol,
            connect_timeout,
        }
    }

    /// What its connections are kept by.
    pub fn identity(&self) -> &EndpointIdentity {
        &self.identity
    }

    /// Host name, or an address literal without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Path without trailing slash; empty for the root.
    pub fn path(&self) -> &str {
        &self.path
    }

    /// Whether it is https.
    pub fn is_tls(&self) -> bool {
        self.tls.is_some()
    }

    /// Time for name resolution, TCP and TLS together.
    pub fn connect_timeout(&self) -> Duration {
        self.connect_timeout
    }

    /// The request target for a path below the endpoint's own: "" for the endpoint itself, or "/v1/tasks?pageSize=1".
    ///
    /// # Errors
    /// The result is not a valid path and query.
    pub fn target(&self, below: &str) -> Result<PathAndQuery, http::uri::InvalidUri> {
        if let Some(own) = self.own_target.as_ref().filter(|_| below.is_empty()) {
            return Ok(own.clone());
        }
        if self.path.is_empty() {
            return PathAndQuery::try_from(if below.is_empty() { "/" } else { below });
        }
        PathAndQuery::try_from(format!("{}{below}", self.path))
    }

    pub(super) fn host_shared(&self) -> Arc<str> {
        Arc::clone(&self.host)
    }

    pub(super) fn scheme(&self) -> &Scheme {
        &self.scheme
    }

    pub(super) fn authority(&self) -> Option<&Authority> {
        self.authority.as_ref()
    }

    pub(super) fn host_header(&self) -> &HeaderValue {
        &self.host_header
    }

    pub(super) fn tls(&self) -> Option<&EndpointTls> {
        self.tls.as_ref()
    }

    pub(super) fn protocol(&self) -> UpstreamProtocol {
        self.protocol
    }
}

/// `host[:port]` as the Host header and `:authority` carry it: without the scheme's default port.
fn authority_text(parameters: &EndpointParameters) -> String {
    let EndpointParameters { host, port, tls, .. } = parameters;
    let default_port = if *tls { 443 } else { 80 };
    let mut text = if host.contains(':') { format!("[{host}]") } else { host.to_string() };
    if *port != default_port {
        // Writing to a String cannot fail.
        let _ = write!(text, ":{port}");
    }
    text
}

fn identity(parameters: &EndpointParameters) -> String {
    let EndpointParameters {
        tls,
        host,
        port,
        ca_certificates,
        server_name,
        protocol,
        path: _,
        connect_timeout: _,
    } = parameters;
    let protocol = match protocol {
        UpstreamProtocol::Auto => "auto",
        UpstreamProtocol::Http1 => "http1",
        UpstreamProtocol::Http2 => "http2",
    };
    if !tls {
        return format!("http://{host}:{port} {protocol}");
    }
    let roots = ca_certificates
        .as_ref()
        .map_or_else(|| "system".to_owned(), |certificates| fingerprint(certificates));
    let name = server_name.as_ref().map_or_else(|| "-".to_owned(), |name| name.to_str().into_owned());
    format!("https://{host}:{port} {protocol} {name} {roots}")
}

fn fingerprint(certificates: &[CertificateDer<'_>]) -> String {
    let mut context = digest::Context::new(&digest::SHA256);
    for certificate in certificates {
        // The length keeps two lists with the same bytes, cut differently, apart.
        context.update(&certificate.len().to_be_bytes());
        context.update(certificate);
    }
    hex::encode(context.finish())
}

#[cfg(test)]
mod tests;
