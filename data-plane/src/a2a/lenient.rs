//! Messages in common but wrong forms, put right where an agent asks for it: a `content` that is a text, parts that have
//! a `type`.
//!
//! Only what no version of the caller's binding allows is changed, and only in the message; the rest of the body stays
//! byte for byte. What comes out is the form of the version that the caller speaks.

use std::borrow::Cow;

use super::call::Binding;
use super::card::{Edit, Object, array, elements, quote};
use super::duplicate;
use super::operation::Naming;
use super::policy;
use super::text::string;
use crate::error::GatewayError;

#[cfg(test)]
mod tests;

/// How a version writes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// 0.2 and 0.3 in JSON-RPC: parts have a `kind`.
    V03,
    /// 0.3 in HTTP+JSON, which is protobuf JSON: parts are the `content`.
    V03Proto,
    /// 1.0: a part is what it holds.
    V10,
}

impl Form {
    /// 0.1 writes `type` itself.
    fn of(binding: Binding, naming: Option<Naming>) -> Option<Self> {
        match (binding, naming?) {
            (Binding::JsonRpc, Naming::V03) => Some(Self::V03),
            (Binding::HttpJson, Naming::V03) => Some(Self::V03Proto),
            (Binding::JsonRpc | Binding::HttpJson, Naming::V10) => Some(Self::V10),
            (_, Naming::V01) | (Binding::Grpc, _) => None,
        }
    }

    const fn parts(self) -> &'static str {
        match self {
            Self::V03 | Self::V10 => "parts",
            Self::V03Proto => "content",
        }
    }

    const fn user(self) -> &'static str {
        match self {
            Self::V03 => "user",
            Self::V03Proto | Self::V10 => "ROLE_USER",
        }
    }
}

/// The body of a send with its message put right; `None` where there is nothing to do. `message_id` makes an id for a
/// message that has none.
///
/// # Errors
/// A body that has not been classified.
pub fn mend(
    binding: Binding,
    naming: Option<Naming>,
    body: &[u8],
    message_id: impl FnOnce() -> String,
) -> Result<Option<Vec<u8>>, GatewayError> {
    let Some(form) = Form::of(binding, naming) else { return Ok(None) };
    let Some(raw) = policy::params(binding, body)? else { return Ok(None) };
    let params = Object::parse(raw)?;
    let message = match params.get("message")? {
        None if form == Form::V03Proto => params.get("request")?,
        message => message,
    };
    let Some(message) = message.filter(|message| message.starts_with('{')) else { return Ok(None) };
    let Some(mended) = mend_message(form, message, message_id)? else { return Ok(None) };
    let mended = splice(body, message, &mended);
    // What was put in must not meet a member in a spelling that only some readers take for it.
    let is_clear =
        |body: &Vec<u8>| std::str::from_utf8(body).is_ok_and(|text| duplicate::check(text).is_ok());
    Ok(mended.filter(is_clear))
}

/// The body with `part`, which is borrowed from it, replaced.
fn splice(body: &[u8], part: &str, by: &str) -> Option<Vec<u8>> {
    let start = part.as_ptr().addr().checked_sub(body.as_ptr().addr())?;
    let (before, after) = (body.get(..start)?, body.get(start + part.len()..)?);
    Some([before, by.as_bytes(), after].concat())
}

fn mend_message(
    form: Form,
    raw: &str,
    message_id: impl FnOnce() -> String,
) -> Result<Option<String>, GatewayError> {
    let mut message = Object::parse(raw)?;
    let text = message.get_set("content")?.filter(|content| content.starts_with('"'));
    let has_parts = form.parts() != "content" && message.get_set("parts")?.is_some();
    if let Some(text) = text.filter(|_| !has_parts) {
        let parts = match form {
            Form::V03 => format!("[{{\"kind\":\"text\",\"text\":{text}}}]"),
            Form::V03Proto | Form::V10 => format!("[{{\"text\":{text}}}]"),
        };
        if form.parts() != "content" {
            message.remove("content");
        }
        message.set(form.parts(), parts);
        complete(form, &mut message, message_id)?;
        return Ok(Some(message.to_json()));
    }
    let Some(parts) = message.get_set(form.parts())?.filter(|parts| parts.starts_with('[')) else {
        return Ok(None);
    };
    let parts = elements(parts)?;
    let mended = parts.iter().map(|part| mend_part(form, part)).collect::<Result<Vec<_>, _>>()?;
    if mended.iter().all(Option::is_none) {
        return Ok(None);
    }
    let parts = parts.iter().zip(&mended).map(|(part, mended)| mended.as_deref().unwrap_or(part));
    let parts = array(&parts.collect::<Vec<_>>());
    message.set(form.parts(), parts);
    Ok(Some(message.to_json()))
}

/// Gives a message that had only a text what it must have besides.
fn complete(
    form: Form,
    message: &mut Object<'_>,
    message_id: impl FnOnce() -> String,
) -> Result<(), GatewayError> {
    if message.get_set("messageId")?.is_none_or(|id| id == "\"\"") {
        message.set("messageId", quote(&message_id()));
    }
    let role = match message.get_set("role")?.and_then(string).as_deref() {
        None | Some("user" | "ROLE_USER") => Some(form.user()),
        Some("agent" | "ROLE_AGENT") => Some(if form == Form::V03 { "agent" } else { "ROLE_AGENT" }),
        // Somebody else's: the agent says what it thinks of it.
        Some(_) => None,
    };
    if let Some(role) = role {
        message.set("role", quote(role));
    }
    Ok(())
}

/// A part with a `type` in the version's own form; `None` for one that is right, or nothing that can be put right.
fn mend_part(form: Form, raw: &str) -> Result<Option<String>, GatewayError> {
    if !raw.starts_with('{') {
        return Ok(None);
    }
    let mut part = Object::parse(raw)?;
    let Some(kind) = part.get_set("type")?.and_then(string).map(Cow::into_owned) else { return Ok(None) };
    if form == Form::V03 {
        if part.has("kind") || !matches!(kind.as_str(), "text" | "file" | "data") {
            return Ok(None);
        }
        part.rename("type", "kind");
        return Ok(Some(part.to_json()));
    }
    match kind.as_str() {
        "text" => {}
        "data" if form == Form::V10 => {}
        "data" => nest_data(&mut part)?,
        "file" => unfold_file(form, &mut part)?,
        _ => return Ok(None),
    }
    part.remove("type");
    part.remove("kind");
    Ok(Some(part.to_json()))
}

/// Protobuf JSON of 0.3 holds the data of a part one level deeper.
fn nest_data(part: &mut Object<'_>) -> Result<(), GatewayError> {
    if let Some(data) = part.get_set("data")?.map(str::to_owned) {
        part.set("data", format!("{{\"data\":{data}}}"));
    }
    Ok(())
}

/// 1.0 has no `file`: its contents and names are members of the part. Protobuf JSON of 0.3 names them otherwise.
fn unfold_file(form: Form, part: &mut Object<'_>) -> Result<(), GatewayError> {
    let Some(raw) = part.get_set("file")?.filter(|file| file.starts_with('{')).map(str::to_owned) else {
        return Ok(());
    };
    let mut file = Object::parse(&raw)?;
    if form == Form::V03Proto {
        file.rename("bytes", "fileWithBytes");
        file.rename("uri", "fileWithUri");
        part.set("file", file.to_json());
        return Ok(());
    }
    let mut unfolded = Vec::new();
    file.try_edit(|name, value| {
        let name = match name {
            "bytes" | "fileWithBytes" => "raw",
            "uri" | "fileWithUri" => "url",
            "mimeType" | "mime_type" => "mediaType",
            "name" => "filename",
            _ => return Ok(Some(Edit::Keep)),
        };
        if value != "null" {
            unfolded.push((name, value.to_owned()));
        }
        Ok(None)
    })?;
    part.remove("file");
    for (name, value) in unfolded {
        if !part.has(name) {
            part.set(name, value);
        }
    }
    Ok(())
}
