//! The grammar of paths, and every way in which a path could be read.

use std::borrow::Cow;

use smallvec::SmallVec;

use super::super::operation::Naming;

/// Most segments of a known path: a tenant, or `v1`, and four more.
const MAX_SEGMENTS: usize = 5;

/// The shape of a path, without tenant and `v1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Form {
    /// `message:send`
    Send,
    /// `message:stream`
    Stream,
    /// `tasks`
    Tasks,
    /// `tasks/{id}`
    Task,
    /// `tasks/{id}:cancel`
    Cancel,
    /// `tasks/{id}:subscribe`
    Subscribe,
    /// `tasks/{id}/pushNotificationConfigs`
    Configs,
    /// `task/{id}/pushNotificationConfigs`
    MistypedConfigs,
    /// `tasks/{id}/pushNotificationConfigs/{id}`
    Config,
    /// `extendedAgentCard`, in 0.3 `card`
    Card,
    /// `agent/authenticatedExtendedCard`
    OldCard,
}

/// One way to read a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Reading {
    pub(super) naming: Naming,
    pub(super) form: Form,
    pub(super) task: Option<Task>,
}

/// Where a path names a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Task {
    /// Index of the segment.
    pub(super) segment: usize,
    /// Bytes of the verb after it, colon included, in the same segment.
    pub(super) verb_bytes: usize,
}

impl Reading {
    /// Whether it says the same of the same task.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.naming == other.naming && self.task == other.task
    }
}

type Segments<T> = SmallVec<[T; MAX_SEGMENTS]>;

/// The segments as they were sent. `None` when there are too many, one is empty, or one has a parameter (`;`), which
/// some servers cut off.
pub(super) fn segments(path: &str) -> Option<Segments<&str>> {
    let mut segments = Segments::new();
    for segment in path.strip_prefix('/')?.split('/') {
        if segment.is_empty() || segment.contains(';') || segments.len() == MAX_SEGMENTS {
            return None;
        }
        segments.push(segment);
    }
    Some(segments)
}

/// The reading of the specification: exact in case, nothing decoded.
pub(super) fn exact(segments: &[&str]) -> Option<Reading> {
    readings(segments, |segment, literal| segment == literal).into_iter().next()
}

/// The readings of all servers: blind to case, decoded. `None` when a segment does not decode.
pub(super) fn loose(segments: &[&str]) -> Option<SmallVec<[Reading; 3]>> {
    let decoded: Segments<Cow<'_, str>> =
        segments.iter().map(|segment| decode(segment)).collect::<Option<_>>()?;
    Some(readings(&decoded, str::eq_ignore_ascii_case))
}

/// All readings; the first is that of the specification. A tenant may be called like anything but `v1`.
fn readings<S: AsRef<str>>(segments: &[S], is: impl Fn(&str, &str) -> bool + Copy) -> SmallVec<[Reading; 3]> {
    let mut readings = SmallVec::new();
    let Some(first) = segments.first().map(AsRef::as_ref) else { return readings };
    if let [_, second] = segments
        && is(first, "agent")
        && is(second.as_ref(), "authenticatedExtendedCard")
    {
        readings.push(Reading { naming: Naming::V03, form: Form::OldCard, task: None });
    }
    if is(first, "v1") {
        readings.extend(form(segments, 1, Naming::V03, is));
    }
    readings.extend(form(segments, 0, Naming::V10, is));
    if is_tenant(first) {
        readings.extend(form(segments, 1, Naming::V10, is));
    }
    readings
}

/// Not `v1` in any spelling, nor the start of `.well-known`.
fn is_tenant(segment: &str) -> bool {
    decode(segment).is_some_and(|tenant| !tenant.eq_ignore_ascii_case("v1") && !tenant.starts_with('.'))
}

/// The form of the segments from `from` on.
fn form<S: AsRef<str>>(
    segments: &[S],
    from: usize,
    naming: Naming,
    is: impl Fn(&str, &str) -> bool,
) -> Option<Reading> {
    let at = |index: usize| segments.get(from + index).map(AsRef::as_ref);
    let plain = |form| Some(Reading { naming, form, task: None });
    let of_task =
        |form, verb_bytes| Some(Reading { naming, form, task: Some(Task { segment: from + 1, verb_bytes }) });
    let card = if naming == Naming::V10 { "extendedAgentCard" } else { "card" };
    let has_configs = || at(2).is_some_and(|segment| is(segment, "pushNotificationConfigs"));
    match (segments.len().saturating_sub(from), at(0)?) {
        (1, first) if is(first, "message:send") => plain(Form::Send),
        (1, first) if is(first, "message:stream") => plain(Form::Stream),
        (1, first) if is(first, card) => plain(Form::Card),
        (1, first) if is(first, "tasks") => plain(Form::Tasks),
        (2, first) if is(first, "tasks") => {
            let (form, verb_bytes) = verb(at(1)?, is);
            of_task(form, verb_bytes)
        }
        (3, first) if is(first, "tasks") && has_configs() => of_task(Form::Configs, 0),
        (3, first) if is(first, "task") && has_configs() && naming == Naming::V03 => {
            of_task(Form::MistypedConfigs, 0)
        }
        (4, first) if is(first, "tasks") && has_configs() => of_task(Form::Config, 0),
        _ => None,
    }
}

/// The verb after the last colon, if it is one; ids may have colons of their own.
fn verb(segment: &str, is: impl Fn(&str, &str) -> bool) -> (Form, usize) {
    match segment.rsplit_once(':') {
        Some((id, verb)) if !id.is_empty() && is(verb, "cancel") => (Form::Cancel, 1 + verb.len()),
        Some((id, verb)) if !id.is_empty() && is(verb, "subscribe") => (Form::Subscribe, 1 + verb.len()),
        _ => (Form::Task, 0),
    }
}

/// A segment with its escapes decoded. `None` when an escape is broken, the result is not UTF-8, or it holds what
/// separates segments or ends strings.
pub(super) fn decode(segment: &str) -> Option<Cow<'_, str>> {
    let decoded = if segment.contains('%') {
        let mut bytes = Vec::with_capacity(segment.len());
        let mut rest = segment.bytes();
        while let Some(byte) = rest.next() {
            bytes.push(if byte == b'%' {
                hex_digit(rest.next()?)? << 4 | hex_digit(rest.next()?)?
            } else {
                byte
            });
        }
        Cow::Owned(String::from_utf8(bytes).ok()?)
    } else {
        Cow::Borrowed(segment)
    };
    let is_odd = matches!(&*decoded, "." | "..") || decoded.contains(['/', '\\', '\0']);
    (!is_odd).then_some(decoded)
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}
