use super::*;

#[test]
fn names_are_found_in_every_place_and_spelling() {
    let send = r#"{"message":{"taskId":"t","contextId":"c","reference_task_ids":["r","\u0073"],
        "parts":[{"data":{"taskId":"payload"}}],"metadata":{"taskId":"payload"}},
        "configuration":{"taskPushNotificationConfig":{"task_id":"p","authentication":{"name":"no"}}},"sessionId":"s",
        "metadata":{"contextId":"payload"}}"#;
    let names = read(send).unwrap();
    assert_eq!(names.tasks, ["t", "r", "s", "p"]);
    assert_eq!(names.contexts, ["c", "s"]);
    assert!(names.resources.is_empty() && names.id.is_none());

    let create =
        r#"{"id":"i","parent":"tasks/t","config":{"name":"tasks/u/x","pushNotificationConfig":{"id":"no"}}}"#;
    let names = read(create).unwrap();
    assert_eq!(
        (names.id.as_deref(), names.resources),
        (Some("i"), vec!["tasks/t".into(), "tasks/u/x".into()])
    );
}

#[test]
fn what_names_nothing_is_left_out_and_what_is_no_text_refused() {
    assert_eq!(
        read(r#"{"taskId":null,"message":{"contextId":"","referenceTaskIds":null}}"#).unwrap(),
        Names::default()
    );
    for wrong in [r#"{"taskId":7}"#, r#"{"a":{"TASK_ID":{}}}"#, r#"{"message":{"referenceTaskIds":"t"}}"#] {
        assert_eq!(read(wrong).unwrap_err().code(), Code::InvalidParams, "{wrong}");
    }
}
