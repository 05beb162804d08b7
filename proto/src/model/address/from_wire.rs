//! Wire → model for addresses.

use super::{Addresses, ContextPath, HostName, PublicUrl, RESERVED_IDS};
use crate::model::name::{AgentName, DEFAULT_ORGANIZATION};
use crate::model::selector::DataPlaneSelector;
use crate::model::violation::{FieldPath, Violations};
use crate::model::{address::BaseUrl, bound, check, url};
use crate::wire::config::v1 as wire;

impl ContextPath {
    /// Checks a context path; one trailing slash is the same address and is cut off.
    ///
    /// # Errors
    ///
    /// One violation at `at`.
    pub fn parse(text: &str, at: &FieldPath) -> Result<Self, Violations> {
        let refuse = |reason: &str| Violations::one(at.clone(), "INVALID_PATH", reason);
        let path = text.strip_suffix('/').unwrap_or(text);
        let Some(segments) = path.strip_prefix('/') else {
            return Err(refuse("must be an absolute path such as /support/chat"));
        };
        if path.len() as u64 > bound::CONTEXT_PATH.max {
            return Err(refuse("is longer than 256 bytes"));
        }
        let good = |segment: &str| {
            !matches!(segment, "" | "." | "..")
                && segment.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte))
        };
        if !segments.split('/').all(good) {
            return Err(refuse(
                "must have segments of a-z, A-Z, 0-9 and - . _ ~, none of them empty, . or ..",
            ));
        }
        if matches!(segments.split('/').next(), Some("a2a" | ".well-known")) {
            return Err(refuse("may not begin with /a2a or /.well-known, which belong to the gateway"));
        }
        Ok(Self(path.into()))
    }
}

impl HostName {
    /// Checks a host name: no port, no address, no wildcard.
    ///
    /// # Errors
    ///
    /// One violation at `at`.
    pub fn parse(text: &str, at: &FieldPath) -> Result<Self, Violations> {
        let refuse = |reason: &str| Violations::one(at.clone(), "INVALID_HOST", reason);
        if text.parse::<std::net::IpAddr>().is_ok() {
            return Err(refuse("must be a name, not an address"));
        }
        if text.contains([':', '/', '*']) {
            return Err(refuse("must be a host name alone, without scheme, port, path and wildcard"));
        }
        url::host_name(text).map(|name| Self(name.into())).map_err(|_| {
            refuse("must be a host name of letters, digits, - and . (internationalized names in their xn-- form)")
        })
    }
}

impl Addresses {
    pub(crate) fn from_wire(wire: wire::Addresses, at: &FieldPath, wrong: &mut Violations) -> Self {
        let wire::Addresses { context_path, hosts, public_urls } = wire;
        let context_path = (!context_path.is_empty())
            .then(|| wrong.collect(ContextPath::parse(&context_path, &at.field("context_path"))))
            .flatten();
        let hosts_at = at.field("hosts");
        check::count(hosts.len(), &bound::HOSTS, &hosts_at, wrong);
        let hosts: Vec<HostName> = hosts
            .iter()
            .enumerate()
            .filter_map(|(index, host)| wrong.collect(HostName::parse(host, &hosts_at.index(index))))
            .collect();
        check::unique(&hosts, &hosts_at, wrong);
        let urls_at = at.field("public_urls");
        check::count(public_urls.len(), &bound::PUBLIC_URLS, &urls_at, wrong);
        let public_urls = public_urls
            .into_iter()
            .enumerate()
            .filter_map(|(index, url)| PublicUrl::from_wire(url, &urls_at.index(index), wrong))
            .collect();
        Self { context_path, hosts, public_urls }
    }
}

impl PublicUrl {
    fn from_wire(wire: wire::PublicUrl, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::PublicUrl { url, selector } = wire;
        let url = wrong.collect(BaseUrl::parse(&url, &at.field("url")));
        let selector = DataPlaneSelector::from_wire(selector, &at.field("selector"), wrong);
        Some(Self { url: url?, selector })
    }
}

/// Notes an organization id that would shadow addresses of the gateway.
pub(crate) fn reserved_organization(organization: &str, at: &FieldPath, wrong: &mut Violations) {
    if organization != DEFAULT_ORGANIZATION && RESERVED_IDS.contains(&organization) {
        let text = format!("{organization:?} is reserved and cannot be the id of an organization");
        wrong.push(at.clone(), "RESERVED_ID", text);
    }
}

/// Notes an agent id that would shadow addresses of the gateway.
pub(crate) fn reserved_agent(name: &AgentName, at: &FieldPath, wrong: &mut Violations) {
    reserved_organization(name.organization(), at, wrong);
    if name.organization() == DEFAULT_ORGANIZATION && RESERVED_IDS.contains(&name.id()) {
        let text = format!(
            "{:?} is reserved and cannot be the id of an agent of the default organization",
            name.id()
        );
        wrong.push(at.clone(), "RESERVED_ID", text);
    }
}
