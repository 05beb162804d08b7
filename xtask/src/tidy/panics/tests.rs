use super::{Source, check};

fn found(text: &str) -> Vec<(usize, &'static str)> {
    check(&[Source::new("proto/src/a.rs", text)]).iter().map(|found| (found.line, found.rule)).collect()
}

#[test]
fn unsafe_is_found_even_in_tests() {
    assert_eq!(found("fn f() {\n    unsafe { g() }\n}"), [(2, "no-unsafe")]);
    assert_eq!(found("#[cfg(test)]\nmod tests { unsafe fn f() {} }"), [(2, "no-unsafe")]);
    assert!(found("#![forbid(unsafe_code)] // unsafe\nconst A: &str = \"unsafe\";").is_empty());
}

#[test]
fn calls_that_panic_are_found_outside_tests() {
    assert_eq!(
        found("fn f() {\n    a.unwrap();\n    b\n        .expect(\"c\");\n}"),
        [(2, "no-panic"), (4, "no-panic")]
    );
    assert!(found("#[cfg(test)]\nmod tests { fn f() { a.unwrap() } }").is_empty());
    assert!(found("fn f() { a.unwrap_or_default(); expect(b); }").is_empty());
}

#[test]
fn a_stated_invariant_covers_its_item_and_no_more() {
    let text = "#[expect(clippy::expect_used, reason = \"just checked\")]\nfn f() { a.expect(\"b\"); }\nfn g() {\n a.expect(\"b\");\n}";
    assert_eq!(found(text), [(4, "no-panic")]);
    let other = "#[expect(clippy::panic, reason = \"x\")]\nfn f() { a.expect(\"b\"); }";
    assert_eq!(found(other), [(2, "no-panic")]);
    let file_wide = "#![expect(clippy::expect_used, reason = \"x\")]\nfn f() { a.expect(\"b\"); }";
    assert_eq!(found(file_wide), [(2, "no-panic")]);
}
