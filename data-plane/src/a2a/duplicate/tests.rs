use std::fmt;

use proptest::prelude::*;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use super::{Finding, MAX_JSON_DEPTH, check};
use crate::a2a::text::fold;

#[test]
fn names_collide_across_spellings() {
    for json in [
        r#"{"method":1,"method":2}"#,
        r#"{"method":1,"meth\u006fd":2}"#,
        r#"{"taskId":1,"task_id":2}"#,
        r#"{"taskId":1,"TASKID":2}"#,
        r#"{"taskId":1,"ta\u017fkId":2}"#,
        r#"{"tasKId":1,"tas\u212aId":2}"#,
        "{\"taskId\":1,\"ta\u{17f}kId\":2}",
        r#"{"a":1,"b":[{"x":{"id":1,"_id":2}}]}"#,
        r#"{"":1,"":2}"#,
        r#"{"a":{"x":1},"b":2,"a":{}}"#,
        r#"{"k\"":1,"k\"":2}"#,
    ] {
        assert!(matches!(check(json), Err(Finding::Duplicate { .. })), "{json}");
    }
}

#[test]
fn payload_may_use_names_that_differ_in_spelling_only() {
    for json in [
        r#"{"metadata":{"a_b":1,"ab":2,"AB":3}}"#,
        r#"{"parts":[{"data":{"x":[{"M":1,"m":2}]}}]}"#,
        r#"{"metadata":{"data":{"A":1}},"other":{"a":1}}"#,
        r#"{"a":{"id":1},"b":{"id":1},"id":1}"#,
        r#"["a","a",{"a":"a"},{"a":"a"}]"#,
        r#"{"a":"\"a\":1,","b":"{"}"#,
    ] {
        assert_eq!(check(json), Ok(()), "{json}");
    }
}

#[test]
fn payload_may_not_use_a_name_twice() {
    for json in [r#"{"metadata":{"a":1,"a":2}}"#, r#"{"data":[[{"deep":{"é":1,"\u00e9":2}}]]}"#] {
        assert!(matches!(check(json), Err(Finding::Duplicate { .. })), "{json}");
    }
}

#[test]
fn freedom_ends_with_the_payload() {
    let json = r#"{"metadata":{"a":1},"configuration":{"taskId":1,"task_id":1}}"#;
    assert_eq!(check(json), Err(Finding::Duplicate { depth: 2 }));
    let json = r#"{"metadata":"text","x":{"taskId":1,"task_id":1}}"#;
    assert_eq!(check(json), Err(Finding::Duplicate { depth: 2 }));
}

#[test]
fn nesting_is_bounded() {
    let nested = |depth: usize| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
    assert_eq!(check(&nested(MAX_JSON_DEPTH)), Ok(()));
    assert_eq!(check(&nested(MAX_JSON_DEPTH + 1)), Err(Finding::TooDeep));
    let strings = format!("\"{}\"", "[".repeat(500));
    assert_eq!(check(&strings), Ok(()));
}

#[test]
fn large_objects_are_sorted_not_compared_pair_by_pair() {
    let members: Vec<String> = (0..200_000).map(|index| format!("\"k{index}\":0")).collect();
    assert_eq!(check(&format!("{{{}}}", members.join(","))), Ok(()));
    let twice = format!("{{{},\"K77\":0}}", members.join(","));
    assert_eq!(check(&twice), Err(Finding::Duplicate { depth: 1 }));
}

#[test]
fn half_a_surrogate_pair_is_no_name() {
    assert_eq!(check(r#"{"\ud800":1}"#), Err(Finding::UnreadableName));
}

/// The same rule, written plainly over a real parser.
struct Reference {
    is_free: bool,
}

impl<'de> DeserializeSeed<'de> for Reference {
    type Value = bool;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Reference {
    type Value = bool;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut seen = Vec::new();
        let mut twice = false;
        while let Some(name) = map.next_key::<String>()? {
            let is_free = self.is_free || name == "metadata" || name == "data";
            let name = if self.is_free { name } else { fold(&name) };
            twice |= seen.contains(&name);
            seen.push(name);
            twice |= map.next_value_seed(Self { is_free })?;
        }
        Ok(twice)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut twice = false;
        while let Some(found) = seq.next_element_seed(Self { is_free: self.is_free })? {
            twice |= found;
        }
        Ok(twice)
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "taskId",
            "task_id",
            "TASKID",
            "t\\u0061skId",
            "id",
            "i_d",
            "metadata",
            "data",
            "kind",
            "\\ud83d\\ude00",
            "😀",
            "é",
            "\\u00e9",
            "k",
            "\\u212a",
            "\u{212a}",
            "a\\\"b",
            "@",
            "`",
            "[",
            "{",
        ])
        .prop_map(ToOwned::to_owned),
        "[a-z]{1,3}",
    ]
}

fn document() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1".to_owned()),
        Just("true".to_owned()),
        Just("null".to_owned()),
        Just(r#""a\"b{[,:""#.to_owned()),
        Just(r#""\\""#.to_owned()),
    ];
    leaf.prop_recursive(5, 60, 20, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
            prop::collection::vec((name(), inner), 0..20).prop_map(|members| {
                let members: Vec<_> =
                    members.into_iter().map(|(name, value)| format!("\"{name}\" : {value}")).collect();
                format!("{{{}}}", members.join(", "))
            }),
        ]
    })
}

proptest! {
    #[test]
    fn agrees_with_the_plain_rule(json in document()) {
        let mut deserializer = serde_json::Deserializer::from_str(&json);
        let twice = Reference { is_free: false }.deserialize(&mut deserializer).unwrap();
        prop_assert_eq!(check(&json).is_err(), twice, "{}", json);
    }

    #[test]
    fn survives_any_text(text in ".{0,200}") {
        let _ = check(&text);
    }
}
