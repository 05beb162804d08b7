//! What an answer or an event says, for telemetry. Tolerant: what cannot be read is simply not known.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use super::reason::json_rpc_code;
use super::text::string;

#[cfg(test)]
mod tests;

/// The state of a task, in any version's spelling.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TaskState {
    /// Received.
    Submitted,
    /// Under way.
    Working,
    /// Done.
    Completed,
    /// Ended with an error.
    Failed,
    /// Ended by request.
    Canceled,
    /// Waits for the caller.
    InputRequired,
    /// The agent declined it.
    Rejected,
    /// Waits for a credential.
    AuthRequired,
    /// Unspecified, or a state that A2A does not define.
    Unknown,
}

impl TaskState {
    /// Reads `completed`, `TASK_STATE_COMPLETED` and the like.
    pub fn parse(text: &str) -> Self {
        match text {
            "submitted" | "TASK_STATE_SUBMITTED" => Self::Submitted,
            "working" | "TASK_STATE_WORKING" => Self::Working,
            "completed" | "TASK_STATE_COMPLETED" => Self::Completed,
            "failed" | "TASK_STATE_FAILED" => Self::Failed,
            "canceled" | "cancelled" | "TASK_STATE_CANCELED" | "TASK_STATE_CANCELLED" => Self::Canceled,
            "input-required" | "TASK_STATE_INPUT_REQUIRED" => Self::InputRequired,
            "rejected" | "TASK_STATE_REJECTED" => Self::Rejected,
            "auth-required" | "TASK_STATE_AUTH_REQUIRED" => Self::AuthRequired,
            _ => Self::Unknown,
        }
    }

    /// The name in logs and metrics: the spelling of 0.3.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Submitted => "submitted",
            Self::Working => "working",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
            Self::InputRequired => "input-required",
            Self::Rejected => "rejected",
            Self::AuthRequired => "auth-required",
            Self::Unknown => "unknown",
        }
    }

    /// Whether the task cannot go on.
    pub const fn is_terminal(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled | Self::Rejected)
    }
}

/// What an answer or an event says. Borrows from it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outcome<'a> {
    /// The id as raw JSON text.
    pub id: Option<&'a str>,
    /// `error.code` of JSON-RPC; in HTTP+JSON the same code by the error's reason, else its own.
    pub error_code: Option<i64>,
    /// The task.
    pub task_id: Option<Cow<'a, str>>,
    /// The context.
    pub context_id: Option<Cow<'a, str>>,
    /// The state of the task.
    pub state: Option<TaskState>,
}

/// Reads a JSON-RPC answer, or the data of an event. `None`: it is not JSON-RPC.
pub fn read_json_rpc(body: &[u8]) -> Option<Outcome<'_>> {
    let answer: Facts<'_> = serde_json::from_str(std::str::from_utf8(body).ok()?).ok()?;
    if !answer.is_json_rpc {
        return None;
    }
    Some(answer.into_outcome())
}

/// Reads an answer or event of the HTTP+JSON binding: the result itself, `{"error": …}`, or the bare error of 0.3. `None`:
/// it is not JSON.
pub fn read_http_json(body: &[u8]) -> Option<Outcome<'_>> {
    let mut reader = serde_json::Deserializer::from_str(std::str::from_utf8(body).ok()?);
    let answer = Reader::inside(MAX_WRAPPERS).deserialize(&mut reader).ok()?;
    reader.end().ok()?;
    Some(answer.into_outcome())
}

/// The members of an answer, its result, a task, a message and an event, whichever of these an object is.
#[derive(Default)]
struct Facts<'a> {
    is_json_rpc: bool,
    raw_id: Option<&'a str>,
    error_code: Option<i64>,
    /// The code that goes with the reason of an `ErrorInfo`.
    reason_code: Option<i64>,
    task_id: Option<Cow<'a, str>>,
    context_id: Option<Cow<'a, str>>,
    state: Option<TaskState>,
    has_status: bool,
    inner: Option<Box<Self>>,
}

impl<'a> Facts<'a> {
    fn into_outcome(self) -> Outcome<'a> {
        let id = if self.is_json_rpc { self.raw_id } else { None };
        let error_code = self.reason_code.or(self.error_code);
        let mut innermost = self;
        while let Some(inner) = innermost.inner.take() {
            innermost = *inner;
        }
        // Only a task has its own id beside a status; an event and a message name theirs `taskId`.
        let own =
            innermost.raw_id.filter(|_| innermost.has_status && !innermost.is_json_rpc).and_then(string);
        Outcome {
            id,
            error_code,
            task_id: innermost.task_id.or(own),
            context_id: innermost.context_id,
            state: innermost.state,
        }
    }
}

enum Member {
    Jsonrpc,
    Id,
    Error,
    Code,
    Details,
    Reason,
    /// A wrapper around what matters: `result`, `task`, `message` (or `msg`, its name in 0.3's protocol buffers), `statusUpdate`,
    /// `artifactUpdate`.
    Wrapper,
    TaskId,
    ContextId,
    Status,
    State,
    Other,
}

impl<'de> Deserialize<'de> for Member {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_identifier(MemberVisitor)
    }
}

struct MemberVisitor;

impl Visitor<'_> for MemberVisitor {
    type Value = Member;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("a member name")
    }

    fn visit_str<E>(self, name: &str) -> Result<Member, E> {
        Ok(match name {
            "jsonrpc" => Member::Jsonrpc,
            "id" => Member::Id,
            "error" => Member::Error,
            "code" => Member::Code,
            "details" => Member::Details,
            "reason" => Member::Reason,
            "result" | "task" | "message" | "msg" | "statusUpdate" | "status_update" | "artifactUpdate"
            | "artifact_update" => Member::Wrapper,
            "taskId" | "task_id" => Member::TaskId,
            "contextId" | "context_id" | "sessionId" => Member::ContextId,
            "status" => Member::Status,
            "state" => Member::State,
            _ => Member::Other,
        })
    }
}

/// `result` around `statusUpdate` or the like is the most that any version nests.
const MAX_WRAPPERS: u8 = 2;

impl<'de: 'a, 'a> Deserialize<'de> for Facts<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Reader { wrappers: MAX_WRAPPERS, answer: PhantomData })
    }
}

/// Reads an object's facts; anything but an object has none.
struct Reader<'a> {
    /// How many more wrappers to look into.
    wrappers: u8,
    answer: PhantomData<&'a ()>,
}

impl Reader<'_> {
    const fn inside(wrappers: u8) -> Self {
        Self { wrappers, answer: PhantomData }
    }
}

impl<'de: 'a, 'a> DeserializeSeed<'de> for Reader<'a> {
    type Value = Facts<'a>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Facts<'a>, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de: 'a, 'a> Visitor<'de> for Reader<'a> {
    type Value = Facts<'a>;

    fn expecting(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str("JSON")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Facts<'a>, A::Error> {
        let mut facts = Facts::default();
        while let Some(member) = map.next_key::<Member>()? {
            match member {
                Member::Jsonrpc => facts.is_json_rpc = raw(&mut map)? == "\"2.0\"",
                Member::Id => facts.raw_id = Some(raw(&mut map)?),
                Member::Error => {
                    let error = map.next_value_seed(Reader::inside(0))?;
                    (facts.error_code, facts.reason_code) = (error.error_code, error.reason_code);
                }
                Member::Code => facts.error_code = raw(&mut map)?.parse().ok(),
                Member::Details => facts.reason_code = map.next_value_seed(Reader::inside(0))?.reason_code,
                Member::Reason => {
                    facts.reason_code = string(raw(&mut map)?).and_then(|reason| json_rpc_code(&reason));
                }
                Member::TaskId => facts.task_id = string(raw(&mut map)?),
                Member::ContextId => facts.context_id = string(raw(&mut map)?),
                Member::Status => {
                    facts.has_status = true;
                    facts.state = map.next_value_seed(Reader::inside(0))?.state;
                }
                Member::State => facts.state = string(raw(&mut map)?).map(|state| TaskState::parse(&state)),
                Member::Wrapper if self.wrappers > 0 => {
                    let inner = map.next_value_seed(Reader::inside(self.wrappers - 1))?;
                    facts.inner = Some(Box::new(inner));
                }
                Member::Wrapper | Member::Other => drop(map.next_value::<IgnoredAny>()?),
            }
        }
        Ok(facts)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Facts<'a>, A::Error> {
        // Of the details of an error, the first with a reason counts.
        let mut facts = Facts::default();
        while let Some(element) = seq.next_element_seed(Reader::inside(0))? {
            facts.reason_code = facts.reason_code.or(element.reason_code);
        }
        Ok(facts)
    }

    fn visit_str<E>(self, _: &str) -> Result<Facts<'a>, E> {
        Ok(Facts::default())
    }

    fn visit_bool<E>(self, _: bool) -> Result<Facts<'a>, E> {
        Ok(Facts::default())
    }

    fn visit_i64<E>(self, _: i64) -> Result<Facts<'a>, E> {
        Ok(Facts::default())
    }

    fn visit_u64<E>(self, _: u64) -> Result<Facts<'a>, E> {
        Ok(Facts::default())
    }

    fn visit_f64<E>(self, _: f64) -> Result<Facts<'a>, E> {
        Ok(Facts::default())
    }

    fn visit_unit<E>(self) -> Result<Facts<'a>, E> {
        Ok(Facts::default())
    }
}

fn raw<'de, A: MapAccess<'de>>(map: &mut A) -> Result<&'de str, A::Error> {
    map.next_value::<&'de RawValue>().map(RawValue::get)
}
