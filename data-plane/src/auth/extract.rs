//! Which headers of a request carry a key.

use http::header::{AUTHORIZATION, HeaderMap, HeaderName, HeaderValue};
use signalbox_proto::key::TokenKind;
use smallvec::SmallVec;

use super::decide::Denied;

/// Whether a token was made by Signalbox, by its looks. Such a token is the gateway's own and never reaches an agent.
fn is_own(token: &[u8]) -> bool {
    TokenKind::ALL.iter().any(|kind| token.starts_with(kind.prefix().as_bytes()))
}

/// Headers that carried the gateway's credential and are not sent on.
pub type Consumed = SmallVec<[HeaderName; 2]>;

/// A token in a request.
#[derive(Debug)]
pub(super) struct Presented<'h> {
    pub(super) token: &'h [u8],
    /// Whether it must be a key of the gateway, by its looks or by its header. Anything else may be the agent's own.
    pub(super) ours: bool,
    pub(super) consumed: Consumed,
}

/// Finds the key. `headers` are those that the agent's plans read besides `Authorization`; where there are none, a
/// key that looks like one of the gateway's is still found in the usual places.
///
/// # Errors
///
/// A header that occurs twice, or two different keys: which of them counts would be anybody's guess.
pub(super) fn presented<'h>(
    request: &'h HeaderMap,
    headers: &[&HeaderName],
    fallback: &HeaderName,
) -> Result<Option<Presented<'h>>, Denied> {
    let bearer = single(request, &AUTHORIZATION)?.and_then(bearer);
    let mut found = None;
    if let Some(token) = bearer.filter(|token| is_own(token)) {
        add(&mut found, token, &AUTHORIZATION)?;
    }
    for header in headers {
        if let Some(value) = single(request, header)? {
            add(&mut found, value.as_bytes().trim_ascii(), header)?;
        }
    }
    if headers.is_empty()
        && let Some(value) = request.get(fallback).filter(|value| is_own(value.as_bytes().trim_ascii()))
    {
        add(&mut found, value.as_bytes().trim_ascii(), fallback)?;
    }
    if let Some(found) = &mut found
        && bearer == Some(found.token)
        && !found.consumed.contains(&AUTHORIZATION)
    {
        // The same key once more, which need not look like one of ours.
        found.consumed.push(AUTHORIZATION);
    }
    let foreign =
        |token| Presented { token, ours: false, consumed: std::iter::once(AUTHORIZATION).collect() };
    Ok(found.or_else(|| bearer.map(foreign)))
}

fn add<'h>(found: &mut Option<Presented<'h>>, token: &'h [u8], header: &HeaderName) -> Result<(), Denied> {
    match found {
        Some(held) if held.token != token => return Err(Denied::ConflictingCredentials),
        Some(held) => held.consumed.push(header.clone()),
        None => {
            *found =
                Some(Presented { token, ours: true, consumed: std::iter::once(header.clone()).collect() });
        }
    }
    Ok(())
}

fn single<'h>(request: &'h HeaderMap, header: &HeaderName) -> Result<Option<&'h HeaderValue>, Denied> {
    let mut values = request.get_all(header).iter();
    let first = values.next();
    if values.next().is_some() { Err(Denied::ConflictingCredentials) } else { Ok(first) }
}

/// The token of `Bearer {token}`; the scheme in any case (RFC 9110 §11.1).
fn bearer(value: &HeaderValue) -> Option<&[u8]> {
    let (scheme, token) = value.as_bytes().split_at_checked(6)?;
    let token = scheme.eq_ignore_ascii_case(b"bearer").then_some(token)?;
    token.first().filter(|byte| byte.is_ascii_whitespace()).map(|_| token.trim_ascii())
}
