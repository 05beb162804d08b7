//! Wire → model for an agent's servers.

use rustls_pki_types::pem::PemObject as _;
use rustls_pki_types::{CertificateDer, ServerName};

use super::{A2aVersion, Binding, Upstream, UpstreamProtocol, UpstreamUrl};
use crate::model::selector::DataPlaneSelector;
use crate::model::violation::{FieldPath, Violations};
use crate::model::{bound, check};
use crate::wire::config::v1 as wire;

impl Upstream {
    pub(super) fn from_wire(wire: wire::Upstream, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::Upstream { url, versions, selector, tls, protocol, card_url, bindings } = wire;
        let url = wrong.collect(UpstreamUrl::parse(&url, &at.field("url")));
        let versions_at = at.field("versions");
        check::count(versions.len(), &bound::VERSIONS, &versions_at, wrong);
        let versions: Vec<A2aVersion> = versions
            .iter()
            .enumerate()
            .filter_map(|(index, text)| wrong.collect(A2aVersion::parse(text, &versions_at.index(index))))
            .collect();
        check::unique(&versions, &versions_at, wrong);
        let selector = DataPlaneSelector::from_wire(selector, &at.field("selector"), wrong);
        let (ca_certificates, server_name) = tls_from_wire(tls, url.as_ref(), &at.field("tls"), wrong);
        let protocol = check::known(protocol, &at.field("protocol"), wrong).map(|known| match known {
            wire::UpstreamProtocol::Unspecified => UpstreamProtocol::Auto,
            wire::UpstreamProtocol::Http1 => UpstreamProtocol::Http1,
            wire::UpstreamProtocol::Http2 => UpstreamProtocol::Http2,
        });
        let bindings = bindings_from_wire(&bindings, &at.field("bindings"), wrong);
        if bindings == [Binding::Grpc] {
            grpc_alone(url.as_ref(), protocol, at, wrong);
        }
        let url = url?;
        let card_path = (!card_url.is_empty())
            .then(|| wrong.collect(url.card_path(&card_url, &at.field("card_url"))))
            .flatten();
        let protocol = protocol?;
        Some(Self { url, versions, selector, ca_certificates, server_name, protocol, card_path, bindings })
    }
}

fn bindings_from_wire(wire: &[i32], at: &FieldPath, wrong: &mut Violations) -> Vec<Binding> {
    check::count(wire.len(), &bound::BINDINGS, at, wrong);
    let mut bindings = Vec::new();
    for (index, value) in wire.iter().enumerate() {
        let at = at.index(index);
        match check::known(*value, &at, wrong) {
            None => {}
            Some(wire::Binding::Jsonrpc) => bindings.push(Binding::JsonRpc),
            Some(wire::Binding::HttpJson) => bindings.push(Binding::HttpJson),
            Some(wire::Binding::Grpc) => bindings.push(Binding::Grpc),
            Some(wire::Binding::Unspecified) => wrong.push(at, "REQUIRED", "must name a binding"),
        }
    }
    check::unique(&bindings, at, wrong);
    bindings
}

/// What a server that speaks gRPC alone can be.
fn grpc_alone(
    url: Option<&UpstreamUrl>,
    protocol: Option<UpstreamProtocol>,
    at: &FieldPath,
    wrong: &mut Violations,
) {
    if url.is_some_and(|url| !url.path.is_empty()) {
        wrong.push(at.field("url"), "CONFLICT", "may not have a path: gRPC clients cannot send one");
    }
    if protocol == Some(UpstreamProtocol::Http1) {
        wrong.push(at.field("protocol"), "CONFLICT", "must be HTTP/2 or unspecified: gRPC needs HTTP/2");
    }
}

type Tls = (Option<Vec<CertificateDer<'static>>>, Option<ServerName<'static>>);

fn tls_from_wire(
    tls: Option<wire::UpstreamTls>,
    url: Option<&UpstreamUrl>,
    at: &FieldPath,
    wrong: &mut Violations,
) -> Tls {
    let Some(wire::UpstreamTls { ca_certificates_pem, server_name }) = tls else { return (None, None) };
    if url.is_some_and(|url| !url.tls) {
        wrong.push(
            at.clone(),
            "CONFLICT",
            "means nothing for an http:// URL; write https:// or leave it out",
        );
    }
    let certificates = (!ca_certificates_pem.is_empty())
        .then(|| wrong.collect(certificates(&ca_certificates_pem, &at.field("ca_certificates_pem"))))
        .flatten();
    let name = (!server_name.is_empty()).then(|| ServerName::try_from(server_name)).and_then(|name| {
        if name.is_err() {
            wrong.push(at.field("server_name"), "INVALID_HOST", "must be a host name or an address");
        }
        name.ok()
    });
    (certificates, name)
}

/// The certificates of a PEM text; each can be the root of a chain.
fn certificates(pem: &str, at: &FieldPath) -> Result<Vec<CertificateDer<'static>>, Violations> {
    let refuse = |reason: String| Violations::one(at.clone(), "INVALID_PEM", reason);
    if !bound::PEM.contains(pem.len() as u64) {
        return Err(refuse(format!("must be {}", bound::PEM.range())));
    }
    let certificates: Vec<_> = CertificateDer::pem_slice_iter(pem.as_bytes())
        .collect::<Result<_, _>>()
        .map_err(|error| refuse(format!("is not valid PEM ({error})")))?;
    if certificates.is_empty() {
        return Err(refuse("has no -----BEGIN CERTIFICATE----- block".to_owned()));
    }
    // What a data plane's verifier refuses as a root must not get there.
    let mut roots = rustls::RootCertStore::empty();
    for (index, certificate) in certificates.iter().enumerate() {
        roots
            .add(certificate.clone())
            .map_err(|error| refuse(format!("has a bad certificate at position {}: {error}", index + 1)))?;
    }
    Ok(certificates)
}

impl A2aVersion {
    /// Checks a version of the form Major.Minor.
    ///
    /// # Errors
    ///
    /// One violation at `at`.
    pub fn parse(text: &str, at: &FieldPath) -> Result<Self, Violations> {
        let part = |text: &str| {
            let plain = text == "0" || !text.starts_with('0');
            (plain && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().ok()).flatten()
        };
        let parsed = text.split_once('.').and_then(|(major, minor)| part(major).zip(part(minor)));
        let refuse = || {
            Violations::one(at.clone(), "INVALID_VERSION", "must be Major.Minor such as \"0.3\" or \"1.0\"")
        };
        parsed.map(|(major, minor)| Self { major, minor }).ok_or_else(refuse)
    }
}

impl std::fmt::Display for A2aVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}
