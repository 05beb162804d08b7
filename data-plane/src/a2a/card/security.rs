//! What the card says a caller has to present, in the card's own dialects.

use super::object::{Edit, Object, array, elements, is_spelling_of, quote};
use super::rewrite::CardRewrite;
use crate::error::{Dialect, GatewayError};

/// What the plans of an agent demand together. Alternatives are OR.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecurityDeclaration {
    /// A keyless plan is among them: the agent's own schemes stay, since credentials for them pass through.
    pub keeps_own: bool,
    /// One scheme each; any of them opens the agent.
    pub alternatives: Vec<Scheme>,
}

/// A scheme that the gateway checks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// A key in a header of its own. SDK clients send such a key from their credential store.
    ApiKeyHeader {
        /// The header.
        header: String,
    },
    /// `Authorization: Bearer`.
    Bearer {
        /// A hint for people: what the token is.
        format: Option<String>,
    },
}

impl SecurityDeclaration {
    /// What a plan with API keys accepts: the key in this header or as bearer token.
    pub fn api_key(header: &str) -> Vec<Scheme> {
        vec![Scheme::ApiKeyHeader { header: header.to_owned() }, Scheme::Bearer { format: None }]
    }
}

impl Scheme {
    /// The name in `securitySchemes`, distinct from names that agents choose.
    pub(in crate::a2a) fn name(&self) -> String {
        match self {
            Self::ApiKeyHeader { header } if header.eq_ignore_ascii_case("x-api-key") => {
                "signalboxApiKey".to_owned()
            }
            Self::ApiKeyHeader { header } => format!("signalboxApiKey-{}", header.to_ascii_lowercase()),
            Self::Bearer { .. } => "signalboxBearer".to_owned(),
        }
    }

    /// Both shapes in one object for hybrids, which readers of either dialect understand.
    fn to_json(&self, speaks: Speaks) -> String {
        let mut json = Object::default();
        if speaks.v0 {
            match self {
                Self::ApiKeyHeader { header } => {
                    json.set("type", quote("apiKey"));
                    json.set("in", quote("header"));
                    json.set("name", quote(header));
                }
                Self::Bearer { format } => {
                    json.set("type", quote("http"));
                    json.set("scheme", quote("bearer"));
                    if let Some(format) = format {
                        json.set("bearerFormat", quote(format));
                    }
                }
            }
        }
        if speaks.v1 || speaks.protobuf_v0 {
            let mut inner = Object::default();
            match self {
                Self::ApiKeyHeader { header } => {
                    inner.set("location", quote("header"));
                    inner.set("name", quote(header));
                    json.set("apiKeySecurityScheme", inner.to_json());
                }
                Self::Bearer { format } => {
                    inner.set("scheme", quote("Bearer"));
                    if let Some(format) = format {
                        inner.set("bearerFormat", quote(format));
                    }
                    json.set("httpAuthSecurityScheme", inner.to_json());
                }
            }
        }
        json.to_json()
    }
}

/// The dialects that a card speaks.
#[derive(Clone, Copy, Debug)]
struct Speaks {
    v0: bool,
    v1: bool,
    /// Its 0.x members have the form of protobuf JSON, as extended cards of 0.3 have over HTTP+JSON (A2A 0.3 §3.5.3).
    protobuf_v0: bool,
}

impl Speaks {
    fn of(card: &Object<'_>, reader: Option<Dialect>) -> Result<Self, GatewayError> {
        let v1 = card.has("supportedInterfaces");
        let v0 = card.has("url") && !(v1 && reader == Some(Dialect::V1));
        Ok(Self { v0, v1, protobuf_v0: v0 && !v1 && has_protobuf_form(card)? })
    }
}

/// Whether schemes or requirements of a 0.x card have the form that protobuf gives them.
fn has_protobuf_form(card: &Object<'_>) -> Result<bool, GatewayError> {
    if let Some(requirements) = card.get_set("security")? {
        for requirement in elements(requirements)? {
            let schemes =
                Object::parse(requirement)?.get_set("schemes")?.map(|schemes| schemes.starts_with('{'));
            if schemes == Some(true) {
                return Ok(true);
            }
        }
    }
    let Some(schemes) = card.get_set("securitySchemes")? else { return Ok(false) };
    for (_, scheme) in Object::parse(schemes)?.iter() {
        if scheme.starts_with('{') && !Object::parse(scheme)?.has("type") {
            return Ok(true);
        }
    }
    Ok(false)
}

/// Runs after the interfaces are rewritten: what is left of them decides the dialects.
pub(super) fn declare(card: &mut Object<'_>, policy: &CardRewrite<'_>) -> Result<(), GatewayError> {
    let speaks = Speaks::of(card, policy.reader)?;
    let SecurityDeclaration { keeps_own, alternatives } = policy.security;
    if *keeps_own {
        drop_unreachable(card, policy)?;
        if !alternatives.is_empty() {
            add(card, alternatives, speaks)?;
        }
        return Ok(());
    }
    let had_authentication = card.has("authentication");
    for name in ["securitySchemes", "security", "securityRequirements", "authentication"] {
        card.remove(name);
    }
    forget_skill_requirements(card)?;
    if alternatives.is_empty() {
        return Ok(());
    }
    let mut schemes = Object::default();
    for scheme in alternatives {
        schemes.set(&scheme.name(), scheme.to_json(speaks));
    }
    card.set("securitySchemes", schemes.to_json());
    set_requirements(card, &[], alternatives, speaks)?;
    if had_authentication {
        card.set("authentication", "{\"schemes\":[\"Bearer\"]}".to_owned());
    }
    Ok(())
}

/// Adds alternatives to what the agent itself demands. Where it demands nothing, "nothing" stays an alternative.
fn add(card: &mut Object<'_>, alternatives: &[Scheme], speaks: Speaks) -> Result<(), GatewayError> {
    let mut schemes = match card.get_set("securitySchemes")? {
        Some(schemes) => Object::parse(schemes)?,
        None => Object::default(),
    };
    for scheme in alternatives {
        schemes.set(&scheme.name(), scheme.to_json(speaks));
    }
    let schemes = schemes.to_json();
    card.set("securitySchemes", schemes);
    let mut own = Vec::new();
    for name in ["security", "securityRequirements"] {
        let existing = match card.get_set(name)? {
            Some(existing) => elements(existing)?.into_iter().map(ToOwned::to_owned).collect(),
            None => Vec::new(),
        };
        own.push(existing);
    }
    set_requirements(card, &own, alternatives, speaks)
}

/// `own`: nothing, or the agent's requirements in 0.x and in 1.0 form.
fn set_requirements(
    card: &mut Object<'_>,
    own: &[Vec<String>],
    alternatives: &[Scheme],
    speaks: Speaks,
) -> Result<(), GatewayError> {
    let dialects = [("security", speaks.v0, speaks.protobuf_v0), ("securityRequirements", speaks.v1, true)];
    for (index, (member, is_spoken, in_protobuf_form)) in dialects.into_iter().enumerate() {
        if !is_spoken {
            continue;
        }
        let mut requirements = match own.get(index) {
            Some(own) if own.is_empty() => {
                vec![if in_protobuf_form { "{\"schemes\":{}}" } else { "{}" }.to_owned()]
            }
            Some(own) => own.clone(),
            None => Vec::new(),
        };
        for scheme in alternatives {
            let name = quote(&scheme.name());
            requirements.push(if in_protobuf_form {
                format!("{{\"schemes\":{{{name}:{{\"list\":[]}}}}}}")
            } else {
                format!("{{{name}:[]}}")
            });
        }
        card.set(member, array(&requirements));
    }
    Ok(())
}

/// Skills inherit what the card demands.
fn forget_skill_requirements(card: &mut Object<'_>) -> Result<(), GatewayError> {
    let Some(skills) = card.get_set("skills")? else { return Ok(()) };
    let mut changed = Vec::new();
    for skill in elements(skills)? {
        let mut skill = Object::parse(skill)?;
        skill.remove("security");
        skill.remove("securityRequirements");
        changed.push(skill.to_json());
    }
    let changed = array(&changed);
    card.set("skills", changed);
    Ok(())
}

/// A scheme whose token server is the agent's own server cannot be used through the gateway: it goes, and with it
/// every alternative that needs it.
fn drop_unreachable(card: &mut Object<'_>, policy: &CardRewrite<'_>) -> Result<(), GatewayError> {
    let Some(schemes) = card.get_set("securitySchemes")? else { return Ok(()) };
    let mut schemes = Object::parse(schemes)?;
    let mut gone = Vec::new();
    schemes.try_edit(|name, scheme| {
        if names_target(scheme, policy, 0)? {
            gone.push(name.to_owned());
            return Ok(None);
        }
        Ok(Some(Edit::Keep))
    })?;
    if gone.is_empty() {
        return Ok(());
    }
    let schemes = schemes.to_json();
    card.set("securitySchemes", schemes);
    drop_requirements(card, &gone)?;
    let Some(skills) = card.get_set("skills")? else { return Ok(()) };
    let mut changed = Vec::new();
    for skill in elements(skills)? {
        let mut skill = Object::parse(skill)?;
        drop_requirements(&mut skill, &gone)?;
        changed.push(skill.to_json());
    }
    let changed = array(&changed);
    card.set("skills", changed);
    Ok(())
}

fn drop_requirements(holder: &mut Object<'_>, gone: &[String]) -> Result<(), GatewayError> {
    for member in ["security", "securityRequirements"] {
        let Some(requirements) = holder.get_set(member)? else { continue };
        let mut kept = Vec::new();
        for requirement in elements(requirements)? {
            if !needs(requirement, gone)? {
                kept.push(requirement.to_owned());
            }
        }
        if kept.is_empty() {
            holder.remove(member);
        } else {
            holder.set(member, array(&kept));
        }
    }
    Ok(())
}

/// Whether a requirement of either dialect names one of these schemes.
fn needs(requirement: &str, gone: &[String]) -> Result<bool, GatewayError> {
    let requirement = Object::parse(requirement)?;
    let inner = match requirement.get_set("schemes")? {
        Some(schemes) if schemes.starts_with('{') => Object::parse(schemes)?,
        _ => requirement.clone(),
    };
    Ok(inner.iter().any(|(name, _)| gone.iter().any(|gone| gone == name)))
}

/// Whether a value holds a URL of the agent's own server.
fn names_target(json: &str, policy: &CardRewrite<'_>, depth: usize) -> Result<bool, GatewayError> {
    super::sweep::check_depth(depth)?;
    match json.as_bytes().first() {
        Some(b'{') => {
            for (name, value) in Object::parse(json)?.iter() {
                if !is_spelling_of(name, "description") && names_target(value, policy, depth + 1)? {
                    return Ok(true);
                }
            }
            Ok(false)
        }
        Some(b'"') => {
            let text = serde_json::from_str::<String>(json).unwrap_or_default();
            Ok(policy.names_target(&text))
        }
        _ => Ok(false),
    }
}
