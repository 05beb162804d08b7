use super::*;

#[test]
fn a_host_loses_its_port_and_nothing_else() {
    for (host, expected) in [
        ("gw.example", "gw.example"),
        ("gw.example:8080", "gw.example"),
        ("[::1]:8080", "[::1]"),
        ("[::1]", "[::1]"),
        ("", ""),
    ] {
        assert_eq!(attribute_text(&names::HOST, host), expected);
    }
    assert_eq!(attribute_text(&names::TASK, "a:1"), "a:1");
}

#[test]
fn the_version_of_http_stands_alone() {
    assert_eq!(attribute_word(&names::HTTP_VERSION, "HTTP/1.1"), "1.1");
    assert_eq!(attribute_word(&names::BINDING, "HTTP+JSON"), "HTTP+JSON");
}

#[test]
fn a_record_becomes_attributes_without_secrets() {
    let record = AccessRecord {
        path: "/a2a/weather?key=hidden",
        a2a_method: "sbx_hidden",
        duration: Duration::from_nanos(1_379_379),
        ..AccessRecord::default()
    };
    let attributes = attributes(&record);
    let of = |name: &str| {
        attributes.iter().find(|found| found.key.as_str() == name).map(|found| found.value.to_string())
    };
    assert_eq!(of("url.path").as_deref(), Some("/a2a/weather"));
    assert_eq!(of("a2a.method").as_deref(), Some("sbx_…"));
    assert_eq!(of("signalbox.duration_ms").as_deref(), Some("1.379"));
    assert!(!attributes.iter().any(|found| found.value.to_string().contains("hidden")));
}
