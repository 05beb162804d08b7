use super::{Source, check};

fn file(path: &str, lines: usize) -> Source {
    Source::new(path, &"//\n".repeat(lines))
}

#[test]
fn a_long_file_is_found_and_a_long_test_is_allowed_more() {
    let short = || (0..5).map(|_| file("proto/src/short.rs", 10));
    let sources: Vec<_> = short()
        .chain([
            file("proto/src/limit.rs", 600),
            file("proto/src/long.rs", 601),
            file("proto/src/long/tests.rs", 900),
            file("proto/src/longer/tests.rs", 901),
        ])
        .collect();
    let found: Vec<_> = check(&sources).iter().map(ToString::to_string).collect();
    assert_eq!(
        found,
        [
            "proto/src/long.rs:601: 601 lines, at most 600 [file-length]",
            "proto/src/longer/tests.rs:901: 901 lines, at most 900 [file-length]",
        ]
    );
}

#[test]
fn a_long_median_is_found() {
    let sources = [file("a.rs", 10), file("b.rs", 151), file("c.rs", 200)];
    assert_eq!(check(&sources).len(), 1);
    assert!(check(&[file("a.rs", 10), file("b.rs", 150), file("c.rs", 200)]).is_empty());
}
