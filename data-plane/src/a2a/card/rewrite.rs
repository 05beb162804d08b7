//! The edits that make a card accurate.

use bytes::Bytes;

use super::interface::preferred;
use super::object::{Edit, Object, array, elements, is_spelling_of, quote};
use super::security::{self, SecurityDeclaration};
use super::skills::{self, SkillFilter};
use super::sweep::Sweep;
use super::url::Target;
use super::{invalid, text};
use crate::a2a::call::Binding;
use crate::a2a::version::Version;
use crate::error::{Dialect, GatewayError};

/// What the served card has to say.
#[derive(Clone, Copy, Debug)]
pub struct CardRewrite<'a> {
    /// The agent's own servers, all of them: none of their addresses is left.
    pub targets: &'a [Target],
    /// Where callers reach the agent through the gateway.
    pub public_url: &'a str,
    /// `host:port` for gRPC. Without it gRPC interfaces leave the card.
    pub grpc_authority: Option<&'a str>,
    /// The bindings that the gateway proxies. Interfaces of others leave the card.
    pub bindings: &'a [Binding],
    /// The versions that the gateway takes calls of; `None`: any. Interfaces of others leave the card.
    pub versions: Option<&'a [Version]>,
    /// The generation that the reader names. One of 1.0 gets what the plans demand in the form of 1.0 alone where the card
    /// has one; its SDKs stumble over the other form beside it. `None`: it names none.
    pub reader: Option<Dialect>,
    /// What the plans demand.
    pub security: &'a SecurityDeclaration,
    /// What policy switches off.
    pub capabilities_off: CapabilitiesOff,
    /// The skills to show.
    pub skills: SkillFilter<'a>,
}

/// Capabilities that the card must not promise.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CapabilitiesOff {
    /// `capabilities.streaming`.
    pub streaming: bool,
    /// `capabilities.pushNotifications`.
    pub push_notifications: bool,
    /// `capabilities.extendedAgentCard` and `supportsAuthenticatedExtendedCard`.
    pub extended_card: bool,
}

impl CardRewrite<'_> {
    /// The address to show for an interface; `None` when it leaves the card.
    pub(in crate::a2a) fn public_address(&self, url: &str, binding: Option<Binding>) -> Option<&str> {
        let binding = binding.filter(|binding| self.bindings.contains(binding))?;
        let is_own = self.targets.iter().any(|target| target.offers(url, binding));
        let is_public = url.trim_end_matches('/') == self.public_url.trim_end_matches('/')
            || (binding == Binding::Grpc && self.grpc_authority == Some(url));
        if !is_own && !is_public {
            return None;
        }
        match binding {
            Binding::JsonRpc => Some(self.public_url),
            // Clients append paths to it.
            Binding::HttpJson => Some(self.public_url.trim_end_matches('/')),
            Binding::Grpc => self.grpc_authority,
        }
    }

    /// Whether a text is a URL of one of the agent's own servers.
    pub(in crate::a2a) fn names_target(&self, text: &str) -> bool {
        self.targets.iter().any(|target| target.is_named_by(text))
    }

    /// Whether calls of the version that an interface names are taken. Callers of any 0.x may name none, and go to
    /// whatever speaks 0.x.
    pub(in crate::a2a) fn speaks(&self, version: Option<Version>) -> bool {
        let (Some(versions), Some(version)) = (self.versions, version) else { return true };
        versions.iter().any(|served| *served == version || (served.major == 0 && version.major == 0))
    }
}

/// The whole card.
pub(super) fn card(json: &str, policy: &CardRewrite<'_>) -> Result<String, GatewayError> {
    let mut card = Object::parse(json)?;
    let named = super::interface::named(&card)?;
    if named.is_empty() {
        return Err(invalid("It names no address."));
    }
    let has_1_0 = rewrite_1_0(&mut card, policy)?;
    let has_0_x = rewrite_0_x(&mut card, policy)?;
    if !has_1_0 && !has_0_x {
        return Err(invalid("None of the addresses that it names is one that this gateway serves."));
    }
    card.remove("signatures");
    skills::filter(&mut card, policy)?;
    security::declare(&mut card, policy)?;
    switch_off(&mut card, policy.capabilities_off)?;
    Sweep::new(policy, &named).card(&mut card)?;
    Ok(card.to_json())
}

/// The `result` of a JSON-RPC answer.
pub(super) fn answer(body: &[u8], policy: &CardRewrite<'_>) -> Result<Bytes, GatewayError> {
    let mut answer = Object::parse(text(body)?)?;
    let Some(result) = answer.get_set("result")? else {
        return Ok(Bytes::copy_from_slice(body));
    };
    let served = card(result, policy)?;
    answer.set("result", served);
    Ok(Bytes::from(answer.to_json()))
}

fn rewrite_1_0(card: &mut Object<'_>, policy: &CardRewrite<'_>) -> Result<bool, GatewayError> {
    let Some(entries) = card.get_set("supportedInterfaces")? else { return Ok(false) };
    let kept = kept_entries(entries, "protocolBinding", policy)?;
    let any = !kept.is_empty();
    if any {
        let kept = array(&kept);
        card.set("supportedInterfaces", kept);
    } else {
        card.remove("supportedInterfaces");
    }
    Ok(any)
}

fn rewrite_0_x(card: &mut Object<'_>, policy: &CardRewrite<'_>) -> Result<bool, GatewayError> {
    let additional = match card.get_set("additionalInterfaces")? {
        Some(entries) if policy.speaks(Some(Version::V0_3)) => kept_entries(entries, "transport", policy)?,
        _ => Vec::new(),
    };
    let own = match card.get_text("url")? {
        _ if !policy.speaks(Some(Version::V0_3)) => None,
        Some(url) => policy.public_address(&url, preferred(card)?).map(ToOwned::to_owned),
        None => None,
    };
    if own.is_none() && additional.is_empty() {
        for name in ["url", "preferredTransport", "additionalInterfaces"] {
            card.remove(name);
        }
        return Ok(false);
    }
    if card.has("additionalInterfaces") {
        card.set("additionalInterfaces", array(&additional));
    }
    if let Some(url) = own {
        card.set("url", quote(&url));
    } else if let Some(first) = additional.first() {
        // The preferred interface is gone: another one becomes it.
        let first = Object::parse(first)?;
        let (url, transport) = (first.get_set("url")?, first.get_set("transport")?);
        card.set("url", url.unwrap_or("\"\"").to_owned());
        card.set("preferredTransport", transport.unwrap_or("\"JSONRPC\"").to_owned());
    }
    Ok(true)
}

/// The entries that stay, with their public address, each once.
fn kept_entries(entries: &str, binding: &str, policy: &CardRewrite<'_>) -> Result<Vec<String>, GatewayError> {
    let mut kept = Vec::new();
    for entry in elements(entries)? {
        let mut entry = Object::parse(entry)?;
        let binding = entry.get_text(binding)?.and_then(|name| Binding::from_card_name(&name));
        let Some(url) = entry.get_text("url")? else { continue };
        let version = entry.get_text("protocolVersion")?.and_then(|version| Version::parse(&version));
        let Some(address) = policy.public_address(&url, binding) else { continue };
        if !policy.speaks(version) {
            continue;
        }
        entry.set("url", quote(address));
        let entry = entry.to_json();
        if !kept.contains(&entry) {
            kept.push(entry);
        }
    }
    Ok(kept)
}

fn switch_off(card: &mut Object<'_>, off: CapabilitiesOff) -> Result<(), GatewayError> {
    if off.extended_card && card.has("supportsAuthenticatedExtendedCard") {
        card.set("supportsAuthenticatedExtendedCard", "false".to_owned());
    }
    let Some(capabilities) = card.get_set("capabilities")? else { return Ok(()) };
    let mut capabilities = Object::parse(capabilities)?;
    let switches = [
        ("streaming", off.streaming),
        ("pushNotifications", off.push_notifications),
        ("extendedAgentCard", off.extended_card),
    ];
    capabilities.try_edit(|name, _| {
        let is_off = switches.iter().any(|(member, off)| *off && is_spelling_of(name, member));
        Ok(Some(if is_off { Edit::Change("false".to_owned()) } else { Edit::Keep }))
    })?;
    let capabilities = capabilities.to_json();
    card.set("capabilities", capabilities);
    Ok(())
}
