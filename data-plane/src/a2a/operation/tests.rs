use super::{Naming, Operation};

#[test]
fn canonical_names_are_the_names_of_1_0() {
    for operation in Operation::ALL {
        assert_eq!(Operation::from_json_rpc(operation.name()), (operation, Some(Naming::V10)));
    }
}

#[test]
fn names_of_older_versions_mean_the_same_operations() {
    for (method, operation, naming) in [
        ("tasks/send", Operation::SendMessage, Naming::V01),
        ("message/send", Operation::SendMessage, Naming::V03),
        ("tasks/sendSubscribe", Operation::SendStreamingMessage, Naming::V01),
        ("message/stream", Operation::SendStreamingMessage, Naming::V03),
        ("tasks/resubscribe", Operation::SubscribeToTask, Naming::V03),
        ("tasks/pushNotification/set", Operation::CreateTaskPushNotificationConfig, Naming::V01),
        ("tasks/pushNotificationConfig/delete", Operation::DeleteTaskPushNotificationConfig, Naming::V03),
        ("agent/getAuthenticatedExtendedCard", Operation::GetExtendedAgentCard, Naming::V03),
    ] {
        assert_eq!(Operation::from_json_rpc(method), (operation, Some(naming)), "{method}");
    }
}

#[test]
fn near_misses_are_unknown() {
    for method in ["", "sendMessage", "SENDMESSAGE", "message/send ", "message//send", "unknown"] {
        assert_eq!(Operation::from_json_rpc(method), (Operation::Unknown, None), "{method:?}");
    }
}

#[test]
fn a_send_is_never_repeated() {
    for operation in Operation::ALL.into_iter().filter(|operation| operation.is_send()) {
        assert!(!operation.is_safe_to_repeat(), "{operation:?}");
    }
    assert!(!Operation::Unknown.is_safe_to_repeat());
}

#[test]
fn plans_name_operations_as_logs_do() {
    assert_eq!(Operation::ALL.map(Operation::name), signalbox_proto::model::permits::OPERATIONS);
}
