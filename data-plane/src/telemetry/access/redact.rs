//! What callers send is cut to a length and freed of anything that looks like one of our tokens.

#[cfg(test)]
mod tests;

use std::{borrow::Cow, sync::LazyLock};

use memchr::memmem::Finder;

/// Longest text from outside in a log or an attribute; the rest is cut.
pub(in crate::telemetry) const TEXT_MAX_BYTES: usize = 512;
/// What stands where something was cut.
const CUT: &str = "…";
/// Beginning of every API key and token.
const TOKEN: &str = "sbx_";

static FINDER: LazyLock<Finder<'static>> = LazyLock::new(|| Finder::new(TOKEN));

/// The text as it may be logged.
pub(in crate::telemetry) fn clean(text: &str) -> Cow<'_, str> {
    let short = cut(text);
    // Looked for before the cut too: half a token is still half a secret.
    if short.len() == text.len() && FINDER.find(short.as_bytes()).is_none() {
        return Cow::Borrowed(text);
    }
    let mut cleaned = redact(short);
    if short.len() < text.len() {
        cleaned.push_str(CUT);
    }
    Cow::Owned(cleaned)
}

/// The longest beginning within the limit that ends between two characters.
fn cut(text: &str) -> &str {
    if text.len() <= TEXT_MAX_BYTES {
        return text;
    }
    let end = (0..=TEXT_MAX_BYTES).rev().find(|end| text.is_char_boundary(*end));
    &text[..end.unwrap_or(0)]
}

/// Leaves of every token only its prefix.
fn redact(mut text: &str) -> String {
    let mut redacted = String::with_capacity(text.len());
    while let Some(start) = FINDER.find(text.as_bytes()) {
        let (before, token) = text.split_at(start + TOKEN.len());
        redacted.push_str(before);
        redacted.push_str(CUT);
        text = token.trim_start_matches(|c: char| c.is_ascii_alphanumeric() || c == '_' || c == '-');
    }
    redacted.push_str(text);
    redacted
}
