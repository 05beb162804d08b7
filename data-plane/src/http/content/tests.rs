use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};

use super::{check_json_body, is_event_stream};
use crate::error::Code;

fn with_type(value: &'static str) -> HeaderMap {
    HeaderMap::from_iter([(CONTENT_TYPE, HeaderValue::from_static(value))])
}

#[test]
fn json_in_its_spellings_is_accepted() {
    for value in [
        "application/json",
        "application/a2a+json",
        "Application/JSON; charset=UTF-8",
        "application/json;charset=\"utf-8\"; x=y",
        "application/vnd.x+json",
    ] {
        assert!(check_json_body(&with_type(value)).is_ok(), "{value}");
    }
}

#[test]
fn other_types_are_refused() {
    for value in
        ["", "text/plain", "application/jsonx", "text/json", "application/json; charset=utf-16", "json"]
    {
        assert_eq!(
            check_json_body(&with_type(value)).unwrap_err().code(),
            Code::UnsupportedMediaType,
            "{value}"
        );
    }
    assert_eq!(check_json_body(&HeaderMap::new()).unwrap_err().code(), Code::UnsupportedMediaType);
    let mut twice = with_type("application/json");
    twice.append(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    assert_eq!(check_json_body(&twice).unwrap_err().code(), Code::UnsupportedMediaType);
}

#[test]
fn encoded_bodies_are_refused() {
    for (value, accepted) in [("gzip", false), ("identity", true), ("", true), ("identity, gzip", false)] {
        let mut headers = with_type("application/json");
        headers.insert(CONTENT_ENCODING, HeaderValue::from_static(value));
        let code = check_json_body(&headers).map_err(|error| error.code());
        assert_eq!(code, if accepted { Ok(()) } else { Err(Code::UnsupportedEncoding) }, "{value}");
    }
}

#[test]
fn event_streams_are_known_by_their_type() {
    assert!(is_event_stream(&with_type("text/event-stream; charset=utf-8")));
    assert!(is_event_stream(&with_type("Text/Event-Stream")));
    assert!(!is_event_stream(&with_type("text/event-streams")));
    assert!(!is_event_stream(&HeaderMap::new()));
}
