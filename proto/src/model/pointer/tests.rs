use proptest::prelude::*;

use super::*;

fn tokens(text: &str) -> Option<Vec<String>> {
    let pointer = JsonPointer::parse(text, &FieldPath::root()).ok()?;
    Some(pointer.tokens().iter().map(ToString::to_string).collect())
}

#[test]
fn escapes_are_those_of_the_rfc() {
    assert_eq!(tokens("/skill").unwrap(), ["skill"]);
    assert_eq!(tokens("/a~1b/m~0n//0").unwrap(), ["a/b", "m~n", "", "0"]);
    // RFC 6901 §4: ~01 is ~1, not a slash.
    assert_eq!(tokens("/~01").unwrap(), ["~1"]);
    assert_eq!(tokens("/").unwrap(), [""]);
    for bad in ["", "skill", "#/skill", "/a~", "/a~2", "/~", "/a~é"] {
        assert_eq!(tokens(bad), None, "{bad}");
    }
    assert_eq!(tokens(&format!("/{}", "x".repeat(600))), None);
}

#[test]
fn a_selector_names_a_place() {
    let read = |metadata: &[&str], parts: &[&str]| {
        let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect();
        let wire = wire::SkillSelector { message_metadata: texts(metadata), data_parts: texts(parts) };
        let mut wrong = Violations::new();
        SkillSelector::from_wire(wire, &FieldPath::root().field("skill_selector"), &mut wrong);
        wrong.iter().map(|v| (v.field.to_string(), v.reason)).collect::<Vec<_>>()
    };
    assert_eq!(read(&["/skill"], &[]), []);
    assert_eq!(read(&[], &["/a/b"]), []);
    assert_eq!(read(&[], &[]), [("skill_selector".to_owned(), "REQUIRED")]);
    assert_eq!(
        read(&["/a", "/a"], &["a"]),
        [
            ("skill_selector.message_metadata[1]".to_owned(), "DUPLICATE"),
            ("skill_selector.data_parts[0]".to_owned(), "INVALID_POINTER"),
        ]
    );
}

proptest! {
    #[test]
    fn what_is_escaped_comes_back(names in prop::collection::vec("[a-z~/é]{0,4}", 1..4)) {
        let escaped: String =
            names.iter().map(|name| format!("/{}", name.replace('~', "~0").replace('/', "~1"))).collect();
        prop_assert_eq!(tokens(&escaped), Some(names));
    }

    #[test]
    fn any_text_is_a_pointer_or_not(text in "\\PC{0,20}|[/~01a]{0,20}") {
        let _ = tokens(&text);
    }
}
