use super::*;

fn read(operations: &[&str], skills: &[&str]) -> (Permits, Vec<(String, &'static str)>) {
    let mut wrong = Violations::new();
    let texts = |list: &[&str]| list.iter().map(|&text| text.to_owned()).collect::<Vec<_>>();
    let permits = Permits::from_wire(&texts(operations), texts(skills), &FieldPath::root(), &mut wrong);
    (permits, wrong.iter().map(|v| (v.field.to_string(), v.reason)).collect())
}

#[test]
fn operations_come_in_the_order_of_the_specification() {
    let (permits, wrong) = read(&["GetTask", "SendMessage"], &["search", "book"]);
    assert_eq!(wrong, []);
    assert_eq!(permits.operations, ["SendMessage", "GetTask"]);
    assert_eq!(permits.skills, [Arc::from("search"), Arc::from("book")]);
    assert_eq!(read(&[], &[]).0, Permits::default());
}

#[test]
fn names_that_no_call_could_have_are_refused() {
    let (_, wrong) = read(&["message/send", "sendmessage", "GetTask", "GetTask"], &["", "a", "a"]);
    assert_eq!(
        wrong,
        [
            ("skills[0]".to_owned(), "REQUIRED"),
            // The position is that among the skills that are any.
            ("skills[1]".to_owned(), "DUPLICATE"),
            ("operations[0]".to_owned(), "UNKNOWN_OPERATION"),
            ("operations[1]".to_owned(), "UNKNOWN_OPERATION"),
            ("operations[3]".to_owned(), "DUPLICATE"),
        ]
    );
    assert!(advice("sendmessage").contains("SendMessage"));
}
