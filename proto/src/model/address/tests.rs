use proptest::prelude::*;

use super::*;
use crate::model::violation::FieldPath;

fn path(text: &str) -> Option<String> {
    ContextPath::parse(text, &FieldPath::root()).ok().map(|path| path.as_str().to_owned())
}

fn host(text: &str) -> Option<String> {
    HostName::parse(text, &FieldPath::root()).ok().map(|host| host.as_str().to_owned())
}

#[test]
fn context_paths_leave_the_gateways_own_alone() {
    assert_eq!(path("/support/chat/").as_deref(), Some("/support/chat"));
    assert_eq!(path("/a2agent").as_deref(), Some("/a2agent"));
    for bad in [
        "",
        "/",
        "//",
        "support",
        "/a2a",
        "/a2a/x",
        "/.well-known",
        "/.well-known/x",
        "/a//b",
        "/a/../b",
        "/a/.",
        "/a%2f",
        "/a b",
        "/a?b",
    ] {
        assert_eq!(path(bad), None, "{bad:?}");
    }
    assert_eq!(path(&format!("/{}", "x".repeat(256))), None);
}

#[test]
fn hosts_are_plain_lower_case_names() {
    assert_eq!(host("Echo.Agents.Example.").as_deref(), Some("echo.agents.example"));
    for bad in [
        "",
        "echo:80",
        "*.example",
        "127.0.0.1",
        "::1",
        "http://echo",
        "a..b",
        "-a.example",
        "\u{e9}.example",
    ] {
        assert_eq!(host(bad), None, "{bad:?}");
    }
}

proptest! {
    #[test]
    fn normal_forms_are_stable(text in "\\PC{0,20}|/[a-z./~-]{0,20}") {
        if let Some(text) = path(&text) {
            prop_assert_eq!(path(&text), Some(text));
        }
        if let Some(text) = host(&text) {
            prop_assert_eq!(host(&text), Some(text));
        }
    }
}
