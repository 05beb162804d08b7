//! Direct and through-the-gateway outcomes side by side: what differs, and whether it was meant to.

use std::collections::{BTreeMap, BTreeSet};

use base64::{Engine as _, engine::general_purpose::STANDARD_NO_PAD};
use serde_json::{Map, Value, json};
use system_tests::harness::{grpc, http::Response, protobuf};

use crate::{
    intended::{INTENDED, Intended},
    record::Evidence,
};

/// The trailer with a `google.rpc.Status`.
const DETAILS: &str = "grpc-status-details-bin";
/// Characters of a UUID.
const UUID_LENGTH: usize = 36;
/// Seconds since 1970 that are taken for a point in time of a test run.
const TIMES: std::ops::Range<u64> = 1_600_000_000..4_000_000_000;

/// Outcomes compared so far.
#[derive(Default)]
pub(crate) struct Comparison {
    count: usize,
    met: BTreeSet<&'static str>,
    unintended: Vec<String>,
}

impl Comparison {
    /// Compares two outcomes. The topic says which intended differences apply, the label names the probe in a failure.
    pub(crate) fn add(&mut self, topic: &str, label: &str, direct: &Value, through: &Value) {
        self.count += 1;
        let mut differences = Vec::new();
        diff(topic, &normalised(direct), &normalised(through), &mut differences);
        for Difference { path, direct, through } in differences {
            match INTENDED.iter().find(|intended| is_meant(intended, &path, &direct, &through)) {
                Some(intended) => {
                    self.met.insert(intended.name);
                }
                None => self
                    .unintended
                    .push(format!("{label}: {path}\n  direct:  {direct}\n  through: {through}")),
            }
        }
    }

    /// Ends the comparison, which fails if anything differs that was not meant to; gives the number of probes.
    #[track_caller]
    pub(crate) fn finish(self, evidence: &mut Evidence) -> usize {
        assert!(
            self.unintended.is_empty(),
            "{} differences:\n{}",
            self.unintended.len(),
            self.unintended.join("\n")
        );
        evidence.met(self.met);
        self.count
    }
}

fn is_meant(intended: &Intended, path: &str, direct: &Value, through: &Value) -> bool {
    intended.paths.iter().any(|pattern| matches(pattern, path)) && (intended.holds)(direct, through)
}

/// Whether a pattern fits a path; `*` stands for one segment, `**` at the end for any number.
fn matches(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (Some("**"), _) | (None, None) => return true,
            (Some(wanted), Some(found)) if wanted == "*" || wanted == found => (),
            _ => return false,
        }
    }
}

struct Difference {
    path: String,
    direct: Value,
    through: Value,
}

fn diff(path: &str, direct: &Value, through: &Value, found: &mut Vec<Difference>) {
    match (direct, through) {
        (Value::Object(left), Value::Object(right)) => {
            let names: BTreeSet<_> = left.keys().chain(right.keys()).collect();
            for name in names {
                let side = |object: &Map<String, Value>| object.get(name).cloned().unwrap_or_else(absent);
                diff(&format!("{path}/{name}"), &side(left), &side(right), found);
            }
        }
        (Value::Array(left), Value::Array(right)) => {
            for at in 0..left.len().max(right.len()) {
                let side = |list: &[Value]| list.get(at).cloned().unwrap_or_else(absent);
                diff(&format!("{path}/{at}"), &side(left), &side(right), found);
            }
        }
        _ if direct == through => (),
        _ => {
            found.push(Difference { path: path.to_owned(), direct: direct.clone(), through: through.clone() })
        }
    }
}

/// Stands for what one side lacks.
pub(crate) fn absent() -> Value {
    json!("<absent>")
}

/// An answer over HTTP as JSON: status, headers, and body or events.
pub(crate) fn http_outcome(answer: &Response) -> Value {
    let mut headers: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
    for (name, value) in &answer.head.headers {
        headers.entry(name).or_default().push(value);
    }
    let headers: Map<_, _> =
        headers.into_iter().map(|(name, values)| (name.to_owned(), json!(values.join(", ")))).collect();
    let mut outcome = json!({"status": answer.status(), "headers": headers});
    if answer.head.get("content-type").is_some_and(|media| media.starts_with("text/event-stream")) {
        outcome["events"] = Value::Array(events(&answer.text()));
    } else {
        outcome["body"] =
            serde_json::from_slice(&answer.body).unwrap_or_else(|_| Value::String(answer.text()));
    }
    outcome
}

/// The events of a stream, each with its fields; comments are left out.
pub(crate) fn events(text: &str) -> Vec<Value> {
    let mut events = Vec::new();
    let mut fields: Map<String, Value> = Map::new();
    for line in text.lines() {
        match line.split_once(':') {
            None if line.is_empty() => {
                if !fields.is_empty() {
                    events.push(parsed(std::mem::take(&mut fields)));
                }
            }
            Some(("", _)) => (),
            Some((name, value)) => append(&mut fields, name, value.strip_prefix(' ').unwrap_or(value)),
            None => append(&mut fields, line, ""),
        }
    }
    if !fields.is_empty() {
        fields.insert("unfinished".to_owned(), json!(true));
        events.push(Value::Object(fields));
    }
    events
}

fn append(fields: &mut Map<String, Value>, name: &str, value: &str) {
    let entry = fields.entry(name).or_insert_with(|| json!(""));
    let before = entry.as_str().unwrap_or_default();
    *entry = json!(if before.is_empty() { value.to_owned() } else { format!("{before}\n{value}") });
}

fn parsed(mut fields: Map<String, Value>) -> Value {
    let data = fields.get("data").and_then(Value::as_str).and_then(|data| serde_json::from_str(data).ok());
    if let Some(data) = data {
        fields.insert("data".to_owned(), data);
    }
    Value::Object(fields)
}

/// An answer over gRPC as JSON: status, metadata, messages by field number, trailers.
pub(crate) fn grpc_outcome(answer: &grpc::Answer) -> Value {
    let messages: Vec<_> = answer.messages.iter().map(|message| protobuf::read(message)).collect();
    let pairs = |metadata: &grpc::Metadata| -> Map<String, Value> {
        metadata.iter().map(|(name, value)| (name.clone(), json!(value))).collect()
    };
    // An answer without messages may come with or without a body: the caller sees the same.
    let mut trailers = pairs(&answer.trailers);
    let mut headers = pairs(&answer.headers);
    for name in ["grpc-status", "grpc-message", DETAILS] {
        if let Some(value) = headers.remove(name) {
            trailers.insert(name.to_owned(), value);
        }
    }
    // Ids hide in Base64.
    let details = trailers.get(DETAILS).and_then(Value::as_str).map(|text| text.trim_end_matches('='));
    if let Some(details) = details.and_then(|text| STANDARD_NO_PAD.decode(text).ok()) {
        trailers.insert(DETAILS.to_owned(), protobuf::read(&details));
    }
    json!({
        "httpStatus": answer.http_status,
        "metadata": headers,
        "messages": messages,
        "trailers": trailers,
        "reset": answer.reset,
    })
}

/// A value whose generated ids and points in time are replaced by what they are, ids numbered as they first occur.
pub(crate) fn normalised(value: &Value) -> Value {
    let mut ids = Vec::new();
    normalise(value, &mut ids)
}

fn normalise(value: &Value, ids: &mut Vec<String>) -> Value {
    match value {
        Value::String(text) => Value::String(normalise_text(text, ids)),
        Value::Array(list) => Value::Array(list.iter().map(|item| normalise(item, ids)).collect()),
        Value::Object(object) if is_timestamp(object) => json!("<time>"),
        Value::Object(object) => {
            // In the order of names, since the order of members means nothing.
            let sorted: BTreeMap<_, _> = object.iter().collect();
            sorted.into_iter().map(|(name, item)| (name.clone(), normalise(item, ids))).collect()
        }
        other => other.clone(),
    }
}

/// Whether a message is a `google.protobuf.Timestamp` of about now.
fn is_timestamp(object: &Map<String, Value>) -> bool {
    let seconds = object.get("1").and_then(|values| values[0].as_u64());
    seconds.is_some_and(|seconds| TIMES.contains(&seconds))
        && object.keys().all(|key| key == "1" || key == "2")
}

fn normalise_text(text: &str, ids: &mut Vec<String>) -> String {
    let mut made = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        if let Some(id) = rest.get(..UUID_LENGTH).filter(|start| is_uuid(start)) {
            let at = ids.iter().position(|known| known == id).unwrap_or_else(|| {
                ids.push(id.to_owned());
                ids.len() - 1
            });
            made.push_str(&format!("<id {at}>"));
            rest = &rest[UUID_LENGTH..];
        } else if let Some(length) = time_length(rest) {
            made.push_str("<time>");
            rest = &rest[length..];
        } else {
            made.push(first);
            rest = &rest[first.len_utf8()..];
        }
    }
    made
}

fn is_uuid(text: &str) -> bool {
    text.bytes().enumerate().all(|(at, byte)| match at {
        8 | 13 | 18 | 23 => byte == b'-',
        _ => byte.is_ascii_hexdigit(),
    })
}

/// Bytes of the RFC 3339 time that a text begins with.
fn time_length(text: &str) -> Option<usize> {
    let shape = "0000-00-00T00:00:00";
    let start = text.get(..shape.len())?;
    let fits = |(byte, wanted): (u8, u8)| if wanted == b'0' { byte.is_ascii_digit() } else { byte == wanted };
    if !start.bytes().zip(shape.bytes()).all(fits) {
        return None;
    }
    let rest = &text[shape.len()..];
    let tail = rest.find(|letter: char| !letter.is_ascii_digit() && !".:+-Z".contains(letter));
    Some(shape.len() + tail.unwrap_or(rest.len()))
}

#[test]
fn ids_and_times_are_normalised_and_nothing_else() {
    let one =
        json!({"id": "0af76519-16cd-43dd-8448-eb211c80319c", "at": "2026-11-20T09:00:00.123+00:00", "n": 1});
    let two = json!({"at": "2027-01-01T00:00:00Z", "n": 1, "id": "1bf76519-16cd-43dd-8448-eb211c80319c"});
    assert_eq!(normalised(&one), normalised(&two));
    let list = json!(["0af76519-16cd-43dd-8448-eb211c80319c", "task 1bf76519-16cd-43dd-8448-eb211c80319c!"]);
    assert_eq!(normalised(&list), json!(["<id 0>", "task <id 1>!"]));
    assert_eq!(normalised(&json!({"1": [1_700_000_000_u64], "2": [5]})), json!("<time>"));
    assert_eq!(normalised(&json!({"1": [5], "2": [5]})), json!({"1": [5], "2": [5]}));
}

#[test]
fn every_unintended_difference_fails() {
    for (direct, through) in [
        (json!({"status": 200}), json!({"status": 201})),
        (json!({"body": {"a": 1}}), json!({"body": {}})),
        (json!({"events": [1, 2]}), json!({"events": [1]})),
        (json!({"events": [1, 2]}), json!({"events": [2, 1]})),
    ] {
        let mut comparison = Comparison::default();
        comparison.add("call", "probe", &direct, &through);
        assert!(!comparison.unintended.is_empty(), "{direct} and {through}");
    }
    let mut comparison = Comparison::default();
    comparison.add("call", "probe", &json!({"headers": {"date": "a"}}), &json!({"headers": {"date": "b"}}));
    assert_eq!((comparison.unintended.len(), comparison.met.len()), (0, 1));
}
