//! The answer that carries a card: validators, what it varies by, how long it may be kept.

use std::time::Duration;

use bytes::Bytes;
use http::header::{
    AGE, AUTHORIZATION, CACHE_CONTROL, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, EXPIRES,
    HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED, VARY,
};
use http::request::Parts;
use http::{Response, StatusCode};
use signalbox_proto::model::plan::Security;

use crate::a2a::card::{DEFAULT_FRESH, ServedCard, is_not_modified};
use crate::a2a::version::A2A_VERSION;
use crate::config::Agent;
use crate::pipeline::enter;

/// Header in which keys are looked for whatever the plans say.
const X_API_KEY: HeaderName = HeaderName::from_static("x-api-key");

/// What the agent said of the bytes that it sent.
const OF_OTHER_BYTES: [&str; 4] = ["digest", "content-digest", "repr-digest", "content-md5"];

/// The card, or 304 for callers that have it.
pub(super) fn response(
    card: &ServedCard,
    fresh_for: Duration,
    agent: &Agent,
    parts: &Parts,
) -> Response<Bytes> {
    let is_known = is_not_modified(&parts.headers, &card.etag);
    let body = if is_known { Bytes::new() } else { card.body.clone() };
    let mut response = Response::new(body);
    let headers = response.headers_mut();
    headers.insert(ETAG, card.etag.clone());
    headers.append(VARY, HeaderValue::from_name(A2A_VERSION));
    if enter::card_is_protected(agent) {
        for name in credential_headers(agent) {
            headers.append(VARY, HeaderValue::from_name(name));
        }
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-cache"));
    } else {
        let seconds = fresh_for.min(DEFAULT_FRESH).as_secs();
        let kept = HeaderValue::try_from(format!("public, max-age={seconds}"));
        headers.insert(CACHE_CONTROL, kept.unwrap_or_else(|_| HeaderValue::from_static("no-cache")));
    }
    if is_known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
    } else {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    response
}

/// Every header by which a caller of this agent may be recognised.
fn credential_headers(agent: &Agent) -> Vec<HeaderName> {
    let mut names = vec![AUTHORIZATION, X_API_KEY];
    for gate in agent.gates() {
        if let Security::ApiKey { header } = &gate.security
            && !names.contains(header)
        {
            names.push(header.clone());
        }
    }
    names
}

/// Makes the head of an answer fit an extended card that was rewritten: nobody else gets it, nothing keeps it.
pub(in crate::pipeline) fn keep_private(headers: &mut HeaderMap) {
    for name in [CONTENT_ENCODING, CONTENT_LENGTH, ETAG, LAST_MODIFIED, EXPIRES, AGE] {
        headers.remove(name);
    }
    for name in OF_OTHER_BYTES {
        headers.remove(name);
    }
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
}
