//! Wire → model for what callers see of the card.

use http::HeaderName;
use http::header::AUTHORIZATION;

use super::{CardPolicy, CardVisibility, FetchCredential, SignaturePolicy};
use crate::model::violation::{FieldPath, Violations};
use crate::model::{bound, check};
use crate::wire::config::v1 as wire;
use crate::wire::dynamic::{Kind, Struct, Value, whole};

/// Members of a card that are texts in every version.
const TEXTS: [&str; 6] = ["name", "description", "version", "protocolVersion", "url", "preferredTransport"];

/// Deepest nesting of a card in a manifest, in levels: three messages each, of which protobuf reads 100.
const MAX_DEPTH: usize = 30;

impl CardPolicy {
    pub(super) fn from_wire(wire: wire::CardPolicy, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::CardPolicy { visibility, signatures, static_card, fetch_credential } = wire;
        let visibility = check::known(visibility, &at.field("visibility"), wrong).map(|known| match known {
            wire::CardVisibility::Unspecified | wire::CardVisibility::Public => CardVisibility::Public,
            wire::CardVisibility::Plan => CardVisibility::Plan,
        });
        let signatures = check::known(signatures, &at.field("signatures"), wrong).map(|known| match known {
            wire::SignaturePolicy::Unspecified | wire::SignaturePolicy::Strip => SignaturePolicy::Strip,
        });
        let credential_at = at.field("fetch_credential");
        if static_card.is_some() && fetch_credential.is_some() {
            wrong.push(credential_at.clone(), "CONFLICT", "means nothing beside a static card");
        }
        let static_card = static_card.map(|card| static_card_text(&card, &at.field("static_card"), wrong));
        let fetch_credential =
            fetch_credential.map(|wire| FetchCredential::from_wire(wire, &credential_at, wrong));
        Some(Self {
            visibility: visibility?,
            signatures: signatures?,
            static_card: static_card.map(Into::into),
            fetch_credential: match fetch_credential {
                Some(credential) => Some(credential?),
                None => None,
            },
        })
    }
}

/// The card as JSON text with sorted names, so that equal cards are equal texts. Incomplete where something is wrong.
fn static_card_text(card: &Struct, at: &FieldPath, wrong: &mut Violations) -> String {
    for name in TEXTS {
        let kind = card.fields.get(name).and_then(|value| value.kind.as_ref());
        match kind {
            None if name == "name" => wrong.push(at.key(name), "REQUIRED", "must name the agent"),
            None | Some(Kind::StringValue(_)) => {}
            Some(_) => wrong.push(at.key(name), "INVALID_CARD", "must be a text; put it in quotes"),
        }
    }
    match object(card, 1) {
        Ok(json) => {
            let text = json.to_string();
            if !bound::STATIC_CARD.contains(text.len() as u64) {
                wrong.push(at.clone(), "TOO_LONG", format!("must be {}", bound::STATIC_CARD.range()));
            }
            text
        }
        Err(reason) => {
            wrong.push(at.clone(), "INVALID_CARD", reason);
            String::new()
        }
    }
}

fn object(fields: &Struct, depth: usize) -> Result<serde_json::Value, &'static str> {
    if depth > MAX_DEPTH {
        return Err("is nested more deeply than 30 levels");
    }
    let members = fields.fields.iter().map(|(name, value)| Ok((name.clone(), json(value, depth + 1)?)));
    members.collect::<Result<serde_json::Map<_, _>, _>>().map(serde_json::Value::Object)
}

fn json(value: &Value, depth: usize) -> Result<serde_json::Value, &'static str> {
    Ok(match &value.kind {
        None | Some(Kind::NullValue(_)) => serde_json::Value::Null,
        Some(Kind::NumberValue(number)) => json_number(*number)?,
        Some(Kind::StringValue(text)) => text.clone().into(),
        Some(Kind::BoolValue(flag)) => (*flag).into(),
        Some(Kind::StructValue(fields)) => object(fields, depth)?,
        Some(Kind::ListValue(list)) => {
            if depth > MAX_DEPTH {
                return Err("is nested more deeply than 30 levels");
            }
            let values = list.values.iter().map(|value| json(value, depth + 1));
            values.collect::<Result<Vec<_>, _>>()?.into()
        }
    })
}

/// An integer without a fraction: readers of cards expect `2`, not `2.0`.
fn json_number(number: f64) -> Result<serde_json::Value, &'static str> {
    let json = match whole(number) {
        Some(whole) => Some(whole.into()),
        None => serde_json::Number::from_f64(number),
    };
    json.map(Into::into).ok_or("has a number that JSON cannot write, such as NaN")
}

impl FetchCredential {
    fn from_wire(wire: wire::FetchCredential, at: &FieldPath, wrong: &mut Violations) -> Option<Self> {
        let wire::FetchCredential { header, scheme, secret } = wire;
        let header = if header.is_empty() {
            Some(AUTHORIZATION)
        } else {
            wrong.collect(credential_header(&header, &at.field("header")))
        };
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
        if scheme.len() > 64 || !scheme.bytes().all(is_token) {
            let text = "must be one word such as Bearer, at most 64 bytes (RFC 9110, 11.1)";
            wrong.push(at.field("scheme"), "INVALID_SCHEME", text);
        }
        if !is_secret_name(&secret) {
            let reason = if secret.is_empty() { "REQUIRED" } else { "INVALID_NAME" };
            let text = "must name a file in the secrets directory: [A-Za-z0-9._-]{1,128}, no dot in front";
            wrong.push(at.field("secret"), reason, text);
        }
        Some(Self { header: header?, scheme: scheme.into(), secret: secret.into() })
    }
}

/// A header that the gateway may add to a request of its own: none that frames the request or says what is asked for.
fn credential_header(text: &str, at: &FieldPath) -> Result<HeaderName, Violations> {
    const TAKEN: [&str; 15] = [
        "connection",
        "date",
        "expect",
        "forwarded",
        "host",
        "keep-alive",
        "range",
        "te",
        "traceparent",
        "tracestate",
        "trailer",
        "transfer-encoding",
        "upgrade",
        "user-agent",
        "via",
    ];
    const TAKEN_PREFIXES: [&str; 6] = ["a2a-", "accept", "content-", "if-", "proxy-", "x-forwarded-"];
    let refuse = |reason: &str| Violations::one(at.clone(), "INVALID_HEADER", reason);
    let name = HeaderName::from_bytes(text.as_bytes()).map_err(|_| refuse("is not a header name"))?;
    let taken = TAKEN.contains(&name.as_str()) || TAKEN_PREFIXES.iter().any(|p| name.as_str().starts_with(p));
    if taken || name.as_str().len() > 64 {
        return Err(refuse("cannot carry a credential; take Authorization or a name such as X-API-Key"));
    }
    Ok(name)
}

fn is_secret_name(name: &str) -> bool {
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    (1..=128).contains(&name.len()) && name.bytes().all(good) && !name.starts_with('.')
}

#[cfg(test)]
mod tests;
