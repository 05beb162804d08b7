//! Against prost-reflect, with the descriptors of the official Python SDK: `golden/*.binpb` are file descriptor sets of
//! `a2a.types.a2a_pb2` (a2a-sdk 1.3.0) and `a2a.grpc.a2a_pb2` (0.3.26), without options and services.

use std::sync::LazyLock;

use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MessageDescriptor};
use serde_json::{Value, json};

use super::rewrite;
use crate::a2a::call::Binding;
use crate::a2a::card::{CardRewrite, SecurityDeclaration, SkillFilter, Target};
use crate::a2a::protobuf::Package;
use crate::a2a::protobuf::message::put_bytes;
use crate::a2a::version::Version;
use crate::error::Code;

mod fill;
mod properties;

const PUBLIC: &str = "https://agents.example/a2a/echo";
const AUTHORITY: &str = "echo.agents.example:443";

static KEYLESS: SecurityDeclaration = SecurityDeclaration { keeps_own: true, alternatives: Vec::new() };

fn targets() -> [Target; 2] {
    ["http://backend.internal:9999/rpc", "http://backend.internal:50051"]
        .map(|url| Target::parse(url).unwrap())
}

fn policy<'a>(targets: &'a [Target], security: &'a SecurityDeclaration) -> CardRewrite<'a> {
    CardRewrite {
        targets,
        public_url: PUBLIC,
        grpc_authority: Some(AUTHORITY),
        bindings: &[Binding::JsonRpc, Binding::HttpJson, Binding::Grpc],
        versions: None,
        reader: None,
        security,
        capabilities_off: Default::default(),
        skills: SkillFilter::All,
    }
}

static DESCRIPTORS: LazyLock<[MessageDescriptor; 2]> = LazyLock::new(|| {
    let files: [(&[u8], _); 2] = [
        (include_bytes!("../../../../tests/golden/a2a.v1.binpb"), "a2a.v1.AgentCard"),
        (include_bytes!("../../../../tests/golden/lf.a2a.v1.binpb"), "lf.a2a.v1.AgentCard"),
    ];
    files.map(|(bytes, name)| {
        let mut pool = DescriptorPool::global();
        pool.decode_file_descriptor_set(bytes).unwrap();
        pool.get_message_by_name(name).unwrap()
    })
});

fn descriptor(package: Package) -> MessageDescriptor {
    DESCRIPTORS[usize::from(package == Package::V1)].clone()
}

fn encoded(package: Package, card: &Value) -> Vec<u8> {
    DynamicMessage::deserialize(descriptor(package), card).unwrap().encode_to_vec()
}

fn decoded(package: Package, card: &[u8]) -> Value {
    serde_json::to_value(DynamicMessage::decode(descriptor(package), card).unwrap()).unwrap()
}

fn served_by(package: Package, card: &Value, policy: &CardRewrite<'_>) -> Result<Value, Code> {
    let served = rewrite(package, &encoded(package, card), policy).map_err(|error| error.code())?;
    Ok(decoded(package, &served))
}

fn served(package: Package, card: &Value) -> Result<Value, Code> {
    served_by(package, card, &policy(&targets(), &KEYLESS))
}

fn card_1_0() -> Value {
    json!({
        "name": "Echo", "description": "Echoes", "version": "1",
        "supportedInterfaces": [
            {"url": "http://backend.internal:9999/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "http://backend.internal:9999/rest", "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0", "tenant": "t"},
            {"url": "backend.internal:50051", "protocolBinding": "GRPC", "protocolVersion": "1.0"},
            {"url": "https://elsewhere.example/rpc", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "http://backend.internal:9999/x", "protocolBinding": "https://custom.example/binding"},
        ],
        "capabilities": {"streaming": true, "pushNotifications": true, "extendedAgentCard": true},
        "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "one", "name": "One"}, {"id": "two", "name": "Two"}],
        "signatures": [{"protected": "p", "signature": "s"}],
    })
}

fn card_0_3() -> Value {
    json!({
        "name": "Echo", "description": "Echoes", "version": "1", "protocolVersion": "0.3.0",
        "url": "backend.internal:50051", "preferredTransport": "GRPC",
        "additionalInterfaces": [
            {"url": "http://backend.internal:9999/rpc", "transport": "JSONRPC"},
            {"url": "https://elsewhere.example/rpc", "transport": "JSONRPC"},
        ],
        "capabilities": {"streaming": true, "pushNotifications": true},
        "supportsAuthenticatedExtendedCard": true,
        "defaultInputModes": ["text"], "defaultOutputModes": ["text"],
        "skills": [{"id": "one", "name": "One"}, {"id": "two", "name": "Two"}],
        "signatures": [{"protected": "p", "signature": "s"}],
    })
}

fn both() -> [(Package, Value); 2] {
    [(Package::V1, card_1_0()), (Package::V0, card_0_3())]
}

#[test]
fn a_1_0_card_names_the_gateway_alone() {
    let mut expected = card_1_0();
    expected["supportedInterfaces"] = json!([
        {"url": PUBLIC, "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": PUBLIC, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0", "tenant": "t"},
        {"url": AUTHORITY, "protocolBinding": "GRPC", "protocolVersion": "1.0"},
    ]);
    expected.as_object_mut().unwrap().remove("signatures");
    assert_eq!(served(Package::V1, &card_1_0()), Ok(expected));
}

#[test]
fn a_0_3_card_names_the_gateway_alone() {
    let mut expected = card_0_3();
    expected["url"] = json!(AUTHORITY);
    expected["additionalInterfaces"] = json!([{"url": PUBLIC, "transport": "JSONRPC"}]);
    expected.as_object_mut().unwrap().remove("signatures");
    assert_eq!(served(Package::V0, &card_0_3()), Ok(expected));
}

#[test]
fn another_interface_becomes_the_preferred_one() {
    let targets = targets();
    let without_grpc = CardRewrite { grpc_authority: None, ..policy(&targets, &KEYLESS) };
    let card = served_by(Package::V0, &card_0_3(), &without_grpc).unwrap();
    assert_eq!((&card["url"], &card["preferredTransport"]), (&json!(PUBLIC), &json!("JSONRPC")));
    assert_eq!(card["additionalInterfaces"], json!([{"url": PUBLIC, "transport": "JSONRPC"}]));
}

#[test]
fn interfaces_of_versions_that_are_not_taken_leave() {
    let targets = targets();
    let versions = [Version::V1_0];
    let policy = CardRewrite { versions: Some(&versions), ..policy(&targets, &KEYLESS) };
    assert_eq!(served_by(Package::V0, &card_0_3(), &policy), Err(Code::InvalidAgentResponse));
    let mut card = card_1_0();
    card["supportedInterfaces"][0]["protocolVersion"] = json!("0.3");
    let card = served_by(Package::V1, &card, &policy).unwrap();
    assert_eq!(card["supportedInterfaces"].as_array().unwrap().len(), 2);
}

#[test]
fn a_card_without_an_interface_of_the_gateway_is_none() {
    let targets = targets();
    let nothing = CardRewrite { bindings: &[], ..policy(&targets, &KEYLESS) };
    for (package, card) in both() {
        assert_eq!(served_by(package, &card, &nothing), Err(Code::InvalidAgentResponse));
        assert_eq!(served(package, &json!({"name": "x"})), Err(Code::InvalidAgentResponse));
    }
}

#[test]
fn capabilities_that_policy_switches_off_are_off() {
    let targets = targets();
    let mut policy = policy(&targets, &KEYLESS);
    policy.capabilities_off.push_notifications = true;
    policy.capabilities_off.extended_card = true;
    let card = served_by(Package::V1, &card_1_0(), &policy).unwrap();
    let expected = json!({"streaming": true, "pushNotifications": false, "extendedAgentCard": false});
    assert_eq!(card["capabilities"], expected);
    let card = served_by(Package::V0, &card_0_3(), &policy).unwrap();
    assert_eq!(card["capabilities"], json!({"streaming": true}));
    assert!(card.get("supportsAuthenticatedExtendedCard").is_none());
}

#[test]
fn skills_are_those_that_the_plan_permits() {
    let targets = targets();
    let only = [std::sync::Arc::from("two")];
    let policy = CardRewrite { skills: SkillFilter::Only(&only), ..policy(&targets, &KEYLESS) };
    for (package, card) in both() {
        let card = served_by(package, &card, &policy).unwrap();
        assert_eq!(card["skills"], json!([{"id": "two", "name": "Two"}]));
    }
}

fn own_security(mut card: Value, package: Package) -> Value {
    let name = requirements(package);
    card["securitySchemes"] = json!({
        "own": {"httpAuthSecurityScheme": {"scheme": "basic"}},
        "oauth": {"oauth2SecurityScheme": {"flows": {"clientCredentials": {"tokenUrl": "http://backend.internal:9999/token"}}}},
    });
    card[name] = json!([{"schemes": {"own": {}}}, {"schemes": {"own": {}, "oauth": {"list": ["read"]}}}]);
    card["skills"] = json!([{"id": "s", name: [{"schemes": {"oauth": {}}}]}]);
    card
}

fn requirements(package: Package) -> &'static str {
    match package {
        Package::V0 => "security",
        Package::V1 => "securityRequirements",
    }
}

#[test]
fn plans_with_keys_replace_what_the_agent_demands() {
    let security =
        SecurityDeclaration { keeps_own: false, alternatives: SecurityDeclaration::api_key("X-API-Key") };
    for (package, card) in both() {
        let bearer = if package == Package::V0 { "bearer" } else { "Bearer" };
        let card = own_security(card, package);
        let card = served_by(package, &card, &policy(&targets(), &security)).unwrap();
        assert_eq!(
            card["securitySchemes"],
            json!({
                "signalboxApiKey": {"apiKeySecurityScheme": {"location": "header", "name": "X-API-Key"}},
                "signalboxBearer": {"httpAuthSecurityScheme": {"scheme": bearer}},
            })
        );
        let expected = json!([{"schemes": {"signalboxApiKey": {}}}, {"schemes": {"signalboxBearer": {}}}]);
        assert_eq!(card[requirements(package)], expected);
        assert_eq!(card["skills"], json!([{"id": "s"}]));
    }
}

#[test]
fn under_keyless_the_agents_reachable_schemes_stay() {
    for (package, card) in both() {
        let card = served(package, &own_security(card, package)).unwrap();
        assert_eq!(card["securitySchemes"], json!({"own": {"httpAuthSecurityScheme": {"scheme": "basic"}}}));
        assert_eq!(card[requirements(package)], json!([{"schemes": {"own": {}}}]));
        assert_eq!(card["skills"], json!([{"id": "s"}]));
    }
}

#[test]
fn keyless_beside_keys_offers_both() {
    let security =
        SecurityDeclaration { keeps_own: true, alternatives: SecurityDeclaration::api_key("X-API-Key") };
    for (package, card) in both() {
        let mine = own_security(card.clone(), package);
        let own = served_by(package, &mine, &policy(&targets(), &security)).unwrap();
        let names = json!([{"schemes": {"own": {}}}, {"schemes": {"signalboxApiKey": {}}}, {"schemes": {"signalboxBearer": {}}}]);
        assert_eq!(own[requirements(package)], names);
        assert_eq!(own["securitySchemes"].as_object().unwrap().len(), 3);
        let nothing_own = served_by(package, &card, &policy(&targets(), &security)).unwrap();
        assert_eq!(nothing_own[requirements(package)][0], json!({}));
        assert_eq!(nothing_own[requirements(package)].as_array().unwrap().len(), 3);
    }
}

/// A field that nobody knows, in the wire types that there are.
fn unknown_fields(text: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0xc0, 0x3e, 0x07, 0xc5, 0x3e, 1, 2, 3, 4, 0xc3, 0x3e, 0x08, 0x01, 0xc4, 0x3e];
    put_bytes(1001, text, &mut bytes);
    bytes
}

/// As often as `part` occurs.
fn occurrences(bytes: &[u8], part: &[u8]) -> usize {
    bytes.windows(part.len()).filter(|window| *window == part).count()
}

#[test]
fn unknown_fields_stay_byte_for_byte_at_every_level() {
    let unknown = unknown_fields(b"\x0a\x05hello\xff");
    let nested = |number: u32, inner: &[u8], out: &mut Vec<u8>| {
        put_bytes(number, &[inner, &unknown].concat(), out);
    };
    for (package, card) in both() {
        let mut bytes = encoded(package, &card);
        bytes.extend_from_slice(&unknown);
        // A skill and a provider with fields of their own; the provider changes too.
        nested(12, b"\x0a\x01x", &mut bytes);
        nested(4, b"\x0a\x1ahttp://backend.internal:99", &mut bytes);
        let interface: &[u8] = b"\x0a\x20http://backend.internal:9999/rpc\x12\x07JSONRPC";
        nested(if package == Package::V1 { 3 } else { 15 }, interface, &mut bytes);
        let served = rewrite(package, &bytes, &policy(&targets(), &KEYLESS)).unwrap();
        assert_eq!(occurrences(&served, &unknown), 4);
    }
}

#[test]
fn an_unknown_field_that_names_the_agents_server_goes_whole() {
    let inner = |text: &str| {
        let mut message = Vec::new();
        put_bytes(3, text.as_bytes(), &mut message);
        message
    };
    let long = format!("http://backend.internal:9999/{}", "x".repeat(80));
    for leak in [
        b"http://backend.internal:9999/docs".to_vec(),
        b"see backend.internal:9999 for more".to_vec(),
        inner("HTTP://Backend.Internal:9999"),
        inner("backend.internal:50051"),
        inner(&long),
        unknown_fields(&inner(&long)),
    ] {
        for (package, card) in both() {
            let mut bytes = encoded(package, &card);
            put_bytes(1001, &leak, &mut bytes);
            put_bytes(1002, b"stays", &mut bytes);
            let served = rewrite(package, &bytes, &policy(&targets(), &KEYLESS)).unwrap();
            let text = String::from_utf8_lossy(&served).to_ascii_lowercase();
            assert!(!text.contains("backend.internal"), "{text}");
            assert_eq!(occurrences(&served, b"stays"), 1);
        }
    }
}

#[test]
fn what_parsers_read_differently_is_refused() {
    for (package, card) in both() {
        for extra in [
            // The name twice, the name as a number, no text, no protobuf, a capability twice.
            &b"\x0a\x01x"[..],
            b"\x08\x01",
            b"\x62\x03\x0a\x01\xff",
            b"\xff",
            b"\x3a\x00",
        ] {
            let bytes = [&encoded(package, &card)[..], extra].concat();
            let error = rewrite(package, &bytes, &policy(&targets(), &KEYLESS)).unwrap_err();
            assert_eq!(error.code(), Code::InvalidAgentResponse, "{extra:x?}");
        }
    }
}

#[test]
fn depth_has_an_end() {
    let mut value = b"\x1a\x01x".to_vec();
    for _ in 0..200 {
        let (mut entry, mut object) = (Vec::new(), Vec::new());
        put_bytes(2, &value, &mut entry);
        put_bytes(1, &entry, &mut object);
        value.clear();
        put_bytes(5, &object, &mut value);
    }
    let (mut structure, mut extension, mut capabilities) = (Vec::new(), Vec::new(), Vec::new());
    put_bytes(1, &[&[0x12_u8][..], &[0]].concat(), &mut structure);
    let mut entry = Vec::new();
    put_bytes(2, &value, &mut entry);
    put_bytes(1, &entry, &mut structure);
    put_bytes(4, &structure, &mut extension);
    put_bytes(3, &extension, &mut capabilities);
    let mut card = card_1_0();
    card.as_object_mut().unwrap().remove("capabilities");
    let mut bytes = encoded(Package::V1, &card);
    put_bytes(7, &capabilities, &mut bytes);
    let error = rewrite(Package::V1, &bytes, &policy(&targets(), &KEYLESS)).unwrap_err();
    assert_eq!(error.code(), Code::InvalidAgentResponse);
}
