use super::*;

fn entry(id: &str, group: &str, result: &str) -> Entry {
    Entry {
        id: id.to_owned(),
        group: group.to_owned(),
        level: "M".to_owned(),
        statement: format!("Statement {id}."),
        result: result.to_owned(),
        evidence: "seen".to_owned(),
        intended: vec!["urls".to_owned()],
    }
}

#[test]
fn statements_stand_below_their_groups_and_differences_name_who_met_them() {
    let entries =
        [entry("C1", "Cards", "pass"), entry("C2", "Cards", "later"), entry("V1", "Versions", "fail")];
    let intended = [Intended {
        name: "urls".to_owned(),
        what: "addresses".to_owned(),
        reason: "they lead here".to_owned(),
    }];
    let page = markdown(&entries, &intended);
    assert_eq!(page.matches("\n## Cards\n").count(), 1);
    assert!(page.contains("| C2 | M | Statement C2. | later | seen |\n\n## Versions\n"), "{page}");
    assert!(page.ends_with("| addresses | they lead here | C1, C2, V1 |\n"), "{page}");
}
