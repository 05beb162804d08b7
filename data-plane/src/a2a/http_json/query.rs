//! What a query says, and the query that goes on.

use std::borrow::Cow;

use super::super::version::A2A_VERSION;
use crate::http::query;

/// The context that ListTasks asks for, if the query names one and no other.
pub fn context_id(raw_query: &str) -> Option<Cow<'_, str>> {
    let mut named = query::values(raw_query, "contextId").chain(query::values(raw_query, "context_id"));
    let first = named.next()??;
    named.all(|other| other.as_deref() == Some(&*first)).then_some(first)
}

/// The query less the version, which goes on as a header; the rest as it came. `None` when nothing is left.
pub fn without_version(raw_query: &str) -> Option<Cow<'_, str>> {
    let names_version = |pair: &&str| query::values(pair, A2A_VERSION.as_str()).next().is_some();
    if !raw_query.split('&').any(|pair| names_version(&pair)) {
        return if raw_query.is_empty() { None } else { Some(Cow::Borrowed(raw_query)) };
    }
    let kept = raw_query.split('&').filter(|pair| !names_version(pair)).collect::<Vec<_>>().join("&");
    if kept.is_empty() { None } else { Some(Cow::Owned(kept)) }
}
