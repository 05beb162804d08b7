//! Cards in which every place may hold an address of the agent: none is left, everything else is equal, and JSON is
//! rewritten in the same way.

use proptest::prelude::*;
use prost::Message as _;
use prost_reflect::DynamicMessage;
use serde_json::Value;

use super::fill::Filler;
use super::{KEYLESS, Package, decoded, descriptor, encoded, policy, rewrite, targets};
use crate::a2a::card::{self, CardRewrite, SecurityDeclaration};
use crate::error::Code;

const TEXTS: [&str; 16] = [
    "http://backend.internal:9999/rpc",
    "http://backend.internal:9999/other?x=1",
    "HTTP://Backend.Internal:9999/rpc",
    "http://user:password@backend.internal:9999/rpc",
    "backend.internal:50051",
    "ws://backend.internal:9999",
    "see http://backend.internal:9999/docs, or backend.internal:50051.",
    "http://backend.in\tternal:9999/rpc",
    "https://elsewhere.example/x",
    "mail@elsewhere.example",
    "plain text",
    "é 😀",
    "",
    "https://agents.example/a2a/echo",
    "own",
    "text/plain",
];
const BINDINGS: [&str; 5] = ["JSONRPC", "GRPC", "HTTP+JSON", "grpc", "https://custom.example/binding"];
const KEYS: [&str; 5] =
    ["own", "other", "k", "http://backend.internal:9999/scope", "https://elsewhere.example/s"];

/// A card in which a choice decides about everything.
fn card(package: Package, choices: &[u8], sets_all: bool) -> DynamicMessage {
    let at = std::cell::Cell::new(0_usize);
    let next = || {
        let index = at.get();
        at.set(index + 1);
        usize::from(choices[index % choices.len()]) + index / choices.len()
    };
    let is_binding = |name: &str| matches!(name, "protocol_binding" | "transport" | "preferred_transport");
    Filler {
        text: &mut |name| {
            let texts: &[&str] = if is_binding(name) { &BINDINGS } else { &TEXTS };
            texts[next() % texts.len()].to_owned()
        },
        key: &mut |_| KEYS[next() % KEYS.len()].to_owned(),
        choose: &mut |count| next() % count,
        sets: &mut |_| sets_all || next() % 5 > 0,
    }
    .message(&descriptor(package), 0)
}

fn package() -> impl Strategy<Value = Package> {
    prop::sample::select(vec![Package::V0, Package::V1])
}

fn security() -> impl Strategy<Value = SecurityDeclaration> {
    (any::<bool>(), any::<bool>()).prop_map(|(keeps_own, has_keys)| SecurityDeclaration {
        keeps_own,
        alternatives: if has_keys { SecurityDeclaration::api_key("X-API-Key") } else { Vec::new() },
    })
}

fn names_agent(bytes: &[u8]) -> bool {
    let text = String::from_utf8_lossy(bytes).to_ascii_lowercase().replace(['\t', '\n'], "");
    text.contains("backend.internal")
}

/// The URI of an extension is an identifier.
fn without_extension_uris(card: &mut Value) {
    let extensions = card.pointer_mut("/capabilities/extensions").and_then(Value::as_array_mut);
    for extension in extensions.into_iter().flatten() {
        extension.as_object_mut().unwrap().remove("uri");
    }
}

/// With all member names of cards in snake_case.
fn snake_case(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let members = members.iter().map(|(name, value)| {
                let is_camel = name.bytes().all(|byte| byte.is_ascii_alphanumeric());
                let mut snake = String::new();
                for letter in name.chars() {
                    if is_camel && letter.is_ascii_uppercase() {
                        snake.push('_');
                        snake.push(letter.to_ascii_lowercase());
                    } else {
                        snake.push(letter);
                    }
                }
                (snake, snake_case(value))
            });
            Value::Object(members.collect())
        }
        Value::Array(items) => items.iter().map(snake_case).collect(),
        other => other.clone(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_address_of_the_agent_is_left(
        package in package(),
        choices in prop::collection::vec(any::<u8>(), 1..120),
        sets_all in any::<bool>(),
        security in security(),
    ) {
        let bytes = card(package, &choices, sets_all).encode_to_vec();
        let targets = targets();
        let policy = policy(&targets, &security);
        let served = match rewrite(package, &bytes, &policy) {
            Ok(served) => served,
            Err(error) => {
                prop_assert_eq!(error.code(), Code::InvalidAgentResponse);
                return Ok(());
            }
        };
        let mut shown = decoded(package, &served);
        without_extension_uris(&mut shown);
        prop_assert!(!names_agent(shown.to_string().replace("\\t", "").as_bytes()), "{}", shown);
        // Once more changes nothing, except that a second gateway would not know the address for gRPC, and that
        // alternatives are added again.
        let policy = CardRewrite { grpc_authority: None, ..policy };
        let Ok(served) = rewrite(package, &bytes, &policy) else { return Ok(()) };
        let again = rewrite(package, &served, &policy).unwrap();
        if !security.keeps_own || security.alternatives.is_empty() {
            prop_assert_eq!(decoded(package, &again), decoded(package, &served));
        }
    }

    /// The same card in JSON comes out the same.
    #[test]
    fn json_is_rewritten_in_the_same_way(
        package in package(),
        choices in prop::collection::vec(any::<u8>(), 1..120),
        sets_all in any::<bool>(),
        security in security(),
    ) {
        // JSON of 0.x has requirements in a form of its own.
        let security = if package == Package::V0 { KEYLESS.clone() } else { security };
        let card = card(package, &choices, sets_all);
        let bytes = card.encode_to_vec();
        let json = serde_json::to_vec(&card).unwrap();
        let targets = targets();
        let policy: CardRewrite<'_> = policy(&targets, &security);
        let in_protobuf = rewrite(package, &bytes, &policy);
        let in_json = card::rewrite(&json, &policy);
        match (in_protobuf, in_json) {
            (Ok(protobuf), Ok(json)) => {
                let json = serde_json::from_slice(&json.body).unwrap();
                prop_assert_eq!(decoded(package, &protobuf), decoded(package, &encoded(package, &json)));
            }
            (Err(_), Err(_)) => {}
            (protobuf, json) => prop_assert!(false, "{:?} {:?}", protobuf.is_ok(), json.err()),
        }
    }

    /// A card in JSON that speaks 0.1, 0.3 and 1.0 at once, in either spelling, with every place filled.
    #[test]
    fn a_hybrid_in_json_keeps_no_address_of_the_agent(
        choices in prop::collection::vec(any::<u8>(), 1..120),
        security in security(),
        is_snake_case in any::<bool>(),
    ) {
        let mut hybrid = serde_json::to_value(card(Package::V0, &choices, true)).unwrap();
        let newer = serde_json::to_value(card(Package::V1, &choices, true)).unwrap();
        let members = hybrid.as_object_mut().unwrap();
        for (name, value) in newer.as_object().unwrap() {
            members.entry(name).or_insert_with(|| value.clone());
        }
        members.insert("authentication".into(), serde_json::json!({"schemes": ["Bearer"], "credentials": TEXTS[0]}));
        members.insert("x-unknown".into(), serde_json::json!({"a": [TEXTS[1], {"b": TEXTS[6]}], TEXTS[0]: 1}));
        let text = if is_snake_case { snake_case(&hybrid).to_string() } else { hybrid.to_string() };
        let targets = targets();
        let Ok(served) = card::rewrite(text.as_bytes(), &policy(&targets, &security)) else { return Ok(()) };
        let mut shown: Value = serde_json::from_slice(&served.body).unwrap();
        without_extension_uris(&mut shown);
        prop_assert!(!names_agent(shown.to_string().replace("\\t", "").as_bytes()), "{}", shown);
    }

    /// Without a word about the agent's server, only interfaces and signatures change.
    #[test]
    fn everything_else_is_equal(package in package(), choices in prop::collection::vec(any::<u8>(), 1..60)) {
        let at = std::cell::Cell::new(0_usize);
        let next = || {
            at.set(at.get() + 1);
            usize::from(choices[at.get() % choices.len()])
        };
        let card = Filler {
            text: &mut |name| match name {
                "protocol_binding" | "transport" | "preferred_transport" => "JSONRPC".to_owned(),
                _ => TEXTS[8 + next() % 8].to_owned(),
            },
            key: &mut |_| KEYS[next() % 3].to_owned(),
            choose: &mut |count| next() % count,
            sets: &mut |name| !matches!(name, "supported_interfaces" | "additional_interfaces" | "signatures" | "url"),
        }
        .message(&descriptor(package), 0);
        let mut before = decoded(package, &card.encode_to_vec());
        let own = "http://backend.internal:9999/rpc";
        match package {
            Package::V0 => before["url"] = own.into(),
            Package::V1 => {
                before["supportedInterfaces"] = serde_json::json!([{"url": own, "protocolBinding": "JSONRPC"}]);
            }
        }
        let targets = targets();
        let served = rewrite(package, &encoded(package, &before), &policy(&targets, &KEYLESS)).unwrap();
        let place = match package {
            Package::V0 => "/url",
            Package::V1 => "/supportedInterfaces/0/url",
        };
        *before.pointer_mut(place).unwrap() = super::PUBLIC.into();
        prop_assert_eq!(decoded(package, &served), before);
    }
}
