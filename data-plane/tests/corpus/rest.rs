//! What must hold for any request of the HTTP+JSON binding. Shared by the fuzz target and the replay of its corpus. The
//! data is a method, a path, a query and a body: the first three end with a line feed.

#![expect(clippy::expect_used, reason = "a failed expectation is the finding")]

use http::Method;
use serde_json::value::RawValue;
use signalbox_data_plane::a2a::http_json::{Route, classify, context_id, read_body, without_version};

/// A path that is taken means the same to servers that decode it, or do not look at its case; an accepted body is one
/// JSON object.
pub(crate) fn request(data: &[u8]) {
    let mut lines = data.splitn(4, |byte| *byte == b'\n');
    let mut next = || lines.next().unwrap_or_default();
    let (method, path, query, body) = (next(), next(), next(), next());
    let Ok(method) = Method::from_bytes(method) else { return };
    let (Ok(path), Ok(query)) = (std::str::from_utf8(path), std::str::from_utf8(query)) else { return };
    let _ = context_id(query);
    if let Some(kept) = without_version(query) {
        assert_eq!(without_version(&kept).as_deref(), Some(&*kept), "what is kept stays");
    }
    let Ok(route) = classify(&method, path) else { return };
    assert!(path.starts_with('/') && !path.contains("//"), "{path:?}");
    let _ = route.task_id(path);
    let decoded = decoded(path);
    for other in [path.to_ascii_lowercase(), decoded.clone(), decoded.to_ascii_lowercase()] {
        assert!(!other.split('/').any(|segment| matches!(segment, "." | "..")), "{path:?}");
        if let Ok(other) = classify(&method, &other) {
            assert_eq!(operation(&other), operation(&route), "{path:?}");
        }
    }
    let Ok(call) = read_body(&route, path, Some(query), body) else { return };
    assert_eq!(call.operation, route.operation);
    let text = std::str::from_utf8(body).expect("accepted bytes are UTF-8");
    if !text.is_empty() {
        let raw: &RawValue = serde_json::from_str(text).expect("accepted bytes are JSON");
        assert!(raw.get().starts_with('{') || raw.get() == "null");
    }
}

fn operation(route: &Route) -> impl PartialEq + std::fmt::Debug {
    (route.operation, route.naming)
}

/// Percent-decoded once, as by a server that decodes before it looks.
fn decoded(path: &str) -> String {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let is_hex = |digits: &&str| digits.bytes().all(|digit| digit.is_ascii_hexdigit());
        match digits.filter(|_| *first == b'%').filter(is_hex) {
            Some(digits) => {
                bytes.push(u8::from_str_radix(digits, 16).expect("they are digits"));
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}
