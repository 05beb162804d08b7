//! Random cards: no address of the agent's server is left, everything else is equal.

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::{PUBLIC, served};
use crate::a2a::card::host::decode_percent;
use crate::error::Code;

/// Ways in which an agent writes its own address.
fn own_url() -> impl Strategy<Value = String> {
    let forms = vec![
        "http://backend.internal:9999",
        "http://backend.internal:9999/",
        "http://backend.internal:9999/rpc?x=1",
        "HTTP://Backend.Internal:9999/rpc",
        "http://user:password@backend.internal:9999/rpc",
        "http://backend.internal.:9999/rpc",
        "ws://backend.internal:9999/rpc",
        "http:/\\backend.internal:9999/rpc",
        " http://backend.internal:9999/rpc\n",
        "http://backend.in\tternal:9999/rpc",
        "backend.internal:9999",
        "http://backend%2Einternal:9999/rpc",
        "http://backend.internal:09999/rpc",
        "http:backend.internal:9999/rpc",
        "\\\\backend.internal:9999\\rpc",
        "https://backend.internal/rpc",
        "http://backend\u{3002}internal:9999/rpc",
    ];
    prop::sample::select(forms).prop_map(ToOwned::to_owned)
}

/// Text around an address, as people and programs write it.
fn prose() -> impl Strategy<Value = String> {
    let around = prop::sample::select(vec![
        ("", ""),
        ("See ", " for more."),
        ("(", ")"),
        ("a,", ",b"),
        ("<a href=\"", "\">"),
        ("https://kept.example/?to=", "&x=1"),
        ("{\"u\":\"", "\"}"),
        ("é ", " é"),
        ("x=", ";"),
        ("[", "](https://kept.example/)"),
    ]);
    let encoded = own_url().prop_map(|url| {
        url.bytes()
            .map(|byte| {
                if byte.is_ascii_alphanumeric() {
                    char::from(byte).to_string()
                } else {
                    format!("%{byte:02X}")
                }
            })
            .collect()
    });
    (around, prop_oneof![own_url(), encoded])
        .prop_map(|((before, after), url)| format!("{before}{url}{after}"))
}

fn foreign_url() -> impl Strategy<Value = String> {
    prop::sample::select(vec![
        "https://elsewhere.example/rpc",
        "elsewhere.example:50051",
        "https://x.example",
    ])
    .prop_map(ToOwned::to_owned)
}

fn url() -> impl Strategy<Value = String> {
    prop_oneof![3 => own_url(), 1 => foreign_url(), 1 => Just("/relative".to_owned())]
}

fn binding() -> impl Strategy<Value = String> {
    prop::sample::select(vec!["JSONRPC", "jsonrpc", "GRPC", "HTTP+JSON", "https://custom.example/binding"])
        .prop_map(ToOwned::to_owned)
}

/// JSON that no rule is about.
fn other() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        "[a-zé😀\"\\\\ :/.]{0,12}".prop_map(Value::from),
        Just(Value::Null),
        Just(json!("https://kept.example/path")),
    ];
    leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,6}", inner, 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

#[derive(Debug, Clone)]
struct Parts {
    interfaces: Option<Vec<(String, String)>>,
    url: Option<(String, Option<String>)>,
    additional: Option<Vec<(String, String)>>,
    links: [Option<String>; 3],
    prose: [Option<String>; 4],
    others: Vec<(String, Value)>,
}

fn parts() -> impl Strategy<Value = Parts> {
    let entries = || prop::option::of(prop::collection::vec((url(), binding()), 0..4));
    let links = [prop::option::of(url()), prop::option::of(url()), prop::option::of(url())];
    let prose = [0; 4].map(|_| prop::option::of(prose()));
    let others = prop::collection::vec(("x-[a-z]{1,5}", other()), 0..5);
    let own = prop::option::of((url(), prop::option::of(binding())));
    (entries(), own, entries(), links, prose, others).prop_map(
        |(interfaces, url, additional, links, prose, others)| Parts {
            interfaces,
            url,
            additional,
            links,
            prose,
            others,
        },
    )
}

fn card(parts: &Parts) -> Value {
    let mut card = Map::new();
    for (name, value) in &parts.others {
        card.insert(name.clone(), value.clone());
    }
    card.insert("name".to_owned(), json!("agent"));
    if let Some(entries) = &parts.interfaces {
        let entries = entries
            .iter()
            .map(|(url, binding)| json!({"url": url, "protocolBinding": binding, "protocolVersion": "1.0"}));
        card.insert("supportedInterfaces".to_owned(), entries.collect());
    }
    if let Some((url, transport)) = &parts.url {
        card.insert("url".to_owned(), json!(url));
        if let Some(transport) = transport {
            card.insert("preferredTransport".to_owned(), json!(transport));
        }
    }
    if let Some(entries) = &parts.additional {
        let entries = entries.iter().map(|(url, transport)| json!({"url": url, "transport": transport}));
        card.insert("additionalInterfaces".to_owned(), entries.collect());
    }
    let [documentation, icon, provider] = &parts.links;
    if let Some(url) = documentation {
        card.insert("documentationUrl".to_owned(), json!(url));
    }
    if let Some(url) = icon {
        card.insert("icon_url".to_owned(), json!(url));
    }
    if let Some(url) = provider {
        card.insert("provider".to_owned(), json!({"organization": "o", "url": url}));
    }
    let [description, skill, unknown, name] = &parts.prose;
    if let Some(text) = description {
        card.insert("description".to_owned(), json!(text));
    }
    if let Some(text) = skill {
        card.insert("skills".to_owned(), json!([{"id": "s", "examples": ["kept", text]}]));
    }
    if let Some(text) = unknown {
        card.insert("y-deep".to_owned(), json!([{"a": [text, 1]}, {"kept": true}]));
    }
    if let Some(text) = name {
        card.insert("y-names".to_owned(), json!({(text.as_str()): 1, "kept": 2}));
    }
    Value::Object(card)
}

/// All strings of a document.
fn strings(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::String(text) => found.push(text.clone()),
        Value::Array(items) => items.iter().for_each(|item| strings(item, found)),
        Value::Object(members) => members.iter().for_each(|(name, member)| {
            found.push(name.clone());
            strings(member, found);
        }),
        _ => {}
    }
}

proptest! {
    #[test]
    fn no_address_of_the_agent_is_left_and_everything_else_is_equal(parts in parts()) {
        let before = card(&parts);
        let after = match served(&before) {
            Ok(after) => after,
            Err(code) => {
                prop_assert_eq!(code, Code::InvalidAgentCard);
                return Ok(());
            }
        };
        let mut texts = Vec::new();
        strings(&after, &mut texts);
        for text in texts {
            let decoded = decode_percent(&text).to_lowercase();
            let plain = decoded.replace(['\t', '\n'], "").replace('\u{3002}', ".");
            prop_assert!(!plain.contains("backend.internal"), "{} in {}", text, after);
        }
        let interfaces = after["supportedInterfaces"].as_array().into_iter().flatten();
        let additional = after["additionalInterfaces"].as_array().into_iter().flatten();
        let shown: Vec<&Value> =
            interfaces.chain(additional).map(|entry| &entry["url"]).chain(after.get("url")).collect();
        prop_assert!(!shown.is_empty());
        for url in shown {
            prop_assert_eq!(url, PUBLIC);
        }
        for (name, value) in &parts.others {
            let last = parts.others.iter().rfind(|(other, _)| other == name).unwrap();
            if last.1 == *value {
                prop_assert_eq!(&after[name], value);
            }
        }
    }

    #[test]
    fn rewriting_twice_changes_nothing_more(parts in parts()) {
        if let Ok(once) = served(&card(&parts)) {
            prop_assert_eq!(served(&once), Ok(once));
        }
    }
}
