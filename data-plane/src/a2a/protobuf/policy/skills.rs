//! The skill that a message names: JSON pointers into `google.protobuf.Struct`.

use std::borrow::Cow;

use signalbox_proto::model::pointer::{JsonPointer, SkillSelector};

use crate::a2a::operation::Operation;
use crate::a2a::protobuf::call::Send;
use crate::a2a::protobuf::method::{Method, Package};
use crate::a2a::protobuf::refuse::{Refusal, message, once, text};
use crate::a2a::protobuf::wire::fields;
use crate::error::{Code, GatewayError};

/// `Message.metadata`, in both packages.
const METADATA: u32 = 6;
/// `Message.parts`, `content` in 0.x.
const PARTS: u32 = 5;

/// Every text found where the selector points, repeats kept. A list of texts counts as each of them. Only sends name
/// skills.
///
/// # Errors
/// `InvalidRequest`, `DuplicateKey` or `TooDeep`; `UnsupportedOperation` where the selector points at something else than
/// text, and for methods that the gateway does not know.
pub fn skills<'a>(
    method: Method<'_>,
    request: &'a [u8],
    selector: &SkillSelector,
) -> Result<Vec<Cow<'a, str>>, GatewayError> {
    match method.operation {
        Operation::SendMessage | Operation::SendStreamingMessage => {}
        Operation::Unknown => return Err(Code::UnsupportedOperation.into()),
        _ => return Ok(Vec::new()),
    }
    let mut found = Vec::new();
    let sent = Send::read(method.package, request)?.message.unwrap_or_default();
    let mut metadata = None;
    for field in fields(sent) {
        let field = field.map_err(Refusal::from)?;
        match field.number {
            METADATA => once(&mut metadata, message(field.value)?)?,
            PARTS if !selector.data_parts.is_empty() => {
                let Some(data) = data(method.package, message(field.value)?)? else { continue };
                for pointer in &selector.data_parts {
                    collect(data, pointer, &selector.data_parts, &mut found)?;
                }
            }
            _ => {}
        }
    }
    if let Some(metadata) = metadata {
        for pointer in &selector.message_metadata {
            collect(Node::Object(metadata), pointer, &selector.message_metadata, &mut found)?;
        }
    }
    Ok(found)
}

/// A `google.protobuf.Value`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Node<'a> {
    Object(&'a [u8]),
    List(&'a [u8]),
    Text(&'a str),
    Null,
    /// A number, a bool, or nothing.
    Other,
}

impl<'a> Node<'a> {
    /// A oneof: two members of it are refused, since the last would count.
    fn read(value: &'a [u8]) -> Result<Self, Refusal> {
        let mut node = None;
        for field in fields(value) {
            let field = field?;
            let read = match field.number {
                3 => Self::Text(text(field.value)?),
                5 => Self::Object(message(field.value)?),
                6 => Self::List(message(field.value)?),
                1 => Self::Null,
                2 | 4 => Self::Other,
                _ => continue,
            };
            once(&mut node, read)?;
        }
        Ok(node.unwrap_or(Self::Other))
    }

    fn member(self, name: &str) -> Result<Option<Self>, Refusal> {
        match self {
            Self::Object(object) => member(object, name)?.map(Self::read).transpose(),
            Self::List(list) => element(list, name)?.map(Self::read).transpose(),
            Self::Text(_) | Self::Null | Self::Other => Ok(None),
        }
    }
}

/// A member of a Struct, which is a map: a name that comes twice is refused.
fn member<'a>(object: &'a [u8], name: &str) -> Result<Option<&'a [u8]>, Refusal> {
    let mut found = None;
    for field in fields(object) {
        let field = field?;
        if field.number != 1 {
            continue;
        }
        let (mut key, mut value) = (None, None);
        for field in fields(message(field.value)?) {
            let field = field?;
            match field.number {
                1 => once(&mut key, text(field.value)?)?,
                2 => once(&mut value, message(field.value)?)?,
                _ => {}
            }
        }
        if key.unwrap_or_default() == name {
            once(&mut found, value.unwrap_or_default())?;
        }
    }
    Ok(found)
}

/// An element of a ListValue, by its index in decimal digits.
fn element<'a>(list: &'a [u8], index: &str) -> Result<Option<&'a [u8]>, Refusal> {
    let is_index =
        index == "0" || (!index.starts_with('0') && index.bytes().all(|byte| byte.is_ascii_digit()));
    let Some(index) = index.parse::<usize>().ok().filter(|_| is_index) else { return Ok(None) };
    let mut at = 0;
    for field in fields(list) {
        let field = field?;
        if field.number != 1 {
            continue;
        }
        let value = message(field.value)?;
        if at == index {
            return Ok(Some(value));
        }
        at += 1;
    }
    Ok(None)
}

/// The data of a part, if it is a data part. A part with two contents is refused, since the last would count.
fn data(package: Package, part: &[u8]) -> Result<Option<Node<'_>>, Refusal> {
    let (last_content, data_field) = match package {
        Package::V0 => (3, 3),
        Package::V1 => (4, 4),
    };
    let (mut content, mut data) = (None, None);
    for field in fields(part) {
        let field = field?;
        if field.number > last_content {
            continue;
        }
        once(&mut content, ())?;
        if field.number == data_field {
            data = Some(message(field.value)?);
        }
    }
    let Some(data) = data else { return Ok(None) };
    match package {
        Package::V0 => super::member(data, 1).map(|object| Some(Node::Object(object.unwrap_or_default()))),
        Package::V1 => Node::read(data).map(Some),
    }
}

/// Follows one of the pointers. What is neither text nor null is an error, unless another pointer leads further into it.
fn collect<'a>(
    root: Node<'a>,
    pointer: &JsonPointer,
    all: &[JsonPointer],
    found: &mut Vec<Cow<'a, str>>,
) -> Result<(), GatewayError> {
    let tokens = pointer.tokens();
    let mut node = root;
    for token in tokens {
        match node.member(token)? {
            Some(inner) => node = inner,
            None => return Ok(()),
        }
    }
    let longer = || all.iter().filter_map(|other| other.tokens().strip_prefix(tokens));
    match node {
        Node::Null => {}
        Node::Text(text) => found.push(Cow::Borrowed(text)),
        Node::List(list) => {
            let mut index = 0;
            for field in fields(list) {
                let field = field.map_err(Refusal::from)?;
                if field.number != 1 {
                    continue;
                }
                let leads_on =
                    longer().any(|rest| rest.first().is_some_and(|first| **first == *index.to_string()));
                match Node::read(message(field.value)?)? {
                    _ if leads_on => {}
                    Node::Text(text) => found.push(Cow::Borrowed(text)),
                    _ => return Err(no_text()),
                }
                index += 1;
            }
        }
        Node::Object(_) | Node::Other if longer().any(|rest| !rest.is_empty()) => {}
        Node::Object(_) | Node::Other => return Err(no_text()),
    }
    Ok(())
}

fn no_text() -> GatewayError {
    GatewayError::new(Code::UnsupportedOperation)
        .detail("The plan opens some skills only: name the skill as a text where the agent says.")
}
