use bytes::Bytes;
use http::header::{CONTENT_ENCODING, IF_NONE_MATCH};
use http::{HeaderMap, HeaderValue, StatusCode};
use serde_json::{Value, json};

use super::{
    CapabilitiesOff, CardRewrite, Interface, MAX_CARD_BYTES, Scheme, SecurityDeclaration, SkillFilter,
    Target, check_status, decode, etag, interfaces, is_not_modified, merge, rewrite, rewrite_json_rpc_answer,
};
use crate::a2a::call::Binding;
use crate::a2a::version::Version;
use crate::error::{Code, Dialect};

mod places;
mod plans;
mod properties;
mod security;

const PUBLIC: &str = "https://agents.example/a2a/echo";

fn target() -> Target {
    Target::parse("http://backend.internal:9999/rpc").unwrap()
}

/// JSON-RPC alone, nothing switched off.
pub(super) fn policy<'a>(targets: &'a [Target], security: &'a SecurityDeclaration) -> CardRewrite<'a> {
    CardRewrite {
        targets,
        public_url: PUBLIC,
        grpc_authority: None,
        bindings: &[Binding::JsonRpc],
        versions: None,
        reader: None,
        security,
        capabilities_off: CapabilitiesOff::default(),
        skills: SkillFilter::All,
    }
}

/// A keyless plan.
pub(super) static KEYLESS: SecurityDeclaration =
    SecurityDeclaration { keeps_own: true, alternatives: Vec::new() };

fn served_by(card: &Value, policy: &CardRewrite<'_>) -> Result<Value, Code> {
    let served = rewrite(card.to_string().as_bytes(), policy).map_err(|error| error.code())?;
    Ok(serde_json::from_slice(&served.body).unwrap())
}

fn served(card: &Value) -> Result<Value, Code> {
    served_by(card, &policy(&[target()], &KEYLESS))
}

fn card_0_3() -> Value {
    json!({
        "name": "Echo", "description": "Echoes", "version": "1", "protocolVersion": "0.3.0",
        "url": "http://backend.internal:9999/rpc", "preferredTransport": "JSONRPC",
        "additionalInterfaces": [
            {"url": "http://backend.internal:9999/rpc", "transport": "JSONRPC"},
            {"url": "http://backend.internal:9999/rest", "transport": "HTTP+JSON"},
            {"url": "backend.internal:50051", "transport": "GRPC"},
        ],
        "capabilities": {"streaming": true, "pushNotifications": true},
        "defaultInputModes": ["text"], "defaultOutputModes": ["text"], "skills": [],
    })
}

fn card_1_0() -> Value {
    json!({
        "name": "Echo", "description": "Echoes", "version": "1",
        "supportedInterfaces": [
            {"url": "http://backend.internal:9999/v1rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "http://backend.internal:9999/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
            {"url": "backend.internal:50051", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
        ],
        "capabilities": {"streaming": true, "pushNotifications": true, "extendedAgentCard": true},
        "defaultInputModes": ["text"], "defaultOutputModes": ["text"], "skills": [],
    })
}

fn hybrid() -> Value {
    let mut card = card_1_0();
    for (name, value) in card_0_3().as_object().unwrap() {
        card.as_object_mut().unwrap().entry(name).or_insert(value.clone());
    }
    card
}

#[test]
fn a_0_3_card_names_the_gateway_alone() {
    let card = served(&card_0_3()).unwrap();
    let mut expected = card_0_3();
    expected["url"] = json!(PUBLIC);
    expected["additionalInterfaces"] = json!([{"url": PUBLIC, "transport": "JSONRPC"}]);
    assert_eq!(card, expected);
}

#[test]
fn a_1_0_card_names_the_gateway_alone() {
    let card = served(&card_1_0()).unwrap();
    let mut expected = card_1_0();
    expected["supportedInterfaces"] =
        json!([{"url": PUBLIC, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]);
    assert_eq!(card, expected);
}

#[test]
fn a_hybrid_is_rewritten_in_both_places() {
    let card = served(&hybrid()).unwrap();
    assert_eq!(card["url"], PUBLIC);
    assert_eq!(card["additionalInterfaces"].as_array().unwrap().len(), 1);
    assert_eq!(card["supportedInterfaces"][0]["url"], PUBLIC);
    assert!(!card.to_string().contains("backend"));
}

#[test]
fn snake_case_places_are_places_too() {
    let card = json!({"name": "x", "supported_interfaces": [
        {"url": "http://backend.internal:9999/", "protocol_binding": "JSONRPC", "protocol_version": "1.0"},
        {"url": "http://backend.internal:9999/", "protocol_binding": "GRPC"},
    ]});
    assert_eq!(
        served(&card).unwrap()["supported_interfaces"],
        json!([{"url": PUBLIC, "protocol_binding": "JSONRPC", "protocol_version": "1.0"}])
    );
}

#[test]
fn bindings_that_are_served_stay_with_their_own_form_of_address() {
    let targets = [target(), Target::parse("http://backend.internal:50051").unwrap()];
    let policy = CardRewrite {
        bindings: &[Binding::JsonRpc, Binding::HttpJson, Binding::Grpc],
        grpc_authority: Some("echo.agents.example:443"),
        public_url: "https://echo.agents.example/",
        ..policy(&targets, &KEYLESS)
    };
    let card = served_by(&hybrid(), &policy).unwrap();
    let urls: Vec<_> =
        card["supportedInterfaces"].as_array().unwrap().iter().map(|entry| &entry["url"]).collect();
    assert_eq!(
        urls,
        ["https://echo.agents.example/", "https://echo.agents.example", "echo.agents.example:443"]
    );
    assert_eq!(
        card["additionalInterfaces"][2],
        json!({"url": "echo.agents.example:443", "transport": "GRPC"})
    );
}

#[test]
fn a_preferred_transport_that_is_not_served_gives_way() {
    let mut card = card_0_3();
    card["url"] = json!("http://backend.internal:50051");
    card["preferredTransport"] = json!("GRPC");
    let card = served(&card).unwrap();
    assert_eq!((&card["url"], &card["preferredTransport"]), (&json!(PUBLIC), &json!("JSONRPC")));

    let mut card = hybrid();
    card["preferredTransport"] = json!("GRPC");
    card["additionalInterfaces"] = json!([]);
    let card = served(&card).unwrap();
    for gone in ["url", "preferredTransport", "additionalInterfaces"] {
        assert!(card.get(gone).is_none(), "{gone}");
    }
    assert_eq!(card["supportedInterfaces"][0]["url"], PUBLIC);
}

#[test]
fn interfaces_of_foreign_servers_leave_the_card() {
    let mut card = hybrid();
    card["supportedInterfaces"][0]["url"] = json!("https://elsewhere.example/rpc");
    let card = served(&card).unwrap();
    assert!(card.get("supportedInterfaces").is_none());
    assert_eq!(card["url"], PUBLIC);
}

#[test]
fn cards_that_cannot_be_served_are_errors() {
    for broken in [
        json!([]),
        json!("text"),
        json!({"name": "no url at all"}),
        json!({"url": 5}),
        json!({"url": "https://elsewhere.example/"}),
        json!({"url": "ftp://backend.internal:9999.evil.example/"}),
        json!({"supportedInterfaces": []}),
        json!({"supportedInterfaces": {}}),
        json!({"supportedInterfaces": ["x"]}),
        json!({"supportedInterfaces": [{"url": "backend.internal:9999", "protocolBinding": "GRPC"}]}),
        json!({"url": "http://backend.internal:9999", "capabilities": {"extensions": [{"params": deep(150)}]}}),
    ] {
        assert_eq!(served(&broken), Err(Code::InvalidAgentCard), "{broken}");
    }
    let targets = [target()];
    let policy = policy(&targets, &KEYLESS);
    let huge = vec![b' '; MAX_CARD_BYTES + 1];
    let bodies: [&[u8]; 7] = [
        b"",
        b"<!doctype html><html></html>",
        b"{\"url\":\"http://backend.internal:9999\"",
        b"{\"url\":\"http://backend.internal:9999\",\"url\":\"http://backend.internal:9999\"}",
        b"{\"supportedInterfaces\":[],\"supported_interfaces\":[]}",
        b"{\"url\":\"http://backend.internal:9999\xff\"}",
        &huge,
    ];
    for body in bodies {
        assert_eq!(rewrite(body, &policy).unwrap_err().code(), Code::InvalidAgentCard);
        assert!(interfaces(body, &target()).unwrap_or_default().is_empty());
    }
}

fn deep(levels: usize) -> Value {
    (0..levels).fold(json!("http://backend.internal:9999"), |inner, _| json!([inner]))
}

#[test]
fn unknown_members_and_numbers_survive_byte_for_byte() {
    let card = r#"{"url":"http://backend.internal:9999/","x":{"n":1e400,"m":123456789012345678901234567890,"z":1.0,"s":"\u00e9\ud800"}, "y" : [ 1 , 2 ] }"#;
    let targets = [target()];
    let policy = policy(&targets, &KEYLESS);
    let served = rewrite(card.as_bytes(), &policy).unwrap();
    let text = std::str::from_utf8(&served.body).unwrap();
    for kept in ["1e400", "123456789012345678901234567890", "1.0", r"\u00e9\ud800", "[ 1 , 2 ]"] {
        assert!(text.contains(kept), "{kept} in {text}");
    }
}

#[test]
fn addresses_of_the_agents_server_are_nowhere_left() {
    let mut card = card_0_3();
    card["documentationUrl"] = json!("http://backend.internal:9999/docs");
    card["iconUrl"] = json!("HTTP://BACKEND.INTERNAL:9999/icon.png");
    card["provider"] = json!({"organization": "x", "url": "http://user@backend.internal:9999"});
    card["description"] = json!("Try http://backend.internal:9999/rpc or backend.internal:9999.");
    card["skills"] = json!([{"id": "s", "examples": ["http://backend.internal:9999/x"], "tags": []}]);
    card["x-links"] = json!(["http://backend.internal:9999/a", "https://kept.example/"]);
    card["x-rpc"] = json!("http://backend.internal:9999/rpc/");
    card["signatures"] = json!([{"protected": "x", "signature": "y"}]);
    card["capabilities"]["extensions"] = json!([
        {"uri": "http://backend.internal:9999/ext/v1", "params": {"u": "//backend.internal:9999/p", "n": 1}},
    ]);
    let card = served(&card).unwrap();
    assert!(card.get("documentationUrl").is_none());
    assert!(card.get("iconUrl").is_none());
    assert!(card.get("signatures").is_none());
    assert_eq!(card["provider"], json!({"organization": "x", "url": PUBLIC}));
    assert_eq!(card["description"], format!("Try {PUBLIC}/rpc or agents.example/a2a/echo."));
    assert_eq!(card["x-links"], json!(["https://kept.example/"]));
    assert!(card.get("x-rpc").is_none());
    // An extension's uri is a name.
    assert_eq!(
        card["capabilities"]["extensions"],
        json!([{"uri": "http://backend.internal:9999/ext/v1", "params": {"n": 1}}])
    );
}

#[test]
fn an_agent_on_the_gateways_own_host_has_nothing_to_hide() {
    let targets = [Target::parse("https://agents.example/internal").unwrap()];
    let card = json!({
        "url": "https://agents.example/internal",
        "description": "See https://agents.example/docs",
        "documentationUrl": "https://agents.example/docs",
    });
    let served = served_by(&card, &policy(&targets, &KEYLESS)).unwrap();
    let mut expected = card;
    expected["url"] = json!(PUBLIC);
    assert_eq!(served, expected);
}

#[test]
fn capabilities_that_policy_switches_off_are_off() {
    let mut card = hybrid();
    card["supportsAuthenticatedExtendedCard"] = json!(true);
    let targets = [target()];
    let capabilities_off =
        CapabilitiesOff { streaming: false, push_notifications: true, extended_card: true };
    let policy = CardRewrite { capabilities_off, ..policy(&targets, &KEYLESS) };
    let card = served_by(&card, &policy).unwrap();
    assert_eq!(
        card["capabilities"],
        json!({"streaming": true, "pushNotifications": false, "extendedAgentCard": false})
    );
    assert_eq!(card["supportsAuthenticatedExtendedCard"], false);
}

#[test]
fn an_extended_card_is_rewritten_inside_its_answer() {
    let targets = [target()];
    let policy = policy(&targets, &KEYLESS);
    let answer = json!({"jsonrpc": "2.0", "id": 7, "result": card_1_0()}).to_string();
    let served: Value =
        serde_json::from_slice(&rewrite_json_rpc_answer(answer.as_bytes(), &policy).unwrap()).unwrap();
    assert_eq!(
        (&served["id"], &served["result"]["supportedInterfaces"][0]["url"]),
        (&json!(7), &json!(PUBLIC))
    );

    let error = br#"{"jsonrpc":"2.0","id":7,"error":{"code":-32007,"message":"none"}}"#;
    assert_eq!(rewrite_json_rpc_answer(error, &policy).unwrap(), error.as_slice());
    let garbage = rewrite_json_rpc_answer(b"<html>", &policy).unwrap_err();
    assert_eq!(garbage.code(), Code::InvalidAgentResponse);
}

#[test]
fn interfaces_are_found_for_each_version() {
    let interface = |binding, dialect, version, path: &str| Interface {
        binding,
        dialect,
        version,
        path_and_query: path.to_owned(),
        tenant: None,
    };
    let v0 = |binding, path| interface(binding, Dialect::V0, Some(Version::V0_3), path);
    let v1 = |binding, path| interface(binding, Dialect::V1, Some(Version::V1_0), path);
    let found = interfaces(hybrid().to_string().as_bytes(), &target()).unwrap();
    assert_eq!(
        found,
        [
            v1(Binding::JsonRpc, "/v1rpc"),
            v1(Binding::HttpJson, "/rest"),
            v0(Binding::JsonRpc, "/rpc"),
            v0(Binding::HttpJson, "/rest"),
        ]
    );
    let foreign = json!({"url": "https://elsewhere.example/rpc"}).to_string();
    assert_eq!(interfaces(foreign.as_bytes(), &target()).unwrap(), []);
}

#[test]
fn urls_mean_paths_at_the_target() {
    let at = |target: &str, url: &str| Target::parse(target).unwrap().path_of(url);
    for (base, url, path) in [
        ("http://a.example:9/base/", "http://a.example:9/x?y=1#z", Some("/x?y=1")),
        ("http://a.example", "http://a.example:80", Some("/")),
        ("http://a.example", "HTTP://A.Example./x", Some("/x")),
        ("https://a.example", "http://a.example/x", Some("/x")),
        ("https://a.example:8443", "http://a.example/x", None),
        ("http://a.example:9", "http://localhost:1/x", Some("/x")),
        ("http://a.example:9", "http://0.0.0.0:9/x", Some("/x")),
        ("http://127.0.0.1:9", "http://localhost:9/x", Some("/x")),
        ("http://127.0.0.1:9", "http://localhost:8/x", None),
        ("http://a.example:9", "http://b.example:9/x", None),
        ("http://a.example:9", "http://a.example:9@evil.example/x", None),
        ("http://a.example:9", "a.example:9", Some("/")),
        ("http://a.example:9", "a.example:10", None),
        ("http://[2001:db8::1]:9", "http://[2001:DB8::1]:9/x", Some("/x")),
        ("http://a.example/base", "", Some("/base")),
        ("http://a.example/base", "/x/../y", Some("/y")),
        ("http://a.example/base", "rpc", Some("/base/rpc")),
        ("http://a.example/base", "../../rpc", Some("/rpc")),
        ("http://a.example/base", "?x=1", Some("/base?x=1")),
        ("http://a.example/base", "//evil.example/x", None),
        ("http://a.example/base", "\\\\evil.example\\x", None),
        ("http://a.example/base", "mailto:x@a.example", None),
    ] {
        assert_eq!(at(base, url).as_deref(), path, "{url} at {base}");
    }
    for no_target in ["", "a.example", "ftp://a.example", "http://", "/x"] {
        assert_eq!(Target::parse(no_target), None, "{no_target}");
    }
    assert_eq!(Target::parse("https://A.example:443/x").unwrap().origin(), "https://a.example");
    assert_eq!(Target::parse("http://[::1]:8080").unwrap().origin(), "http://[::1]:8080");
}

#[test]
fn two_cards_become_one_hybrid() {
    let mut older = card_0_3();
    older["url"] = json!("http://old.internal:1/");
    older["additionalInterfaces"] = json!([]);
    older["capabilities"]["stateTransitionHistory"] = json!(true);
    older["securitySchemes"] = json!({"k": {"type": "apiKey", "in": "header", "name": "K"}});
    older["security"] = json!([{"k": []}]);
    let mut newer = card_1_0();
    newer["securitySchemes"] = json!({"k": {"apiKeySecurityScheme": {"location": "header", "name": "K"}}});
    newer["signatures"] = json!([{}]);
    let merged = merge(older.to_string().as_bytes(), newer.to_string().as_bytes()).unwrap();
    let targets = [target(), Target::parse("http://old.internal:1/").unwrap()];
    let card = served_by(&serde_json::from_str(&merged).unwrap(), &policy(&targets, &KEYLESS)).unwrap();
    assert_eq!(card["url"], PUBLIC);
    assert_eq!(card["protocolVersion"], "0.3.0");
    assert_eq!(card["security"], json!([{"k": []}]));
    assert_eq!(
        card["securitySchemes"]["k"],
        json!({"type": "apiKey", "in": "header", "name": "K", "apiKeySecurityScheme": {"location": "header", "name": "K"}})
    );
    assert_eq!(card["capabilities"]["stateTransitionHistory"], true);
    assert_eq!(
        card["supportedInterfaces"],
        json!([
            {"url": PUBLIC, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": PUBLIC, "protocolBinding": "JSONRPC", "protocolVersion": "0.3.0"},
        ])
    );
    assert!(card.get("signatures").is_none());
    assert!(!card.to_string().contains("internal"));
}

#[test]
fn equal_bodies_have_equal_tags() {
    assert_eq!(etag(b"x"), etag(b"x"));
    assert_ne!(etag(b"x"), etag(b"y"));
    assert_eq!(etag(b""), "\"e3b0c44298fc1c149afbf4c8996fb924\"");
}

#[test]
fn conditional_requests_compare_weakly() {
    let tag = etag(b"x");
    let text = tag.to_str().unwrap();
    for (value, expected) in [
        (text.to_owned(), true),
        (format!("W/{text}"), true),
        (format!("\"other\", {text}"), true),
        ("*".to_owned(), true),
        ("\"other\"".to_owned(), false),
        (format!("\"a,b\" ,\t, W/\"c\",{text}"), true),
        (format!("\"a, {text}"), false),
        (format!("\"a\"{text}"), false),
        (format!("w/{text}"), false),
        (String::new(), false),
        (text.trim_matches('"').to_owned(), false),
    ] {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::try_from(&value).unwrap())]);
        assert_eq!(is_not_modified(&headers, &tag), expected, "{value}");
    }
    assert!(!is_not_modified(&HeaderMap::new(), &tag));
}

#[test]
fn encoded_cards_are_decoded_within_a_bound() {
    use std::io::Write as _;
    let gzip = |bytes: &[u8]| {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        encoder.write_all(bytes).unwrap();
        Bytes::from(encoder.finish().unwrap())
    };
    let with = |encoding: &'static str| {
        HeaderMap::from_iter([(CONTENT_ENCODING, HeaderValue::from_static(encoding))])
    };
    assert_eq!(decode(&with("gzip"), gzip(b"{}")).unwrap(), "{}");
    assert_eq!(decode(&with("identity"), Bytes::from_static(b"{}")).unwrap(), "{}");
    assert_eq!(decode(&HeaderMap::new(), Bytes::from_static(b"{}")).unwrap(), "{}");
    let bomb = gzip(&vec![b' '; 50 * 1024 * 1024]);
    for (headers, body) in [
        (with("gzip"), bomb),
        (with("gzip"), Bytes::from_static(b"not gzip")),
        (with("gzip"), gzip(b"{}").slice(..8)),
        (with("br"), Bytes::new()),
        (with("gzip, gzip"), gzip(b"{}")),
    ] {
        assert_eq!(decode(&headers, body).unwrap_err().code(), Code::InvalidAgentCard);
    }
}

#[test]
fn the_status_of_the_agents_answer_is_judged() {
    let judged =
        |status: u16| check_status(StatusCode::from_u16(status).unwrap()).map_err(|error| error.code());
    assert_eq!(judged(200), Ok(()));
    assert_eq!(judged(404), Err(Code::NotFound));
    assert_eq!(judged(302), Err(Code::InvalidAgentCard));
    assert_eq!(judged(401), Err(Code::CardUnavailable));
    assert_eq!(judged(500), Err(Code::CardUnavailable));
}

#[test]
fn what_a_plan_with_keys_accepts() {
    assert_eq!(
        SecurityDeclaration::api_key("X-API-Key"),
        [Scheme::ApiKeyHeader { header: "X-API-Key".to_owned() }, Scheme::Bearer { format: None }]
    );
}
