//! One card for an agent that speaks two generations on two servers.

use super::interface::preferred;
use super::object::{Object, array, elements, quote};
use super::text;
use crate::a2a::call::Binding;
use crate::error::GatewayError;

/// Merges a 0.x card and a 1.0 card into one hybrid, which readers of either generation understand. The result still
/// names the agent's own addresses: it is input for `rewrite`.
///
/// What both say is taken from the 1.0 card; capabilities and security schemes are united; the 0.x interface is also
/// listed among the `supportedInterfaces`.
///
/// # Errors
/// `InvalidAgentCard` when one of them cannot be read as a card.
pub fn merge(card_0_x: &[u8], card_1_0: &[u8]) -> Result<String, GatewayError> {
    let older = Object::parse(text(card_0_x)?)?;
    let mut merged = Object::parse(text(card_1_0)?)?;
    let mut interfaces: Vec<String> = match merged.get_set("supportedInterfaces")? {
        Some(entries) => elements(entries)?.into_iter().map(ToOwned::to_owned).collect(),
        None => Vec::new(),
    };
    interfaces.extend(older_interfaces(&older)?);
    let capabilities = united(&older, &merged, "capabilities", false)?;
    let schemes = united(&older, &merged, "securitySchemes", true)?;

    for (name, value) in older.iter() {
        if !merged.has(name) && name != "signatures" {
            merged.set(name, value.to_owned());
        }
    }
    merged.set("supportedInterfaces", array(&interfaces));
    if let Some(capabilities) = capabilities {
        merged.set("capabilities", capabilities);
    }
    if let Some(schemes) = schemes {
        merged.set("securitySchemes", schemes);
    }
    merged.remove("signatures");
    Ok(merged.to_json())
}

/// The interfaces of a 0.x card in the form of 1.0; those of a hybrid are in that form already.
fn older_interfaces(older: &Object<'_>) -> Result<Vec<String>, GatewayError> {
    if let Some(entries) = older.get_set("supportedInterfaces")? {
        return Ok(elements(entries)?.into_iter().map(ToOwned::to_owned).collect());
    }
    let Some(url) = older.get_text("url")? else { return Ok(Vec::new()) };
    let binding = preferred(older)?.unwrap_or(Binding::JsonRpc);
    let version = older.get_text("protocolVersion")?;
    let mut entry = Object::default();
    entry.set("url", quote(&url));
    entry.set("protocolBinding", quote(binding.card_name()));
    entry.set("protocolVersion", quote(version.as_deref().unwrap_or("0.3")));
    Ok(vec![entry.to_json()])
}

/// The members of both objects; those of the newer win, or are united in turn.
fn united(
    older: &Object<'_>,
    newer: &Object<'_>,
    name: &str,
    deep: bool,
) -> Result<Option<String>, GatewayError> {
    let (Some(older), Some(newer)) = (older.get_set(name)?, newer.get_set(name)?) else { return Ok(None) };
    let (older, mut newer) = (Object::parse(older)?, Object::parse(newer)?);
    for (name, value) in older.iter() {
        match newer.get(name)? {
            None => newer.set(name, value.to_owned()),
            Some(existing) if deep && existing.starts_with('{') && value.starts_with('{') => {
                let mut both = Object::parse(existing)?;
                for (name, value) in Object::parse(value)?.iter() {
                    if !both.has(name) {
                        both.set(name, value.to_owned());
                    }
                }
                let both = both.to_json();
                newer.set(name, both);
            }
            Some(_) => {}
        }
    }
    Ok(Some(newer.to_json()))
}
