//! Agent cards: read as the agent wrote them, served as callers may use them.
//!
//! A card is edited member by member on its raw JSON text: what no rule names stays byte for byte, numbers of any size
//! included. Every dialect that a card speaks is edited at once: 0.1 to 0.3 (`url`, `preferredTransport`,
//! `additionalInterfaces`, `security`, `authentication`), 1.0 (`supportedInterfaces`, `securityRequirements`), and
//! hybrids of both. The caller fetches; nothing here does I/O.

use bytes::Bytes;
use http::{HeaderValue, StatusCode};

use crate::error::{Code, GatewayError};

mod encoding;
mod etag;
mod freshness;
mod host;
mod interface;
mod merge;
mod object;
mod rewrite;
mod scrub;
mod security;
mod skills;
mod sweep;
#[cfg(test)]
mod tests;
mod url;

pub use encoding::decode;
pub use etag::{etag, is_not_modified};
pub use freshness::{DEFAULT_FRESH, MAX_FRESH, MIN_FRESH, Validators, fresh_for};
pub use interface::{Interface, interfaces};
pub use merge::merge;
pub(in crate::a2a) use object::{Edit, Object, array, elements, quote};
pub use rewrite::{CapabilitiesOff, CardRewrite};
pub(in crate::a2a) use scrub::{Fate, Scrub, Scrubbed};
pub use security::{Scheme, SecurityDeclaration};
pub use skills::SkillFilter;
pub use url::Target;

/// Largest card, in bytes, before and after decoding.
pub const MAX_CARD_BYTES: usize = 1024 * 1024;

/// A card ready to be served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServedCard {
    /// JSON.
    pub body: Bytes,
    /// A strong validator over the body: equal wherever the body is.
    pub etag: HeaderValue,
}

/// Turns the agent's card into the one to serve.
///
/// # Errors
/// `InvalidAgentCard` when it is no card: too large, not JSON, not an object, a member named twice, or no interface
/// left that the gateway proxies.
pub fn rewrite(body: &[u8], policy: &CardRewrite<'_>) -> Result<ServedCard, GatewayError> {
    let served = rewrite::card(text(body)?, policy)?;
    let etag = etag(served.as_bytes());
    Ok(ServedCard { body: Bytes::from(served), etag })
}

/// Turns a JSON-RPC answer that carries an extended card into the one to pass on. An answer without `result` is left
/// alone.
///
/// # Errors
/// `InvalidAgentResponse` when the answer or the card in it cannot be read.
pub fn rewrite_json_rpc_answer(body: &[u8], policy: &CardRewrite<'_>) -> Result<Bytes, GatewayError> {
    rewrite::answer(body, policy).map_err(|error| {
        GatewayError::new(Code::InvalidAgentResponse).internal("extended card").caused_by(error)
    })
}

/// Turns an answer that is nothing but an extended card (HTTP+JSON) into the one to pass on.
///
/// # Errors
/// `InvalidAgentResponse` when it cannot be read as a card.
pub fn rewrite_answer(body: &[u8], policy: &CardRewrite<'_>) -> Result<Bytes, GatewayError> {
    let served = text(body).and_then(|text| rewrite::card(text, policy));
    served.map(Bytes::from).map_err(|error| {
        GatewayError::new(Code::InvalidAgentResponse).internal("extended card").caused_by(error)
    })
}

/// Judges the status of the agent's answer to a card request.
///
/// # Errors
/// `NotFound` for 404, 410, and 405, with which servers answer below an address that only takes calls; `InvalidAgentCard` for redirects, which are never followed; else `CardUnavailable`.
pub fn check_status(status: StatusCode) -> Result<(), GatewayError> {
    let internal = format!("the agent answered the card request with {}", status.as_u16());
    match status {
        StatusCode::OK => Ok(()),
        StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED | StatusCode::GONE => {
            Err(GatewayError::new(Code::NotFound).detail("The agent has no card.").internal(internal))
        }
        status if status.is_redirection() => Err(GatewayError::new(Code::InvalidAgentCard)
            .detail("The agent redirects to another address.")
            .internal(internal)),
        _ => Err(GatewayError::new(Code::CardUnavailable).internal(internal)),
    }
}

/// The text of a card, without the byte-order mark that some servers send.
fn text(body: &[u8]) -> Result<&str, GatewayError> {
    if body.len() > MAX_CARD_BYTES {
        return Err(invalid("It is larger than 1 MiB."));
    }
    let text = std::str::from_utf8(body).map_err(|_| invalid("It is not UTF-8."))?;
    Ok(text.strip_prefix('\u{feff}').unwrap_or(text))
}

fn invalid(detail: &'static str) -> GatewayError {
    GatewayError::new(Code::InvalidAgentCard).detail(detail)
}
