//! Where a card in protobuf says that the agent answers.

use super::CardError;
use crate::a2a::call::Binding;
use crate::a2a::card::CardRewrite;
use crate::a2a::protobuf::message::{Edit, Message};
use crate::a2a::protobuf::method::Package;
use crate::a2a::protobuf::refuse::Refusal;
use crate::a2a::protobuf::schema::INTERFACE;
use crate::a2a::version::Version;

/// `AgentInterface.url`.
const URL: u32 = 1;
/// `AgentInterface.protocol_binding`, and `transport` in 0.x.
const BINDING: u32 = 2;
/// `AgentInterface.protocol_version` of 1.0.
const VERSION: u32 = 4;
/// `AgentCard.url` of 0.x.
const OWN_URL: u32 = 3;
/// `AgentCard.preferred_transport` of 0.x.
const PREFERRED_TRANSPORT: u32 = 14;
/// `AgentCard.additional_interfaces` of 0.x.
const ADDITIONAL: u32 = 15;

/// Rewrites every interface; gives the addresses that the agent named.
pub(super) fn rewrite(
    package: Package,
    card: &mut Message<'_>,
    policy: &CardRewrite<'_>,
) -> Result<Vec<String>, CardError> {
    let mut urls = Vec::new();
    let any = match package {
        Package::V1 => !keep(3, card, policy, &mut urls)?.is_empty(),
        Package::V0 => {
            let of_candidates = !keep(19, card, policy, &mut urls)?.is_empty();
            rewrite_0_x(card, policy, &mut urls)? || of_candidates
        }
    };
    match (any, urls.is_empty()) {
        (true, _) => Ok(urls),
        (false, true) => Err(CardError::NoAddress),
        (false, false) => Err(CardError::NoneServed),
    }
}

/// Keeps the entries of a list that have a public address, each once.
fn keep(
    list: u32,
    card: &mut Message<'_>,
    policy: &CardRewrite<'_>,
    urls: &mut Vec<String>,
) -> Result<Vec<Vec<u8>>, Refusal> {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    card.try_edit(|entry| {
        let Some(bytes) = entry.bytes().filter(|_| entry.number == list) else { return Ok(Edit::Keep) };
        let mut interface = Message::parse(bytes, &INTERFACE)?;
        let Some(url) = interface.text(URL) else { return Ok(Edit::Drop) };
        urls.push(url.to_owned());
        let binding = interface.text(BINDING).and_then(Binding::from_card_name);
        let version = interface.text(VERSION).and_then(Version::parse);
        let version = if list == ADDITIONAL { Some(Version::V0_3) } else { version };
        let address = policy.public_address(url, binding).filter(|_| policy.speaks(version));
        let Some(address) = address else { return Ok(Edit::Drop) };
        interface.set(URL, address.as_bytes().to_vec());
        let interface = interface.encode();
        if kept.contains(&interface) {
            return Ok(Edit::Drop);
        }
        kept.push(interface.clone());
        Ok::<_, Refusal>(Edit::Change(interface))
    })?;
    Ok(kept)
}

fn rewrite_0_x(
    card: &mut Message<'_>,
    policy: &CardRewrite<'_>,
    urls: &mut Vec<String>,
) -> Result<bool, Refusal> {
    let additional = keep(ADDITIONAL, card, policy, urls)?;
    let own = card.text(OWN_URL).map(ToOwned::to_owned);
    let transport = card.text(PREFERRED_TRANSPORT);
    // JSON-RPC unless the card says otherwise.
    let binding = transport.map_or(Some(Binding::JsonRpc), Binding::from_card_name);
    urls.extend(own.clone());
    let address = own.and_then(|url| policy.public_address(&url, binding));
    if let Some(address) = address.filter(|_| policy.speaks(Some(Version::V0_3))) {
        card.set(OWN_URL, address.as_bytes().to_vec());
        return Ok(true);
    }
    let Some(first) = additional.first() else {
        card.remove(OWN_URL);
        card.remove(PREFERRED_TRANSPORT);
        return Ok(false);
    };
    // The preferred interface is gone: another one becomes it.
    let first = Message::parse(first, &INTERFACE)?;
    let texts = [URL, BINDING].map(|number| first.text(number).unwrap_or_default().as_bytes().to_vec());
    let [url, transport] = texts;
    card.set(OWN_URL, url);
    card.set(PREFERRED_TRANSPORT, transport);
    Ok(true)
}
