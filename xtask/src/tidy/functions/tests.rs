use super::{Source, check, functions};

fn with_body(lines: usize) -> String {
    format!(
        "impl A {{\n    fn long() -> [u8; 2] {{\n{}    }}\n}}\nfn short() {{}}\n",
        "        f();\n".repeat(lines)
    )
}

#[test]
fn a_long_function_is_found_with_its_first_line() {
    assert!(check(&[Source::new("proto/src/a.rs", &with_body(68))]).is_empty());
    let found = check(&[Source::new("proto/src/a.rs", &with_body(69))]);
    assert_eq!(found.len(), 1);
    assert_eq!(
        found[0].to_string(),
        "proto/src/a.rs:2: function `long` has 71 lines, at most 70 [function-length]"
    );
}

#[test]
fn function_types_and_prose_are_not_functions() {
    let source = Source::new("a.rs", "type F = fn(u8) -> u8; // fn comment() {\nfn real<'a>(f: fn()) {}");
    let names: Vec<_> = functions(&source).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["real"]);
}
