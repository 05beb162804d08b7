//! Cards in which every place that may hold a URL holds the backend's, in every dialect and spelling.

use serde_json::{Value, json};

use super::*;
use crate::a2a::card::host::decode_percent;
use crate::a2a::card::{SkillFilter, rewrite_answer};

/// A dialect, and a card of it whose own server is at the URL.
type Dialected = (&'static str, fn(&str) -> Value);

const DIALECTS: [Dialected; 5] =
    [("0.1", card_0_1), ("0.2", card_0_2), ("0.3", card_0_3), ("1.0", card_1_0), ("hybrid", hybrid)];

/// What every dialect may say, with the backend in every place but the interfaces.
fn common(at: &str) -> Value {
    json!({
        "name": "Echo", "version": "1.0.0", "description": format!("Runs at {at}/x, see {at}. Or not."),
        "provider": {"organization": "ACME", "url": at},
        "documentationUrl": format!("{at}/docs"), "iconUrl": format!("{at}/icon.png"),
        "capabilities": {
            "streaming": true, "pushNotifications": true, "stateTransitionHistory": false,
            "extensions": [
                {"uri": "urn:example:ext", "description": format!("At {at}"), "required": false,
                 "params": {"endpoint": format!("{at}/ext"), "deep": [{"keep": 1, "u": at}], "limit": 7}},
                {"uri": "https://kept.example/ext"},
            ],
        },
        "defaultInputModes": ["text/plain"], "defaultOutputModes": ["text/plain"],
        "skills": [
            {"id": "echo", "name": "Echo", "description": format!("POST {at}/rpc"), "tags": ["a", "b"],
             "examples": ["say hello", format!("fetch {at}/thing")], "inputModes": ["text/plain"]},
            {"id": "other", "name": "Other", "tags": []},
        ],
        "signatures": [{"protected": "e30", "signature": "x", "header": {"jku": format!("{at}/jwks")}}],
        "x-unknown": {"list": [1, "two", at, {"u": at, "k": null}], "number": 1.5, "text": "kept"},
        "xLink": at,
        "x-embedded": format!("https://kept.example/?next={at}/x"),
        "x-json": format!("{{\"u\":\"{at}\"}}"),
    })
}

fn with(mut card: Value, more: &Value) -> Value {
    for (name, value) in more.as_object().unwrap() {
        card[name] = value.clone();
    }
    card
}

fn schemes(at: &str) -> Value {
    let flow = json!({"authorizationUrl": format!("{at}/auth"), "tokenUrl": format!("{at}/token"),
        "refreshUrl": format!("{at}/refresh"), "scopes": {}});
    json!({
        "own-key": {"type": "apiKey", "in": "header", "name": "K"},
        "own-oauth": {"type": "oauth2", "flows": {"authorizationCode": flow}, "oauth2MetadataUrl": format!("{at}/m")},
        "own-oidc": {"type": "openIdConnect", "openIdConnectUrl": format!("{at}/.well-known/openid-configuration")},
    })
}

fn card_0_1(at: &str) -> Value {
    let authentication = json!({"schemes": ["OAuth2"], "credentials": format!("{at}/token")});
    with(common(at), &json!({"url": format!("{at}/rpc"), "authentication": authentication}))
}

fn card_0_2(at: &str) -> Value {
    let security = json!([{"own-key": []}, {"own-oauth": []}, {"own-oidc": []}]);
    with(
        common(at),
        &json!({"url": format!("{at}/rpc"), "protocolVersion": "0.2.6", "securitySchemes": schemes(at),
            "security": security, "supportsAuthenticatedExtendedCard": true}),
    )
}

fn card_0_3(at: &str) -> Value {
    let interfaces = json!([
        {"url": format!("{at}/rpc"), "transport": "JSONRPC"},
        {"url": format!("{at}/rest"), "transport": "HTTP+JSON"},
        {"url": at, "transport": "GRPC"},
        {"url": format!("{at}/own"), "transport": "https://kept.example/binding"},
    ]);
    with(
        card_0_2(at),
        &json!({"protocolVersion": "0.3.0", "preferredTransport": "JSONRPC", "additionalInterfaces": interfaces}),
    )
}

fn card_1_0(at: &str) -> Value {
    let interface = |path: &str, binding: &str, version: &str| json!({"url": format!("{at}{path}"), "protocolBinding": binding, "protocolVersion": version, "tenant": "t"});
    let flow = json!({"deviceAuthorizationUrl": format!("{at}/d"), "tokenUrl": format!("{at}/t")});
    with(
        common(at),
        &json!({
            "supportedInterfaces": [
                interface("/rpc", "JSONRPC", "1.0"), interface("/rpc", "JSONRPC", "0.3"),
                interface("/rest", "HTTP+JSON", "1.0"), interface("", "GRPC", "1.0"),
                interface("/own", "https://kept.example/binding", "1.0"),
            ],
            "securitySchemes": {
                "own-oauth": {"oauth2SecurityScheme": {"flows": {"deviceCode": flow},
                    "oauth2MetadataUrl": format!("{at}/m")}},
                "own-oidc": {"openIdConnectSecurityScheme": {"openIdConnectUrl": format!("{at}/o")}},
            },
            "securityRequirements": [{"schemes": {"own-oauth": {"list": []}}}],
        }),
    )
}

fn hybrid(at: &str) -> Value {
    with(card_0_3(at), &card_1_0(at))
}

/// Whether a text names the backend, however it is encoded.
fn names(text: &str, needles: &[&str]) -> bool {
    let mut plain: String = text.to_lowercase().replace(['\t', '\n', '\r'], "");
    for _ in 0..4 {
        if needles.iter().any(|needle| plain.contains(needle)) {
            return true;
        }
        plain = decode_percent(&plain).into_owned();
    }
    false
}

fn mentions(value: &Value, needles: &[&str]) -> bool {
    match value {
        Value::String(text) => names(text, needles),
        Value::Array(items) => items.iter().any(|item| mentions(item, needles)),
        Value::Object(members) => {
            members.iter().any(|(name, value)| names(name, needles) || mentions(value, needles))
        }
        _ => false,
    }
}

/// What the gateway answers for itself.
const OWN: [&str; 9] = [
    "signatures",
    "security",
    "securitySchemes",
    "securityRequirements",
    "authentication",
    "url",
    "additionalInterfaces",
    "supportedInterfaces",
    "preferredTransport",
];

/// Everything that does not name the backend is still there.
fn assert_kept(before: &Value, after: &Value, needles: &[&str], place: &str) {
    match (before, after) {
        (Value::Object(before), Value::Object(after)) => {
            for (name, value) in before.iter().filter(|(name, _)| !OWN.contains(&name.as_str())) {
                let at = format!("{place}/{name}");
                match after.get(name) {
                    Some(kept) if mentions(value, needles) => assert_kept(value, kept, needles, &at),
                    Some(kept) => assert_eq!(kept, value, "{at}"),
                    None => assert!(mentions(value, needles), "{at} is gone"),
                }
            }
        }
        (Value::Array(before), Value::Array(after)) => {
            let mut rest = after.iter();
            for kept in before.iter().filter(|item| !mentions(item, needles)) {
                assert!(rest.any(|item| item == kept), "{kept} is gone from {place}");
            }
        }
        _ => {}
    }
}

struct Backend {
    target: &'static str,
    spellings: &'static [&'static str],
    needles: &'static [&'static str],
}

const BACKENDS: [Backend; 5] = [
    Backend {
        target: "http://backend.internal:9999/base",
        spellings: &[
            "http://backend.internal:9999",
            "HTTP://BACKEND.INTERNAL:9999",
            "http://backend%2Einternal:9999",
            "http://user:secret@backend.internal:9999",
            "http://backend.internal.:9999",
            "http:\\\\backend.internal:9999",
            "//backend.internal:9999",
            "ws://backend.internal:9999",
        ],
        needles: &["backend.internal", "9999", "secret@"],
    },
    Backend {
        target: "https://backend.internal/base",
        spellings: &[
            "https://backend.internal",
            "https://backend.internal:443",
            "http://Backend.Internal:80",
        ],
        needles: &["backend.internal"],
    },
    Backend {
        target: "http://192.0.2.7:9999",
        spellings: &[
            "http://192.0.2.7:9999",
            "http://192.0.519:9999",
            "http://0xc0000207:9999",
            "http://3221225991:9999",
            "http://0300.0.02.07:9999",
            "http://[::ffff:192.0.2.7]:9999",
            "http://[::ffff:c000:207]:9999",
        ],
        needles: &["192.0.2.7", "192.0.519", "0xc0000207", "3221225991", "0300.0.02.07", "ffff", "9999"],
    },
    Backend {
        target: "http://[2001:db8::7]:9999/base",
        spellings: &["http://[2001:db8::7]:9999", "http://[2001:0DB8:0:0:0:0:0:7]:9999"],
        needles: &["2001:", "9999"],
    },
    Backend {
        target: "http://127.0.0.1:9999",
        spellings: &[
            "http://127.0.0.1:9999",
            "http://localhost:9999",
            "http://0.0.0.0:9999",
            "http://127.1:9999",
        ],
        needles: &["9999"],
    },
];

fn policy<'a>(targets: &'a [Target], security: &'a SecurityDeclaration) -> CardRewrite<'a> {
    CardRewrite {
        targets,
        public_url: PUBLIC,
        grpc_authority: Some("echo.agents.example:443"),
        bindings: &[Binding::JsonRpc, Binding::HttpJson, Binding::Grpc],
        versions: None,
        reader: None,
        security,
        capabilities_off: CapabilitiesOff::default(),
        skills: SkillFilter::All,
    }
}

fn each(check: impl Fn(&Value, &CardRewrite<'_>, &[&str])) {
    let keyed =
        SecurityDeclaration { keeps_own: false, alternatives: SecurityDeclaration::api_key("X-API-Key") };
    for Backend { target, spellings, needles } in BACKENDS {
        let targets = [Target::parse(target).unwrap()];
        for (_, card) in DIALECTS {
            for spelling in spellings {
                for security in [&KEYLESS, &keyed] {
                    check(&card(spelling), &policy(&targets, security), needles);
                }
            }
        }
    }
}

#[test]
fn no_dialect_leaks_a_backend_address_from_any_place() {
    each(|card, policy, needles| {
        let served = served_by(card, policy).unwrap();
        assert!(!mentions(&served, needles), "{needles:?} is named in {served:#}");
        assert_kept(card, &served, needles, "");
    });
}

#[test]
fn extended_cards_get_the_same_in_every_json_binding() {
    each(|card, policy, _| {
        let public = rewrite(card.to_string().as_bytes(), policy).unwrap().body;
        assert_eq!(rewrite_answer(card.to_string().as_bytes(), policy).unwrap(), public);
        let answer = json!({"jsonrpc": "2.0", "id": "x", "result": card}).to_string();
        let answer = rewrite_json_rpc_answer(answer.as_bytes(), policy).unwrap();
        let public = std::str::from_utf8(&public).unwrap();
        assert!(std::str::from_utf8(&answer).unwrap().contains(public));
    });
}

#[test]
fn every_interface_shown_is_the_gateways() {
    each(|card, policy, _| {
        let served = served_by(card, policy).unwrap();
        let lists = ["supportedInterfaces", "additionalInterfaces"].map(|name| served[name].as_array());
        for entry in lists.into_iter().flatten().flatten() {
            let binding = entry.get("protocolBinding").or(entry.get("transport")).unwrap();
            let expected = if binding == "GRPC" { "echo.agents.example:443" } else { PUBLIC };
            assert_eq!(entry["url"], expected, "{entry}");
            assert!(!binding.as_str().unwrap().contains("kept.example"), "nobody carries it: {entry}");
        }
        assert!(served.get("url").is_none_or(|url| url == PUBLIC));
    });
}

#[test]
fn names_of_members_are_looked_at_too() {
    let mut card = super::card_0_3();
    card["x-map"] = json!({"http://backend.internal:9999/a": 1, "kept": 2});
    card["http://backend.internal:9999"] = json!("x");
    let card = served(&card).unwrap();
    assert_eq!(card["x-map"], json!({"kept": 2}));
    assert!(!card.to_string().contains("backend"));
}

#[test]
fn an_extensions_identifier_is_no_address() {
    let mut card = super::card_1_0();
    card["capabilities"]["extensions"] = json!([{"uri": "http://backend.internal:9999/ext"}]);
    let served = served(&card).unwrap();
    assert_eq!(served["capabilities"]["extensions"], card["capabilities"]["extensions"]);
}
