use super::{Source, item_end, mark_test_modules};

fn code(text: &str) -> String {
    Source::new("data-plane/src/x.rs", text).code
}

#[test]
fn comments_and_literals_are_blanked_in_place() {
    let text = "let a = \"unsafe \\\" x\"; // unsafe\n/* a /* nested */ unsafe */ let b = 'u';";
    let masked = code(text);
    assert_eq!(masked.len(), text.len());
    assert!(!masked.contains("unsafe") && !masked.contains('u'), "{masked}");
    assert!(masked.contains("let b ="), "{masked}");
}

#[test]
fn raw_strings_and_raw_names_are_told_apart() {
    let masked = code("let r#type = br##\"one \"# unsafe\"##; let after = r\"\\\"; let seen = 1;");
    assert!(masked.contains("r#type"), "{masked}");
    assert!(!masked.contains("unsafe"), "{masked}");
    assert!(masked.contains("after") && masked.contains("seen"), "{masked}");
}

#[test]
fn lifetimes_are_not_character_literals() {
    let masked = code("fn f<'a>(x: &'a str) -> char { if x == '\\'' { '\\u{41}' } else { 'é' } }");
    assert!(masked.contains("<'a>") && masked.contains("&'a str"), "{masked}");
    assert!(!masked.contains("41") && !masked.contains('é'), "{masked}");
    assert!(masked.contains("else"), "{masked}");
}

#[test]
fn test_modules_are_marked_and_the_rest_is_not() {
    let text = "fn real() {}\n#[cfg(test)]\nmod tests { fn helper() {} }\nfn after() {}";
    let source = Source::new("proto/src/x.rs", text);
    let offset = |needle: &str| text.find(needle).unwrap();
    assert!(!source.in_test(offset("real")));
    assert!(source.in_test(offset("helper")));
    assert!(!source.in_test(offset("after")));
    assert_eq!(source.line(offset("after")), 4);
}

#[test]
fn a_declared_test_module_ends_at_its_semicolon() {
    let text = "#[cfg(test)]\nmod tests;\nfn real() {}";
    assert!(!Source::new("proto/src/x.rs", text).in_test(text.find("real").unwrap()));
}

#[test]
fn whole_files_of_tests_are_known_by_their_path() {
    for (path, test) in [
        ("data-plane/src/route/tests.rs", true),
        ("data-plane/benches/route.rs", true),
        ("tests/tests/system/main.rs", true),
        ("tests/src/gateway.rs", true),
        ("tests/src/bin/load/main.rs", false),
        ("data-plane/src/route.rs", false),
    ] {
        assert_eq!(Source::new(path, "").is_test_file(), test, "{path}");
    }
}

#[test]
fn items_end_after_their_last_bracket() {
    for (text, end) in [
        ("struct A { b: [u8; 4] } x", "struct A { b: [u8; 4] }"),
        ("let a = f(|x| { x; }); y", "let a = f(|x| { x; });"),
        ("let a = match b { _ => c }.d(); y", "let a = match b { _ => c }.d();"),
        ("mod a; y", "mod a;"),
    ] {
        assert_eq!(&text[..item_end(text, 0)], end);
    }
}

#[test]
fn files_declared_as_modules_of_tests_are_test_files() {
    let mut sources = [
        ("a/src/store/mod.rs", "mod sqlite;\n#[cfg(test)]\npub(crate) mod suite;"),
        ("a/src/store/suite.rs", ""),
        ("a/src/store/suite/parts.rs", ""),
        ("a/src/store/sqlite.rs", "#[cfg(test)]\nmod crash_tests;"),
        ("a/src/store/sqlite/crash_tests.rs", ""),
        ("a/src/store/suites.rs", ""),
    ]
    .map(|(path, text)| Source::new(path, text));
    mark_test_modules(&mut sources);
    let tests: Vec<_> =
        sources.iter().filter(|source| source.is_test_file()).map(|source| source.path.as_str()).collect();
    assert_eq!(
        tests,
        ["a/src/store/suite.rs", "a/src/store/suite/parts.rs", "a/src/store/sqlite/crash_tests.rs"]
    );
}
