//! Strings and member names of a JSON document, borrowed from it where they hold no escape.

use std::borrow::Cow;
use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, Visitor};

/// A JSON string. Unlike `Cow<str>`, it borrows where it can.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Text<'a>(pub(super) Cow<'a, str>);

impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(TextVisitor).map(Text)
    }
}

struct TextVisitor;

impl<'de> Visitor<'de> for TextVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a string")
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}

/// The text of a raw JSON string. `None` when it is not a string, or not text.
pub(super) fn string(raw: &str) -> Option<Cow<'_, str>> {
    let inner = raw.strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        return serde_json::from_str(raw).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The members that a decision is read from, in requests and answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Key {
    Jsonrpc,
    Method,
    Id,
    Params,
    TaskId,
    ContextId,
    SessionId,
    Message,
    Request,
    Configuration,
    Blocking,
    ReturnImmediately,
    PushConfig,
    Other,
}

impl Key {
    /// camelCase, or the snake_case that the Python and JavaScript servers also read.
    pub(super) fn of(name: &str) -> Self {
        match name {
            "jsonrpc" => Self::Jsonrpc,
            "method" => Self::Method,
            "id" => Self::Id,
            "params" => Self::Params,
            "taskId" | "task_id" => Self::TaskId,
            "contextId" | "context_id" => Self::ContextId,
            "sessionId" | "session_id" => Self::SessionId,
            "message" => Self::Message,
            "request" => Self::Request,
            "configuration" => Self::Configuration,
            "blocking" => Self::Blocking,
            "returnImmediately" | "return_immediately" => Self::ReturnImmediately,
            "pushNotificationConfig"
            | "push_notification_config"
            | "taskPushNotificationConfig"
            | "task_push_notification_config"
            | "pushNotification"
            | "push_notification" => Self::PushConfig,
            _ => Self::Other,
        }
    }
}

/// Names of `Key`, folded: no underscores, lower case.
const FOLDED: [&str; 15] = [
    "jsonrpc",
    "method",
    "id",
    "params",
    "taskid",
    "contextid",
    "sessionid",
    "message",
    "request",
    "configuration",
    "blocking",
    "returnimmediately",
    "pushnotificationconfig",
    "taskpushnotificationconfig",
    "pushnotification",
];

/// One bit for each length that occurs in `FOLDED`.
const FOLDED_LENGTHS: u32 = {
    let mut lengths = 0;
    let mut index = 0;
    while index < FOLDED.len() {
        lengths |= 1 << FOLDED[index].len();
        index += 1;
    }
    lengths
};

/// Whether a lenient reader could take this name, which is none of `Key`, for one of them: Go's `encoding/json` ignores
/// case, with Unicode's simple folding.
fn resembles_a_key(name: &str) -> bool {
    if is_plain(name) {
        let may = name.len() < 32 && FOLDED_LENGTHS >> name.len() & 1 == 1;
        return may && FOLDED.iter().any(|known| name.eq_ignore_ascii_case(known));
    }
    let folded = fold(name);
    FOLDED.iter().any(|known| folded == *known)
}

/// Whether folding changes the case of the name's letters at most.
pub(super) fn is_plain(name: &str) -> bool {
    name.bytes().all(|byte| byte.is_ascii() && byte != b'_')
}

/// The name without underscores and in lower case, as the most lenient reader compares it.
pub(super) fn fold(name: &str) -> String {
    name.chars()
        .filter(|letter| *letter != '_')
        .map(|letter| match letter {
            '\u{17f}' => 's',
            '\u{212a}' => 'k',
            other => other.to_ascii_lowercase(),
        })
        .collect()
}

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(KeyVisitor)
    }
}

struct KeyVisitor;

impl Visitor<'_> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member name")
    }

    fn visit_str<E: Error>(self, name: &str) -> Result<Key, E> {
        match Key::of(name) {
            Key::Other if resembles_a_key(name) => Err(E::custom("a member name in an unknown spelling")),
            key => Ok(key),
        }
    }
}
