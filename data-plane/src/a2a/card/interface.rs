//! Where a card says that the agent answers.

use super::object::{Object, elements};
use super::text;
use super::url::Target;
use crate::a2a::call::Binding;
use crate::a2a::version::Version;
use crate::error::{Dialect, GatewayError};

/// An interface of the agent on its own server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// The binding spoken there.
    pub binding: Binding,
    /// The generation of the member that names it: 1.0 for `supportedInterfaces`.
    pub dialect: Dialect,
    /// The version named; `None` for cards before 0.2.5, which name none.
    pub version: Option<Version>,
    /// Path and query on the target's own scheme, host and port.
    pub path_and_query: String,
    /// The tenant that the interface wants named in its requests.
    pub tenant: Option<String>,
}

/// The interfaces that a card names on this target, in the card's order, the preferred one of 0.x first. Those on other
/// servers, and of bindings that the gateway does not know, are left out.
///
/// # Errors
/// `InvalidAgentCard` when it cannot be read as a card.
pub fn interfaces(card: &[u8], target: &Target) -> Result<Vec<Interface>, GatewayError> {
    let card = Object::parse(text(card)?)?;
    let mut found: Vec<Interface> = Vec::new();
    for named in named(&card)? {
        let Some(binding) = named.binding else { continue };
        let Some(path_and_query) = target.path_of(&named.url) else { continue };
        let Named { dialect, version, tenant, .. } = named;
        let interface = Interface { binding, dialect, version, path_and_query, tenant };
        if !found.contains(&interface) {
            found.push(interface);
        }
    }
    Ok(found)
}

/// An interface as the card names it, wherever it is.
#[derive(Clone, Debug)]
pub(super) struct Named {
    pub(super) url: String,
    pub(super) binding: Option<Binding>,
    dialect: Dialect,
    version: Option<Version>,
    tenant: Option<String>,
}

/// All interfaces of a card, 1.0 first.
pub(super) fn named(card: &Object<'_>) -> Result<Vec<Named>, GatewayError> {
    let mut all = Vec::new();
    if let Some(entries) = card.get_set("supportedInterfaces")? {
        for entry in elements(entries)? {
            all.extend(entry_1_0(&Object::parse(entry)?)?);
        }
    }
    let version = card.get_text("protocolVersion")?.and_then(|text| Version::parse(&text));
    let of_0_x = |url: String, binding| Named { url, binding, dialect: Dialect::V0, version, tenant: None };
    if let Some(url) = card.get_text("url")? {
        all.push(of_0_x(url.into_owned(), preferred(card)?));
    }
    if let Some(entries) = card.get_set("additionalInterfaces")? {
        for entry in elements(entries)? {
            let entry = Object::parse(entry)?;
            let binding = entry.get_text("transport")?.and_then(|name| Binding::from_card_name(&name));
            if let Some(url) = entry.get_text("url")? {
                all.push(of_0_x(url.into_owned(), binding));
            }
        }
    }
    Ok(all)
}

/// The binding of the 0.x `url`: JSON-RPC unless the card says otherwise.
pub(super) fn preferred(card: &Object<'_>) -> Result<Option<Binding>, GatewayError> {
    Ok(match card.get_text("preferredTransport")? {
        Some(name) if !name.is_empty() => Binding::from_card_name(&name),
        _ => Some(Binding::JsonRpc),
    })
}

fn entry_1_0(entry: &Object<'_>) -> Result<Option<Named>, GatewayError> {
    let Some(url) = entry.get_text("url")? else { return Ok(None) };
    Ok(Some(Named {
        url: url.into_owned(),
        binding: entry.get_text("protocolBinding")?.and_then(|name| Binding::from_card_name(&name)),
        dialect: Dialect::V1,
        version: entry.get_text("protocolVersion")?.and_then(|text| Version::parse(&text)),
        tenant: entry.get_text("tenant")?.filter(|tenant| !tenant.is_empty()).map(Into::into),
    }))
}
